"""What each role may do with the records of a collection, and which guests a collection was opened to.

Owners and admins manage collections, so they may do everything in each. For the other roles a collection has a row
where it differs from what holds by itself: members may do everything, viewers and invited guests browse and read.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Literal

from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import (
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    String,
    and_,
    bindparam,
    delete,
    exists,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.rights import INSIDERS
from app.database import Base, PreparedChange, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.records.collections import Collection
from app.web.texts import _l

Reach = Literal["none", "own", "all"]
REACHES = {"none": _l("No records"), "own": _l("Their own"), "all": _l("All records")}


class Permissions(Struct, frozen=True):
    """What somebody may do with the records of a collection. Their own are those that they have added."""

    browse: bool
    read: bool
    add: bool
    edit: Reach
    delete: Reach


EVERYTHING = Permissions(browse=True, read=True, add=True, edit="all", delete="all")
READING = Permissions(browse=True, read=True, add=False, edit="none", delete="none")
NOTHING = Permissions(browse=False, read=False, add=False, edit="none", delete="none")
# What holds where a collection says nothing else. Other roles than these may do everything.
DEFAULTS: Mapping[str, Permissions] = {"member": EVERYTHING, "viewer": READING, "guest": READING}


def hold_back(collection: Collection, permissions: Permissions) -> Permissions:
    """What is left of what somebody may do in a collection: reading where it is archived, nothing in the bin."""
    if collection.deleted_at is not None:
        return NOTHING
    if collection.archived_at is not None:
        return replace(permissions, add=False, edit="none", delete="none")
    return permissions


# Who may be given no more than reading.
ONLY_READING = ("viewer",)
# For whom a field may be read-only: who may do everything never is, and who may only read needs no such thing.
LIMITED = tuple(role for role in DEFAULTS if role not in ONLY_READING)


class CollectionPermission(Tenanted, Base):
    """What a role may do with the records of a collection, where that is not what holds by itself."""

    __tablename__ = "collection_permission"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "collection_id"], ["collection.tenant_id", "collection.id"], ondelete="CASCADE"
        ),
    )

    collection_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    role: Mapped[str] = mapped_column(String(10), primary_key=True)
    may_browse: Mapped[bool]
    may_read: Mapped[bool]
    may_add: Mapped[bool]
    may_edit: Mapped[str] = mapped_column(String(4))
    may_delete: Mapped[str] = mapped_column(String(4))

    @property
    def permissions(self) -> Permissions:
        """As they are asked for."""
        edit: Any = self.may_edit
        remove: Any = self.may_delete
        return Permissions(self.may_browse, self.may_read, self.may_add, edit, remove)


class CollectionGuest(Tenanted, Base):
    """A guest whom a collection was opened to."""

    __tablename__ = "collection_guest"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "collection_id"], ["collection.tenant_id", "collection.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
        Index("ix_collection_guest_member", "tenant_id", "member_id"),
    )

    collection_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    admitted_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


FIND_PERMISSION = PreparedSelect(
    lambda: select(CollectionPermission).where(
        CollectionPermission.collection_id == bindparam("collection_id"),
        CollectionPermission.role == bindparam("role"),
    )
)
FIND_GUEST = PreparedSelect(
    lambda: select(CollectionGuest).where(
        CollectionGuest.collection_id == bindparam("collection_id"), CollectionGuest.member_id == bindparam("member_id")
    )
)
LIST_PERMISSIONS = PreparedSelect(
    lambda: select(CollectionPermission).where(CollectionPermission.collection_id == bindparam("collection_id"))
)
FORGET_PERMISSIONS = PreparedChange(
    lambda: delete(CollectionPermission).where(
        CollectionPermission.collection_id == bindparam("collection_id"),
        CollectionPermission.role.in_(bindparam("roles")),
    )
)


def is_kept(collection_id: Any) -> ColumnElement[bool]:
    """The criterion of collections that are not in the bin, by what has their ids."""
    # On its own: the query around it may be about collections, too.
    binned = select(Collection.id).where(Collection.deleted_at.is_not(None)).correlate(None)
    kept: ColumnElement[bool] = collection_id.not_in(binned)
    return kept


def is_granted(verb: Literal["browse", "read"], collection_id: Any, role: Any, member_id: Any) -> ColumnElement[bool]:
    """The criterion of collections in which somebody may browse or read, by what has the collections' ids, and by role
    and id of the person: columns or parameters."""
    column = CollectionPermission.may_browse if verb == "browse" else CollectionPermission.may_read
    denied = exists().where(
        CollectionPermission.collection_id == collection_id, CollectionPermission.role == role, ~column
    )
    invited = exists().where(CollectionGuest.collection_id == collection_id, CollectionGuest.member_id == member_id)
    return and_(is_kept(collection_id), ~denied, or_(role.in_(INSIDERS), invited))


def is_granted_to_reader(verb: Literal["browse", "read"], collection_id: Any) -> ColumnElement[bool]:
    """Likewise, of the member who asks: by the parameters `role` and `member_id`."""
    return is_granted(verb, collection_id, bindparam("role", type_=String), bindparam("member_id"))


def is_open_to_all(collection_id: Any) -> ColumnElement[bool]:
    """The criterion of collections that everybody may browse and read who belongs to the whole workspace."""
    denied = exists().where(
        CollectionPermission.collection_id == collection_id,
        CollectionPermission.role.in_(INSIDERS),
        or_(~CollectionPermission.may_browse, ~CollectionPermission.may_read),
    )
    return and_(is_kept(collection_id), ~denied)


async def find_permissions(transaction: Transaction, collection_id: int, role: str) -> Permissions:
    """What a role may do with the records of a collection; of a guest: in one that was opened to them."""
    if role not in DEFAULTS:
        return EVERYTHING
    found = await transaction.find(FIND_PERMISSION, collection_id=collection_id, role=role)
    return found[0].permissions if found else DEFAULTS[role]


async def is_guest_of(transaction: Transaction, collection_id: int, member_id: int) -> bool:
    """Whether a collection was opened to a guest."""
    return await transaction.find(FIND_GUEST, collection_id=collection_id, member_id=member_id) is not None


async def list_permissions(transaction: Transaction, collection_id: int) -> dict[str, Permissions]:
    """What each role may do with the records of a collection, of those that may be given less than everything."""
    rows = await transaction.column(LIST_PERMISSIONS, collection_id=collection_id)
    found = {row.role: row.permissions for row in rows}
    return {role: found.get(role, permissions) for role, permissions in DEFAULTS.items()}


async def write_permissions(
    transaction: Transaction, collection_id: int, permissions: Mapping[str, Permissions]
) -> None:
    """Write what roles may do with the records of a collection; of what holds by itself nothing is kept."""
    await transaction.apply(FORGET_PERMISSIONS, collection_id=collection_id, roles=list(permissions))
    rows = [
        {
            "collection_id": collection_id,
            "role": role,
            "may_browse": each.browse,
            "may_read": each.read,
            "may_add": each.add,
            "may_edit": each.edit,
            "may_delete": each.delete,
        }
        for role, each in permissions.items()
        if each != DEFAULTS[role]
    ]
    if rows:
        await transaction.insert_rows(CollectionPermission, *rows)
