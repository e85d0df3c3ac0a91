"""What programs get and give of fields, drafts and many records at once."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.programs.problems import ProblemShape
from app.programs.shapes import GivenValues

MOST_CHANGED_AT_ONCE = 200


class NewField(msgspec.Struct, forbid_unknown_fields=True):
    """A field that is to be added at the end. `default` is written as one would type it, `choices` are names.
    `options` are what its kind lets one choose: `grouping` and `unit` of numbers, `digits` of decimals, `currency` of
    money, `most` of ratings, and `several` of people."""

    name: Annotated[str, Meta(min_length=1, max_length=60)]
    kind: str
    key: Annotated[str, Meta(max_length=40)] = ""
    required: bool = False
    unique: bool = False
    help: Annotated[str, Meta(max_length=200)] = ""
    default: Annotated[str, Meta(max_length=500)] = ""
    choices: Annotated[list[Annotated[str, Meta(max_length=120)]], Meta(max_length=500)] = []
    options: dict[str, str | int | bool] = {}
    read_only_for: list[str] = []


class GivenChoiceShape(msgspec.Struct, forbid_unknown_fields=True):
    """A choice as it is to be: without an `id`, a new one."""

    name: Annotated[str, Meta(max_length=120)]
    id: int | None = None
    color: Annotated[str, Meta(max_length=20)] = ""
    archived: bool = False


class FieldChange(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is to be changed of a field. What is not named stays; `choices` are all that there are to be, in their
    order, and `position` is its place among the fields, 0 for the first."""

    name: Annotated[str, Meta(min_length=1, max_length=60)] | UnsetType = UNSET
    key: Annotated[str, Meta(max_length=40)] | UnsetType = UNSET
    required: bool | UnsetType = UNSET
    unique: bool | UnsetType = UNSET
    help: Annotated[str, Meta(max_length=200)] | UnsetType = UNSET
    default: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    choices: Annotated[list[GivenChoiceShape], Meta(max_length=500)] | UnsetType = UNSET
    options: dict[str, str | int | bool] | UnsetType = UNSET
    read_only_for: list[str] | UnsetType = UNSET
    position: Annotated[int, Meta(ge=0, le=1000)] | UnsetType = UNSET


class NewCollection(msgspec.Struct, forbid_unknown_fields=True):
    """A collection that is to be created, with a first field that is the title of its records."""

    name: Annotated[str, Meta(min_length=1, max_length=60)]
    first: Annotated[str, Meta(min_length=1, max_length=60)]


class DraftShape(msgspec.Struct):
    """What the member has typed and not saved. `values` are texts by the keys of fields, as they were typed, where that
    is not what is saved; `version` is the version of the record that they were typed over, or of the draft, where the
    record is not added yet."""

    values: dict[str, str]
    version: int
    typed_at: datetime


class DraftChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be kept as typed and not saved. Fields that are not named stay as they are."""

    values: GivenValues


class RowChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be done with one of many records, at the `version` that is known: either its `values` are changed,
    or with `delete` it is put into the trash. `lock` is what was given when its lock was taken."""

    number: int
    version: int
    values: GivenValues | None = None
    delete: bool = False
    lock: str | None = None


class RowsChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be done with many records, each by itself."""

    records: Annotated[list[RowChange], Meta(min_length=1, max_length=MOST_CHANGED_AT_ONCE)]


class RowAnswer(msgspec.Struct):
    """What became of one of many records: `status` is what a call for it alone would have been answered, with the
    `version` that it is at by now, or the `problem`. Nothing of one with a problem was written."""

    number: int
    status: int
    version: int | None
    problem: ProblemShape | None


class RowsAnswer(msgspec.Struct):
    """What became of each record, in the order of the request."""

    items: list[RowAnswer]


def list_named(change: msgspec.Struct) -> dict[str, Any]:
    """What a change of something names."""
    return {name: value for name in change.__struct_fields__ if (value := getattr(change, name)) is not UNSET}
