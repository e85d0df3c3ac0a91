"""The box in which a message is typed."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from app.chat.attachments import MOST_A_MESSAGE, Attachment
from app.chat.messages import LONGEST
from app.chat.timeline import ShownMessage
from app.web.texts import Text

EMOJI = (
    *("👍", "👎", "❤️", "😂", "😊", "😮", "😢", "🎉", "🙏", "👏", "🔥", "✅"),
    *("❌", "👀", "💡", "📚", "☕", "🚀", "🤔", "💪", "⭐", "🌱", "🕒", "📌"),
)

# Eight thousand characters take up to twelve bytes each in a form.
MESSAGE_LIMIT = 128 * 1024


@dataclass(frozen=True, slots=True)
class Composer:
    """The box in which a message is typed: where it goes, which place its draft is of, and what is in
    it, with the files that were brought. `file_limit` is in megabytes."""

    address: str
    place: str
    text: str
    key: str
    file_limit: int
    files: Sequence[Attachment] = ()
    limit: int = LONGEST
    most_files: int = MOST_A_MESSAGE
    reply: Any = None
    error: Text | None = None


def make_key() -> str:
    """The key of a message that is going to be typed."""
    return secrets.token_urlsafe(16)


def answered(reply: ShownMessage | None) -> Any:
    """What the box shows of a message that is going to be answered."""
    if reply is None:
        return None
    return {"id": reply.message.id, "author": reply.author, "text": reply.message.text[:80]}
