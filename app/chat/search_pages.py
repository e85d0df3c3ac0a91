"""The page that finds messages."""

from __future__ import annotations

from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from litestar import Response, get

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import render_page
from app.chat.limits import SearchLimit
from app.chat.reading import list_joined
from app.chat.rooms import find_name, get_room, list_active
from app.chat.search import HITS, search_messages
from app.database import Transaction
from app.web.forms import Form, number_of
from app.web.texts import _l


@get("/chat/search")
async def show_search(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    searching: SearchLimit,
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
    if any(asked.values()):
        await searching.check(member)
    zone = ZoneInfo(member.time_zone)
    first, last = read_day(form, "since", zone), read_day(form, "until", zone)
    hits = await search_messages(
        transaction,
        member,
        form["q"],
        room=where,
        author_id=number_of(author),
        since=first,
        until=last + timedelta(days=1) if last else None,
        before=number_of(before),
    )
    rooms = {joined.room.slug: joined.name for joined in await list_joined(transaction, member)}
    if where is not None and where.slug not in rooms:
        rooms[where.slug] = await find_name(transaction, member, where)
    return await render_page(
        request,
        transaction,
        member,
        "chat/search.html",
        status=422 if form.errors else 200,
        form=form,
        asked=any(asked.values()) and not form.errors,
        hits=hits[:HITS],
        older=f"/chat/search?{urlencode(asked | {'before': hits[HITS - 1].message.id})}" if len(hits) > HITS else "",
        rooms=rooms.items(),
        people=await list_active(transaction),
    )


def read_day(form: Form, name: str, zone: ZoneInfo) -> datetime | None:
    """The begin of a day in somebody's time zone; None for none. What is no day is noted as an error."""
    if not form[name]:
        return None
    try:
        day: datetime | None = datetime.strptime(form[name], "%Y-%m-%d").replace(tzinfo=zone)
    except ValueError:
        day = None
    if day is None or not 1900 < day.year < 9000:
        form.errors[name] = _l("This is not a date.")
        return None
    return day


handlers = [show_search]
