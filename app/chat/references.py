"""What belongs to a message and goes with it: whom it names, which records it refers to, and its words in the index."""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ForeignKeyConstraint, String, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app.chat.text.markdown import Rendered
from app.database import Base, PreparedChange, PreparedSelect, Tenanted, Transaction
from app.database.fulltext import FullText


class OfMessage(Tenanted):
    """Mixin of what belongs to a message and goes with it."""

    # First in the primary keys, so that what belongs to a message is found by it.
    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-1)


def to_message() -> ForeignKeyConstraint:
    """The key that ties a row to its message, in the same workspace."""
    return ForeignKeyConstraint(["tenant_id", "message_id"], ["message.tenant_id", "message.id"], ondelete="CASCADE")


class Mention(OfMessage, Base):
    """A member whom a message names, or 0 for `@room` and its like."""

    __tablename__ = "mention"
    __table_args__ = (to_message(),)

    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class RecordReference(OfMessage, Base):
    """A record that a message refers to, by the name of its row, such as `record-42`."""

    __tablename__ = "record_reference"
    __table_args__ = (to_message(),)

    position: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    subject: Mapped[str] = mapped_column(String(80), index=True)


class MessageIndex(Tenanted, Base):
    """The full-text index; a row has the id of its message (`rowid` is what FTS5 calls it)."""

    __tablename__ = "message_index"
    __table_args__ = {"info": {"virtual": True}}  # noqa: RUF012  (made by its migration)

    rowid: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    text: Mapped[str] = mapped_column(FullText)


# Whom messages name, 0 for everybody.
LIST_MENTIONS = PreparedSelect(
    lambda: (
        select(Mention.message_id, Mention.member_id)
        .where(Mention.message_id.in_(bindparam("message_ids")))
        .order_by(Mention.message_id, Mention.member_id)
    )
)


async def find_mentioned(transaction: Transaction, message_id: int) -> tuple[int, ...]:
    """The members whom a stored message mentions, 0 for everybody, as `Rendered.mentions` has them."""
    return tuple([member_id for _, member_id in await transaction.rows(LIST_MENTIONS, message_ids=[message_id])])


def keep_references(transaction: Transaction, message_id: int, rendered: Rendered) -> None:
    """Keep whom and what a message names."""
    transaction.add_all(Mention(message_id=message_id, member_id=member_id) for member_id in rendered.mentions)
    transaction.add_all(
        RecordReference(message_id=message_id, position=position, subject=subject)
        for position, subject in enumerate(rendered.subjects)
    )


@cache
def delete_of_message(model: Any) -> PreparedChange:
    """The delete of rows of a model that belong to a message."""
    return PreparedChange(lambda: delete(model).where(model.message_id == bindparam("of_message")))


DELETE_INDEXED = PreparedChange(lambda: delete(MessageIndex).where(MessageIndex.rowid == bindparam("of_message")))


async def forget_references(transaction: Transaction, message_id: int) -> None:
    """Delete whom and what a message named, and its text from the index."""
    for prepared in (delete_of_message(Mention), delete_of_message(RecordReference), DELETE_INDEXED):
        await transaction.apply(prepared, of_message=message_id)
    for instance in list(transaction):
        if isinstance(instance, Mention | RecordReference | MessageIndex):
            transaction.expunge(instance)
