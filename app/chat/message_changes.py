"""A message is edited, which keeps what it said before, or deleted, with what belongs to it."""

from __future__ import annotations

from collections.abc import Sequence

from litestar.exceptions import NotFoundException
from sqlalchemy import bindparam, select

from app.accounts.members import Member
from app.accounts.rights import require
from app.chat.facts import MessageDeleted, MessageEdited
from app.chat.messages import ArchivedRoom, ChangedMeanwhile, Message, MessageGone, MessageRevision
from app.chat.pins import PinnedMessage
from app.chat.reactions import Reaction
from app.chat.references import MessageIndex, delete_of_message, find_mentioned, forget_references, keep_references
from app.chat.rewriting import fill_as_before
from app.chat.rooms import Room
from app.chat.text.rendering import LONGEST_MESSAGE, Typed, UnfitText, read_message_text, render_text
from app.chat.timeline import count_edits
from app.database import PreparedSelect, Transaction, now


async def edit_message(
    transaction: Transaction,
    message: Message,
    member: Member,
    *,
    text: str | Typed,
    origin: str = "",
    with_files: bool = False,
    edits: int | None = None,
    named: str = "",
) -> bool:
    """Change the text of one's own message to what was typed, or read already, and keep what it was. False when nothing
    changes.

    `edits` is how often it had been edited when its text was taken for this one, if that is known: an edit that comes
    late replaces no later one. `named` are the names by which its mentions were shown then (`Filled.named`).

    Raises Invalid for a text that won't do, MessageGone for a deleted message (NotFoundException for another's),
    ChangedMeanwhile, and a 403 page for another's message or in an archived room.
    """
    if message.deleted_at is not None:
        if message.member_id != member.id:
            raise NotFoundException
        raise MessageGone
    require(member, "change", message)
    room = await transaction.get_one(Room, message.room_id)
    if room.archived_at is not None:
        raise ArchivedRoom
    filled = await fill_as_before(transaction, message.text, named)
    # What fits stays so, whatever those whom it mentions are called by now.
    typed = text if isinstance(text, Typed) else read_message_text(text, origin)
    if not (typed.text or with_files) or len(typed.text) > max(LONGEST_MESSAGE, len(filled.text)):
        raise UnfitText(typed.text)
    rendered = typed.prose or await render_text(
        transaction, typed, author=member, about=room.subject, before=message.html, filled=filled
    )
    if message.text in (rendered.text, typed.text):
        return False
    count = (await count_edits(transaction, [message.id])).get(message.id, 0)
    if edits is not None and edits != count:
        raise ChangedMeanwhile(message)
    transaction.add(
        MessageRevision(
            message_id=message.id,
            number=count + 1,
            text=message.text,
            made_at=message.edited_at or message.created_at,
        )
    )
    message.text, message.html, message.plain = rendered.text, rendered.html, rendered.plain
    message.edited_at = now()
    before = await find_mentioned(transaction, message.id)
    await forget_references(transaction, message.id)
    keep_references(transaction, message.id, rendered)
    await transaction.insert_rows(MessageIndex, {"rowid": message.id, "text": typed.text})
    transaction.keep(message)
    transaction.note(
        MessageEdited(
            by=transaction.acting(member.id),
            room_id=message.room_id,
            message_id=message.id,
            number=message.number,
            before=before,
            after=rendered.mentions,
        )
    )
    return True


async def delete_message(transaction: Transaction, message: Message, member: Member) -> bool:
    """Delete a message; who did it stays to be seen. False when it was deleted already.

    Raises a 403 page unless it is the member's own, or the member is an admin.
    """
    if message.deleted_at is not None:
        return False
    require(member, "delete", message)
    room = await transaction.get_one(Room, message.room_id)
    author = await find_author(transaction, message, member)
    before = await find_mentioned(transaction, message.id)
    await forget_references(transaction, message.id)
    for model in (MessageRevision, Reaction, PinnedMessage):
        await transaction.apply(delete_of_message(model), of_message=message.id)
    message.text = message.html = message.plain = ""
    message.deleted_at, message.deleted_by_id = now(), member.id
    await transaction.flush()
    transaction.keep(message)
    transaction.note(
        MessageDeleted(
            by=transaction.acting(member.id),
            room_id=room.id,
            message_id=message.id,
            number=message.number,
            before=before,
            room=room.audited_name,
            author=author,
        )
    )
    return True


async def find_author(transaction: Transaction, message: Message, member: Member) -> str | None:
    """Whose message it is, for the audit log; None for the member's own."""
    if message.member_id == member.id:
        return None
    author = await transaction.get_one(Member, message.member_id)
    return author.email or author.name


LIST_MESSAGE_REVISIONS = PreparedSelect(
    lambda: (
        select(MessageRevision)
        .where(MessageRevision.message_id == bindparam("message_id"))
        .order_by(MessageRevision.number)
    )
)


async def list_revisions(transaction: Transaction, message: Message, member: Member) -> Sequence[MessageRevision]:
    """What a message was before its edits, oldest first.

    Raises a 403 page unless it is the member's own, or the member is an admin.
    """
    require(member, "read revisions of", message)
    return await transaction.column(LIST_MESSAGE_REVISIONS, message_id=message.id)
