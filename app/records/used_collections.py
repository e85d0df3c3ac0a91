"""The collections that are shown wherever a member goes: those that they use, in the sidebar and on the start."""

from __future__ import annotations

from sqlalchemy import ColumnElement, bindparam, select

from app.accounts.members import Member
from app.accounts.visits import Visit
from app.database import PreparedSelect, Transaction
from app.records.collections import Collection
from app.records.permissions import is_granted_to_reader


def is_in_use() -> tuple[ColumnElement[bool], ...]:
    """The criteria of collections that are neither archived nor in the bin."""
    return Collection.archived_at.is_(None), Collection.deleted_at.is_(None)


LIST_COLLECTIONS = PreparedSelect(
    lambda: select(Collection).where(*is_in_use()).order_by(Collection.name, Collection.id).limit(bindparam("most"))
)


async def list_collections(transaction: Transaction, *, most: int) -> list[Collection]:
    """The first of the collections that are in use by name."""
    return await transaction.column(LIST_COLLECTIONS, most=most)


# How many the sidebar shows, and the start.
COLLECTIONS_SHOWN = 12
LIST_USED = PreparedSelect(
    lambda: (
        select(Collection)
        .outerjoin(
            Visit,
            (Visit.tenant_id == Collection.tenant_id)
            & (Visit.subject_id == Collection.id)
            & (Visit.kind == "collection")
            & (Visit.member_id == bindparam("member_id")),
        )
        .where(*is_in_use(), is_granted_to_reader("browse", Collection.id))
        .order_by(
            Collection.slug != bindparam("current"),
            Visit.visited_at.desc().nulls_last(),
            Collection.name,
            Collection.id,
        )
        .limit(COLLECTIONS_SHOWN)
    )
)


async def list_used(transaction: Transaction, member: Member, current: str = "") -> list[Collection]:
    """The collections that a member uses, by name: the one of the address that is open, then those opened last."""
    found = await transaction.rows(LIST_USED, member_id=member.id, role=member.role, current=current)
    return sorted((each for (each,) in found), key=lambda each: (each.name, each.id))
