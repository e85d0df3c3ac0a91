"""Reactions: emoji that members put under a message."""

from __future__ import annotations

import re
from datetime import datetime
from functools import cache
from types import ModuleType

from litestar.exceptions import NotFoundException
from sqlalchemy import ForeignKeyConstraint, String, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.accounts.rights import require
from app.chat.facts import ReactionChanged
from app.chat.messages import ArchivedRoom, Message
from app.chat.references import OfMessage, to_message
from app.chat.rooms import Room
from app.database import Base, PreparedSelect, Transaction, UtcDateTime, now
from app.web.forms import Invalid
from app.web.libraries import load_library
from app.web.texts import _l

MOST_REACTIONS = 20
VARIATIONS = re.compile("[\ufe0e\ufe0f]")


class Reaction(OfMessage, Base):
    """A member's emoji under a message."""

    __tablename__ = "reaction"
    __table_args__ = (to_message(), ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"]))

    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    emoji: Mapped[str] = mapped_column(String(16), primary_key=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


# In the order they came.
LIST_REACTIONS = PreparedSelect(
    lambda: (
        select(Reaction)
        .where(Reaction.message_id.in_(bindparam("message_ids")))
        .order_by(Reaction.message_id, Reaction.made_at, Reaction.emoji)
    )
)


@cache
def emoji_library() -> ModuleType:
    """The library with a table of all emoji, imported when the first is looked at; and its tables, made at once."""
    import emoji

    emoji.emojize(emoji.demojize("👍"))
    return emoji


async def prepare_emoji(_: object) -> None:
    """Bring in what tells which texts are an emoji, before the writer waits for it."""
    await load_library(emoji_library)


def check_emoji(emoji: str) -> str:
    """An emoji as it is stored. Raises Invalid for any other text.

    Some can be written with and without the characters that ask for a picture (U+FE0F) or for a text (U+FE0E): they
    are stored in the fully qualified form, so that ❤, ❤️ and ❤︎ are one (Unicode Technical Standard 51, 1.4.5).
    """
    library = emoji_library()
    emoji = next((each for each in (emoji, VARIATIONS.sub("", emoji)) if library.is_emoji(each)), "")
    if not emoji:
        raise Invalid(emoji=_l("Choose an emoji."))
    return str(library.emojize(library.demojize(emoji)))


async def react(transaction: Transaction, message: Message, member: Member, emoji: str, *, on: bool) -> bool:
    """Put an emoji under a message, or take it away. False when it is so already.

    Raises Invalid for what is no emoji or one kind too many, NotFoundException for a deleted message, and a 403 page
    in an archived room.
    """
    require(member, "write", "messages")
    if message.deleted_at is not None:
        raise NotFoundException
    if (await transaction.get_one(Room, message.room_id)).archived_at is not None:
        raise ArchivedRoom
    emoji = check_emoji(emoji)
    reactions = await transaction.column(LIST_REACTIONS, message_ids=[message.id])
    mine = next((each for each in reactions if each.member_id == member.id and each.emoji == emoji), None)
    if (mine is not None) == on:
        return False
    if mine is not None:
        await transaction.delete(mine)
    else:
        kinds = {each.emoji for each in reactions}
        if emoji not in kinds and len(kinds) >= MOST_REACTIONS:
            raise Invalid(emoji=_l("This message already has %(limit)d different reactions.", limit=MOST_REACTIONS))
        transaction.add(Reaction(message_id=message.id, member_id=member.id, emoji=emoji))
    await transaction.flush()
    transaction.keep(message)
    transaction.note(
        ReactionChanged(
            by=transaction.acting(member.id),
            room_id=message.room_id,
            message_id=message.id,
            number=message.number,
            emoji=emoji,
            on=on,
        )
    )
    return True
