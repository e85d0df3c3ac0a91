"""Searching messages: words and phrases, in the rooms that one may see."""

from __future__ import annotations

import asyncio
import re
import unicodedata
from collections.abc import Iterator
from datetime import datetime
from functools import cache

from msgspec import Struct
from sqlalchemy import ColumnElement, Select, bindparam, column, select

from app.accounts.members import Member
from app.accounts.mentions import read_texts
from app.accounts.programs import name_with_program
from app.accounts.rights import is_entitled
from app.chat.direct_rooms import find_room_names
from app.chat.memberships import is_visible
from app.chat.messages import Message
from app.chat.rooms import Room
from app.database import PreparedSelect, Transaction
from app.database.fulltext import Query, find_messages
from app.folding import FOLDED, fold_searched, without_strokes
from app.web.texts import Text

HITS = 50
# Characters that are searched for words while the loop waits; more are in a thread.
SEARCHED_INLINE = 20_000
MOST_SEARCH_WORDS = 12


class Hit(Struct, frozen=True):
    """A message that was found. `excerpt` is in pieces: (text, whether it is what was searched for)."""

    message: Message
    room: Room
    room_name: str
    author_id: int
    author: str
    excerpt: list[tuple[str, bool]]

    @property
    def signed(self) -> Text:
        """Who has written it, by a program or not."""
        return name_with_program(self.author, self.message.program)


def read_query(text: str) -> Query | None:
    """What a person typed: every word and "phrase" has to be there, the last word may go on. None without a word."""
    parts = re.findall(r'"([^"]*)"|(\S+)', text.replace("\0", " "))
    words = [(phrase or word).replace('"', " ").strip() for phrase, word in parts][:MOST_SEARCH_WORDS]
    words = [word for word in words if any(character.isalnum() for character in word)]
    if not words:
        return None
    return Query(tuple(words), open_ended=not text.rstrip().endswith('"'))


@cache
def select_found(given: frozenset[str], *, insider: bool) -> PreparedSelect[Message, Room, str]:
    """The select of the newest messages that a member may see, one more than a page shows, by the parameters that are
    given."""
    criteria = {
        "room_id": Message.room_id == bindparam("room_id"),
        "author_id": Message.member_id == bindparam("author_id"),
        "since": Message.created_at >= bindparam("since"),
        "until": Message.created_at < bindparam("until"),
    }

    def make() -> Select[Message, Room, str]:
        statement = (
            select(Message, Room, Member.name)
            .join(Room, (Room.id == Message.room_id) & (Room.tenant_id == Message.tenant_id))
            .join(Member, (Member.id == Message.member_id) & (Member.tenant_id == Message.tenant_id))
            .where(is_visible(bindparam("viewer_id"), insider=insider), Message.deleted_at.is_(None))
            .limit(HITS + 1)
        )
        number: ColumnElement[int] = Message.id.expression
        if "query" in given:
            found = find_messages("query").table_valued(column("id", Message.id.type), name="found")
            number = found.c.id
            statement = statement.join(found, Message.id == number)
        if "before" in given:
            statement = statement.where(number < bindparam("before"))
        return statement.where(*(criteria[each] for each in criteria if each in given)).order_by(number.desc())

    return PreparedSelect(make)


async def search_messages(
    transaction: Transaction,
    member: Member,
    text: str,
    *,
    room: Room | None = None,
    author_id: int = 0,
    since: datetime | None = None,
    until: datetime | None = None,
    before: int = 0,
) -> list[Hit]:
    """The newest messages with these words that a member may see, one more than a page shows; those before a
    message's id, if there is one. Without words, they are found by the rest of what is asked; by nothing, none is."""
    query = read_query(text)
    if query is None and (text.strip() or not (room or author_id or since or until)):
        return []
    asked = {
        **{"query": query, "room_id": room and room.id, "author_id": author_id},
        **{"since": since, "until": until, "before": before},
    }
    given = {name: value for name, value in asked.items() if value}
    prepared = select_found(frozenset(given), insider=is_entitled(member, "see", "everybody"))
    rows = await transaction.rows(prepared, viewer_id=member.id, **given)
    plains = await read_texts(transaction, *(message.plain for message, _, _ in rows))
    if sum(map(len, plains)) <= SEARCHED_INLINE:
        excerpts = make_excerpts(plains, text)
    else:
        excerpts = await asyncio.to_thread(make_excerpts, plains, text)
    names = await find_room_names(transaction, [(member.id, where) for _, where, _ in rows])
    return [
        Hit(message, where, names[member.id, where.id], message.member_id, name, pieces)
        for (message, where, name), pieces in zip(rows, excerpts, strict=True)
    ]


def make_excerpts(plains: list[str], text: str) -> list[list[tuple[str, bool]]]:
    """The excerpt of each of these plain texts."""
    return [list(excerpt(plain, text)) for plain in plains]


def excerpt(plain: str, text: str) -> Iterator[tuple[str, bool]]:
    """Some 200 characters of a plain text around the first word that was searched for, in marked pieces."""
    plain = unicodedata.normalize("NFC", plain)
    words = [re.escape(word) for word in re.findall(r"\w+", fold_searched(text))]
    pattern = re.compile(rf"\b(?:{'|'.join(words)})\w*") if words else None
    first = pattern.search(fold_letters(plain)) if pattern else None
    start = max(0, (first.start() if first else 0) - 60)
    if start:
        yield "…", False
    shown = plain[start : start + 200]
    end = 0
    for match in pattern.finditer(fold_letters(shown)) if pattern else ():
        yield shown[end : match.start()], False
        yield shown[match.start() : match.end()], True
        end = match.end()
    yield shown[end:] + ("…" if start + 200 < len(plain) else ""), False


def fold_letters(text: str) -> str:
    """Text without accents, strokes and case, letter by letter, so that places in it are places in the text."""
    if text.isascii():
        return text.lower()
    return without_strokes("".join(FOLDED[ord(letter)][:1] or letter for letter in text))
