"""What the server gives. Members that are not known here are left out, as more may come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection, of whose changes is told on `channel`."""

    slug: str
    name: str
    total: int
    channel: str


@dataclass(frozen=True, slots=True)
class Record:
    """A record, with its values by the keys of fields. On `channel` comes who edits it."""

    number: int
    version: int
    values: dict[str, Any]
    channel: str


@dataclass(frozen=True, slots=True)
class Message:
    """A message of a room."""

    number: int
    text: str


@dataclass(frozen=True, slots=True)
class Event:
    """Something that has happened. Keep its `cursor` once it is dealt with."""

    cursor: int
    kind: str
    channel: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Gap:
    """What came after one cursor, up to before the other, is not given: read anew what you keep.

    The log no longer has it; or, where there are `channels`, these could not be followed meanwhile, and can be again.
    """

    after: int
    before: int
    channels: tuple[str, ...] = ()


def read_shape(shape: type[Shape], given: Mapping[str, Any]) -> Shape:
    """What was given, of what is known."""
    return shape(**{each.name: given[each.name] for each in fields(shape) if each.name in given})  # type: ignore[arg-type]
