"""The collections that are shown wherever a member goes: those that they use, in the sidebar and on the start."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import ColumnElement, bindparam, select

from app.accounts.members import Member
from app.accounts.visits import Visit
from app.database import PreparedSelect, Transaction
from app.records.collections import Collection
from app.records.permissions import is_granted_to_reader
from app.records.pins import PinnedCollection


def is_in_use() -> tuple[ColumnElement[bool], ...]:
    """The criteria of collections that are neither archived nor in the bin."""
    return Collection.archived_at.is_(None), Collection.deleted_at.is_(None)


LIST_COLLECTIONS = PreparedSelect(
    lambda: select(Collection).where(*is_in_use()).order_by(Collection.name, Collection.id).limit(bindparam("most"))
)


async def list_collections(transaction: Transaction, *, most: int) -> list[Collection]:
    """The first of the collections that are in use by name."""
    return await transaction.column(LIST_COLLECTIONS, most=most)


# How many the sidebar shows; and of these the home page.
COLLECTIONS_SHOWN = 12
COLLECTIONS_ON_HOME = 8
LIST_USED = PreparedSelect(
    lambda: (
        select(Collection, PinnedCollection.member_id)
        .outerjoin(
            Visit,
            (Visit.tenant_id == Collection.tenant_id)
            & (Visit.subject_id == Collection.id)
            & (Visit.kind == "collection")
            & (Visit.member_id == bindparam("member_id")),
        )
        .outerjoin(
            PinnedCollection,
            (PinnedCollection.tenant_id == Collection.tenant_id)
            & (PinnedCollection.collection_id == Collection.id)
            & (PinnedCollection.member_id == bindparam("member_id")),
        )
        .where(*is_in_use(), is_granted_to_reader("browse", Collection.id))
        .order_by(
            Collection.slug != bindparam("current"),
            PinnedCollection.member_id.is_(None),
            Visit.visited_at.desc().nulls_last(),
            Collection.name,
            Collection.id,
        )
        .limit(COLLECTIONS_SHOWN)
    )
)


class UsedCollections(Struct, frozen=True):
    """The collections that a member uses, by name, and the ids of those that they have pinned."""

    collections: list[Collection]
    pinned: frozenset[int]

    @property
    def first(self) -> list[Collection]:
        """Those for the home page: what is pinned, or the first where nothing is."""
        return [each for each in self.collections if each.id in self.pinned] or self.collections[:COLLECTIONS_ON_HOME]


async def list_used(transaction: Transaction, member: Member, current: str = "") -> UsedCollections:
    """The collections that a member uses: the one of the address that is open, those that are pinned, then those opened
    last. What a page asks for twice, for itself and for its sidebar, is read once."""
    key = UsedCollections, member.id, current
    used: UsedCollections | None = None if transaction.writes else transaction.info.get(key)
    if used is None:
        found = await transaction.rows(LIST_USED, member_id=member.id, role=member.role, current=current)
        collections = sorted((each for each, _ in found), key=lambda each: (each.name, each.id))
        used = UsedCollections(collections, frozenset(each.id for each, pinned_by in found if pinned_by is not None))
        transaction.info[key] = used
    return used
