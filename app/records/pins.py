"""Collections that members have pinned: each member's own, which their home page and sidebar have before others."""

from __future__ import annotations

from msgspec import Struct
from sqlalchemy import ForeignKeyConstraint, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.home import HomeOf
from app.accounts.members import Member
from app.database import Base, PreparedChange, PreparedSelect, Showing, Tenanted, Transaction
from app.records.collections import Collection


class PinnedCollection(Tenanted, Base):
    """A collection that a member has pinned."""

    __tablename__ = "pinned_collection"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "collection_id"], ["collection.tenant_id", "collection.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
    )

    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    collection_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class PinnedOf(Showing, Struct, frozen=True):
    """That a member has pinned a collection, or has not any more."""

    member_id: int
    collection_id: int


OF_ONE = (
    PinnedCollection.member_id == bindparam("pinned_by"),
    PinnedCollection.collection_id == bindparam("pinned_id"),
)
FIND_PIN = PreparedSelect(lambda: select(PinnedCollection.collection_id).where(*OF_ONE))
FORGET_PIN = PreparedChange(lambda: delete(PinnedCollection).where(*OF_ONE))


async def is_pinned(transaction: Transaction, member: Member, collection: Collection) -> bool:
    """Whether a member has pinned a collection."""
    return await transaction.value(FIND_PIN, pinned_by=member.id, pinned_id=collection.id) is not None


async def pin_collection(transaction: Transaction, member: Member, collection: Collection, *, pinned: bool) -> None:
    """Pin a collection, or do so no more; the member's open home pages and lists of it follow."""
    await transaction.apply(FORGET_PIN, pinned_by=member.id, pinned_id=collection.id)
    if pinned:
        await transaction.insert(PinnedCollection(member_id=member.id, collection_id=collection.id))
    transaction.show(HomeOf(member.id))
    transaction.show(PinnedOf(member.id, collection.id))
