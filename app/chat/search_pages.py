"""The page that finds messages."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlencode

from litestar import Response, get

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import render_page
from app.chat.reading import list_joined
from app.chat.rooms import get_room, list_active
from app.chat.search import HITS, search_messages
from app.database import Transaction
from app.web.forms import Form, number_of


@get("/chat/search")
async def show_search(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    q: str = "",
    room: str = "",
    author: str = "",
    since: str = "",
    until: str = "",
    before: str = "",
) -> Response[str]:
    """Messages by words, in a room, of an author, in a span of days."""
    where = await get_room(transaction, member, room) if room else None
    asked = {"q": q[:200], "room": room, "author": author, "since": since, "until": until}
    form = Form(list(asked.items()))
    hits = await search_messages(
        transaction,
        member,
        form["q"],
        room=where,
        author_id=number_of(author),
        since=read_day(since),
        until=read_day(until, end=True),
        before=number_of(before),
    )
    return await render_page(
        request,
        transaction,
        member,
        "chat/search.html",
        form=form,
        hits=hits[:HITS],
        older=f"/chat/search?{urlencode(asked | {'before': hits[HITS - 1].message.id})}" if len(hits) > HITS else "",
        rooms=await list_joined(transaction, member),
        people=await list_active(transaction),
    )


def read_day(text: str, *, end: bool = False) -> datetime | None:
    """The begin, or the end, of a day in UTC; None for what is no day."""
    try:
        day = datetime.strptime(text, "%Y-%m-%d").replace(tzinfo=UTC)
    except ValueError:
        return None
    return day.replace(hour=23, minute=59, second=59, microsecond=999_999) if end else day


handlers = [show_search]
