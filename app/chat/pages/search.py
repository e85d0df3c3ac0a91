"""The page that finds messages."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timedelta
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from litestar import Response, get
from litestar.exceptions import NotFoundException
from msgspec import Struct

from app.accounts.access import AnyRequest
from app.accounts.choosing import OFFERED, Chosen, list_known, list_known_of_number, read_chosen, sought_id
from app.accounts.members import Member
from app.accounts.quick_switcher import leads_to
from app.accounts.shell import render_page
from app.chat.direct_rooms import find_name
from app.chat.limits import SearchLimit
from app.chat.memberships import get_room
from app.chat.room_lists import list_rooms
from app.chat.search import HITS, search_messages
from app.database import Transaction
from app.folding import fold, without_strokes
from app.web.forms import Form, number_of
from app.web.texts import _l

leads_to("pages", _l("Search messages"), "/chat/search", icon="search", order=35)


@get("/chat/search")
async def show_search(
    request: AnyRequest,
    turn: None,
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
    asked = {"q": q[:200], "room": room[:200], "author": author[:200], "since": since, "until": until}
    form = Form(list(asked.items()))
    if any(asked.values()):
        await searching.check(member)
    where = await find_room(transaction, member, form)
    writer = await find_searched_author(transaction, member, form)
    zone = ZoneInfo(member.time_zone)
    first, last = read_day(form, "since", zone), read_day(form, "until", zone)
    hits = await search_messages(
        transaction,
        member,
        form["q"],
        room=await get_room(transaction, member, where.values[0]) if where.values else None,
        author_id=writer.ids[0] if writer.ids else sought_id(author),
        since=first,
        until=last + timedelta(days=1) if last else None,
        before=number_of(before),
    )
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
        room=where,
        author=writer,
    )


class ChosenRoom(Struct, frozen=True):
    """The room that is searched: its slug and name, or what was typed and means none."""

    values: list[str]
    labels: list[str]
    typed: str = ""

    @property
    def text(self) -> str:
        """What stands in the field."""
        return self.typed or "".join(self.labels)


async def find_room(transaction: Transaction, member: Member, form: Form) -> ChosenRoom:
    """The room that a field names by its slug or name, or by a part of its name. What means none, or several, is noted
    as an error."""
    text = form["room"].strip()
    if not text:
        return ChosenRoom([], [])
    try:
        room = await get_room(transaction, member, text)
        return ChosenRoom([room.slug], [await find_name(transaction, member, room)])
    except NotFoundException:
        rooms = [(each, fold(each.name)) for each in await list_rooms(transaction, member)]
    wanted = fold(text)
    found = [each for each, name in rooms if name == wanted] or [
        each for each, name in rooms if without_strokes(wanted) in without_strokes(name)
    ]
    if len(found) == 1:
        return ChosenRoom([found[0].slug], [found[0].name])
    # Those that are called the same are told apart by their addresses.
    alike = Counter(name for _, name in rooms)
    names = ", ".join(each.slug if alike[fold(each.name)] > 1 else each.name for each in found[:OFFERED])
    form.errors["room"] = (
        _l("Several rooms have this name: %(names)s. Type one of these.", names=names)
        if found
        else _l("There is no room with this name.")
    )
    return ChosenRoom([], [], text)


async def find_searched_author(transaction: Transaction, member: Member, form: Form) -> Chosen:
    """Who wrote what is searched for: also somebody who has left, by their id."""
    if not form["author"].strip():
        return Chosen()
    if id_ := sought_id(form["author"]):
        return Chosen(await list_known_of_number(transaction, member, id_))
    return read_chosen(form, "author", await list_known(transaction, member), by_parts=True)


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
