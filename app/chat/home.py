"""What the home page shows of chat: rooms with something unread, each with its last line; and what is not sent yet."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from sqlalchemy import ColumnElement, and_, bindparam, exists, or_, select

from app.accounts.access import AnyRequest
from app.accounts.home import WAITING_SHOWN, Waits, first_step, home_part, waits
from app.accounts.members import Member
from app.accounts.rights import is_entitled
from app.chat.drafts import MessageDraft
from app.chat.last_lines import LastLine, find_last_lines
from app.chat.memberships import is_visible
from app.chat.reading import JoinedRoom
from app.chat.rooms import AnyRoom, Room
from app.chat.saved import list_saved
from app.chat.sidebar import list_own_rooms, name_channels
from app.database import PreparedSelect, Transaction
from app.web.texts import _l

LINES_SHOWN = 5
LINES_FOLLOWED = 50


async def list_last_lines(transaction: Transaction, joined: Sequence[JoinedRoom]) -> list[tuple[JoinedRoom, LastLine]]:
    """The last lines of some rooms, the newest first."""
    rooms = {each.room.id: each for each in joined}
    found = await find_last_lines(transaction, list(rooms), most=LINES_SHOWN)
    return [(rooms[room_id], line) for room_id, line in found.items()]


@home_part("chat/_home_rooms.html", place="side", order=20)
async def rooms_part(request: AnyRequest, transaction: Transaction, member: Member) -> dict[str, Any]:
    """The rooms that are not muted in which something is unread, each with its last line; and the channels of
    their lines, and of as many others. Where a line comes into one beyond those, the page fetches itself anew."""
    sidebar = await list_own_rooms(request, transaction, member)
    joined = [*(shown.joined for shown in sidebar.shown), *sidebar.rest]
    unmuted = [each for each in joined if each.membership.notify != "nothing"]
    unread = [each for each in unmuted if each.unread]
    followed = [*unread, *(each for each in unmuted if not each.unread)]
    ids = [*(each.room.id for each in followed), *sidebar.quiet][:LINES_FOLLOWED]
    follow = name_channels("line", ids)
    return {"rooms": await list_last_lines(transaction, unread), "most": LINES_SHOWN, "follow": follow}


def address_of_room(room: AnyRoom) -> str:
    """Where a room is seen."""
    return f"/discussion/{room.subject}" if room.kind == "discussion" else f"/chat/{room.slug}"


LIST_MESSAGE_DRAFTS = PreparedSelect(
    lambda: (
        select(MessageDraft.place, MessageDraft.text, MessageDraft.typed_at)
        .where(MessageDraft.member_id == bindparam("member_id"), MessageDraft.text != "")
        .order_by(MessageDraft.typed_at.desc())
        .limit(WAITING_SHOWN)
    )
)


@cache
def select_typed_in(*, insider: bool) -> PreparedSelect[Room]:
    """The select of the rooms and discussions that have some places, of those that a member may see."""
    seen = is_visible(bindparam("member_id"), insider=insider)
    named = or_(Room.id.in_(bindparam("ids")), and_(Room.kind == "discussion", Room.subject.in_(bindparam("subjects"))))
    return PreparedSelect(lambda: select(Room).where(named, seen))


async def list_typed_in(transaction: Transaction, member: Member, places: Sequence[str]) -> dict[str, Room]:
    """The rooms that have some places, by these, of those that a member may see."""
    numbers = [place.removeprefix("room-") for place in places]
    ids = [int(number) for number in numbers if number.isdecimal()]
    prepared = select_typed_in(insider=is_entitled(member, "see", "everybody"))
    found = await transaction.column(prepared, ids=ids, subjects=list(places), member_id=member.id)
    return {room.place: room for room in found}


@waits(order=30)
async def list_unsent_messages(request: AnyRequest, transaction: Transaction, member: Member) -> list[Waits]:
    """What a member has typed and not sent, in the rooms that they are in, and where they may only read by now."""
    drafts = await transaction.rows(LIST_MESSAGE_DRAFTS, member_id=member.id)
    if not drafts:
        return []
    sidebar = await list_own_rooms(request, transaction, member)
    joined = {each.room.place: each for each in (*(shown.joined for shown in sidebar.shown), *sidebar.rest)}
    others = [place for place, *_ in drafts if place not in joined]
    rooms = await list_typed_in(transaction, member, others) if others else {}
    named = {place: (each.name, each.room) for place, each in joined.items()}
    named |= {place: (room.name, room) for place, room in rooms.items()}
    return [
        Waits(
            "message-square", named[place][0], address_of_room(named[place][1]), _l("Message, not sent yet"), typed_at
        )
        for place, _, typed_at in drafts
        if place in named
    ]


@waits(order=35)
async def list_saved_messages(request: AnyRequest, transaction: Transaction, member: Member) -> list[Waits]:
    """What a member has saved for later."""
    return [
        Waits(
            "bookmark",
            each.text or _l("A file").translate(transaction.tenant.language),
            f"/chat/{each.room.slug}?at={each.message.number}",
            _l("Saved for later"),
            each.saved_at,
        )
        for each in await list_saved(transaction, member, most=WAITING_SHOWN)
    ]


@first_step(_l("Say hello"), (_l("Open the general room"), "/chat/general"), order=30)
def has_messages() -> ColumnElement[bool]:
    """Whether anybody has said anything."""
    return exists().where(Room.last_number > 0)
