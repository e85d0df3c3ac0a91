"""What belongs to a message and goes with it: whom it names, which records it refers to, and its words in the index."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ForeignKeyConstraint, String, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app.chat.text.markdown import Rendered
from app.database import Base, Tenanted, Transaction
from app.database.fulltext import FullText


class OfMessage(Tenanted):
    """Mixin of what belongs to a message and goes with it."""

    # First in the primary keys, so that what belongs to a message is found by it.
    message_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, sort_order=-1)


def to_message() -> ForeignKeyConstraint:
    """The key that ties a row to its message, in the same workspace."""
    return ForeignKeyConstraint(["tenant_id", "message_id"], ["message.tenant_id", "message.id"], ondelete="CASCADE")


class Mention(OfMessage, Base):
    """A member whom a message names, or 0 for `@room`."""

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


async def find_mentioned(transaction: Transaction, message_id: int) -> tuple[int, ...]:
    """The members whom a stored message mentions, 0 for everybody, as `Rendered.mentions` has them."""
    statement = select(Mention.member_id).where(Mention.message_id == message_id).order_by(Mention.member_id)
    return tuple(await transaction.scalars(statement))


def keep_references(transaction: Transaction, message_id: int, rendered: Rendered) -> None:
    """Keep whom and what a message names."""
    transaction.add_all(Mention(message_id=message_id, member_id=member_id) for member_id in rendered.mentions)
    transaction.add_all(
        RecordReference(message_id=message_id, position=position, subject=subject)
        for position, subject in enumerate(rendered.subjects)
    )


async def forget_references(transaction: Transaction, message_id: int) -> None:
    """Delete whom and what a message named, and its text from the index."""
    for model, column in (
        (Mention, Mention.message_id),
        (RecordReference, RecordReference.message_id),
        (MessageIndex, MessageIndex.rowid),
    ):
        statement: Any = delete(model).where(column == message_id)
        await transaction.execute(statement)
    for instance in list(transaction):
        if isinstance(instance, Mention | RecordReference | MessageIndex):
            transaction.expunge(instance)
