"""The box in which a message is typed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from msgspec import Struct

from app.accounts.members import Member
from app.chat.attachments import MOST_A_MESSAGE, Attachment
from app.chat.drafts import get_draft
from app.chat.messages import Message
from app.chat.rooms import Room
from app.chat.text.rendering import LONGEST_MESSAGE
from app.chat.timeline import ShownMessage, show_message
from app.chat.unsent_files import list_unsent
from app.database import Transaction
from app.web.forms import make_key
from app.web.texts import Text, shorten_text

EMOJI = (
    *("👍", "👎", "❤️", "😂", "😊", "😮", "😢", "🎉", "🙏", "👏", "🔥", "✅"),
    *("❌", "👀", "💡", "📚", "☕", "🚀", "🤔", "💪", "⭐", "🌱", "🕒", "📌"),
)

# Eight thousand characters take up to twelve bytes each in a form.
MESSAGE_FORM_LIMIT = 128 * 1024
# With the names by which those are shown whom it mentions, each once.
REWRITE_LIMIT = 2 * MESSAGE_FORM_LIMIT


class Composer(Struct, frozen=True):
    """The box in which a message is typed: where it goes, which place its draft is of, and what is in it, with the
    files that were brought; `other_files` were brought to other boxes of the place. `file_limit` is in megabytes.
    `reply` is the answered message, as `answered` shows it."""

    address: str
    place: str
    text: str
    key: str
    file_limit: int
    files: Sequence[Attachment] = ()
    other_files: Sequence[Attachment] = ()
    limit: int = LONGEST_MESSAGE
    most_files: int = MOST_A_MESSAGE
    reply: Any = None
    error: Text | None = None


async def open_composer(
    transaction: Transaction,
    member: Member,
    room: Room | None,
    *,
    address: str,
    place: str,
    file_limit: int,
    reply: ShownMessage | None = None,
    text: str | None = None,
    key: str = "",
    error: Text | None = None,
) -> Composer:
    """The box of a room, or of a discussion that nobody has begun, with what its member has typed there and brought.

    Of a message that was refused it has `text`, `key` and `reply` instead of the draft's.
    """
    draft, brought = await transaction.together(
        get_draft(transaction, member, place), list_unsent(transaction, room, member)
    )
    if draft is not None and text is None:
        text, key = draft.text, draft.key
        if reply is None and room is not None and draft.reply_to_id:
            message = await transaction.get(Message, draft.reply_to_id)
            if message is not None and message.room_id == room.id:
                reply = await show_message(transaction, message)
    # Where nothing was typed, whatever was left in a box of the place goes on here.
    files = [file for file in brought if draft is None or file.box in (None, draft.key)][:MOST_A_MESSAGE]
    return Composer(
        address=address,
        place=place,
        text=text or "",
        key=key or make_key(),
        file_limit=file_limit,
        files=files,
        other_files=[file for file in brought if file not in files],
        reply=answered(reply),
        error=error,
    )


def answered(reply: ShownMessage | None) -> Any:
    """What the box shows of a message that is going to be answered."""
    if reply is None:
        return None
    gone = reply.message.deleted_at is not None
    return {"id": reply.message.id, "author": reply.author, "text": shorten_text(reply.excerpt, 80), "gone": gone}
