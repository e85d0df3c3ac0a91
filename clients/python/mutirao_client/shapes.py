"""What the server gives. Members that are not known here are left out, as more may come."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
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
    """A record, with its values by the keys of fields. On `channel` comes who edits it. Its moments are in UTC, as
    `datetime` with a time zone; `deleted_at` is None unless it is in the trash."""

    number: int
    version: int
    values: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
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
    known = {each.name: given[each.name] for each in fields(shape) if each.name in given}  # type: ignore[arg-type]
    return shape(**{name: read_moment(name, value) for name, value in known.items()})


def read_moment(name: str, value: Any) -> Any:
    """A moment, which its name tells, as Python has it; anything else as it is."""
    return datetime.fromisoformat(value) if name.endswith("_at") and value is not None else value


def write_moment(moment: datetime | str) -> str:
    """A moment as it is asked for. Raises ValueError for one without a time zone, as the server would take it for
    UTC."""
    if isinstance(moment, str):
        return moment
    if moment.tzinfo is None:
        raise ValueError("Give the moment a time zone, such as by datetime.now(UTC).")
    return moment.isoformat()
