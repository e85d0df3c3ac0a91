"""What programs get and give of collections as admins manage them: what they are called, who may do what, and fields
that are taken out, filled, or become another kind."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.programs.shapes import FieldShape
from app.records.kind_plans import Preview
from app.records.permissions import Permissions, Reach


class CollectionChange(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is to be changed of a collection. What is not named stays, as does its address."""

    name: Annotated[str, Meta(min_length=1, max_length=60)] | UnsetType = UNSET
    description: Annotated[str, Meta(max_length=500)] | UnsetType = UNSET
    icon: Annotated[str, Meta(max_length=20)] | UnsetType = UNSET
    color: Annotated[str, Meta(max_length=10)] | UnsetType = UNSET


class RolePermissions(msgspec.Struct, forbid_unknown_fields=True):
    """What a role may do with the records of a collection: `edit` and `delete` are `none`, `own` or `all`."""

    browse: bool
    read: bool
    add: bool
    edit: Reach
    delete: Reach


LimitedRole = Literal["member", "viewer", "guest"]


class PermissionsShape(msgspec.Struct):
    """What each role may do with the records of a collection, by roles; guests, where it is open to them. Admins and
    owners, who are not among them, may do everything."""

    roles: dict[LimitedRole, RolePermissions]


class PermissionsChange(msgspec.Struct, forbid_unknown_fields=True):
    """What roles are to be allowed, by roles. Those that are not named stay."""

    roles: dict[LimitedRole, RolePermissions]


class GuestGiven(msgspec.Struct, forbid_unknown_fields=True):
    """The guest whom a collection is to be opened to."""

    member_id: int


class RemovedField(msgspec.Struct):
    """A field that was taken out. It can be restored by its key until 30 days after `removed_at`."""

    field: FieldShape
    removed_at: datetime


class KindWanted(msgspec.Struct, forbid_unknown_fields=True):
    """The kind that a field is to have, with what that lets one choose, as `options` of a new field."""

    kind: Annotated[str, Meta(max_length=40)]
    options: dict[str, str | int | bool] = {}


class ConvertedValue(msgspec.Struct):
    """What a value is shown as, and what it would be shown as."""

    before: str
    after: str


class UnconvertedValue(msgspec.Struct):
    """A value that can't be of the new kind: how many records have it, the first of them, and why not."""

    value: str
    count: int
    number: int
    detail: str


class KindPreview(msgspec.Struct):
    """What a change of kind would do: to how many records (`total`), how many of which lose their value (`failed`) or a
    part of it (`lessened`), and how many that have nothing will say something (`empty`). It is `partial` where there
    are so many different values that some were not looked at. Some are shown."""

    total: int
    failed: int
    lessened: int
    empty: int
    partial: bool
    converted: list[ConvertedValue]
    failures: list[UnconvertedValue]


class KindStanding(msgspec.Struct):
    """A field whose kind was to be changed. It is `done` where all values are there; otherwise the field is what it was
    until they are."""

    done: bool
    field: FieldShape


class Filling(msgspec.Struct, forbid_unknown_fields=True):
    """The value for records that have none in a field, as values of it are given."""

    value: Any


class FilledShape(msgspec.Struct):
    """How many records have no value in the field still: they are being edited, or are filled by the same again."""

    left: int


def shape_permissions(permissions: Permissions) -> RolePermissions:
    """What a role may do, for programs."""
    each = permissions
    return RolePermissions(each.browse, each.read, each.add, each.edit, each.delete)


def read_permissions_of(change: PermissionsChange) -> dict[str, Permissions]:
    """What roles are to be allowed, by the roles that are named."""
    return {
        role: Permissions(each.browse, each.read, each.add, each.edit, each.delete)
        for role, each in change.roles.items()
    }


def shape_preview(preview: Preview, language: str) -> KindPreview:
    """What a change of kind would do, for programs."""
    return KindPreview(
        total=preview.total,
        failed=preview.failed,
        lessened=preview.lessened,
        empty=preview.empty,
        partial=preview.partial,
        converted=[ConvertedValue(before, after) for before, after in preview.shown],
        failures=[
            UnconvertedValue(value, count, number, why.translate(language))
            for value, count, number, why in preview.failures
        ],
    )
