"""The collections that are shown wherever a member goes: those that they use, in the sidebar and on the start."""

from __future__ import annotations

from sqlalchemy import ColumnElement, String, bindparam, select

from app.accounts.members import Member
from app.accounts.visits import Visit
from app.database import PreparedSelect, Transaction
from app.records.collections import Collection
from app.records.permissions import is_granted


def is_in_use() -> tuple[ColumnElement[bool], ...]:
    """The criteria of collections that are neither archived nor in the bin."""
    return Collection.archived_at.is_(None), Collection.deleted_at.is_(None)


async def list_collections(transaction: Transaction, most: int | None = None) -> list[Collection]:
    """The collections that are in use by name: all, or the first of them."""
    statement = select(Collection).where(*is_in_use()).order_by(Collection.name, Collection.id).limit(most)
    return list(await transaction.scalars(statement))


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
        .where(
            *is_in_use(), is_granted("browse", Collection.id, bindparam("role", type_=String), bindparam("member_id"))
        )
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
