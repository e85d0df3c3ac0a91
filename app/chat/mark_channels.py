"""What is pushed of marks on messages: how many are pinned to a room, and to each member what they have saved, left
unread, or typed and not sent."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from app.chat.channels import UnreadFrom
from app.chat.drafts import DraftOf
from app.chat.facts import MessageDeleted, MessagePinned, MessageRestored
from app.chat.pins import count_pinned
from app.chat.rooms import Room
from app.chat.saved import SavedOf
from app.database import Partial, Tenant, Transaction
from app.live.log import refresh
from app.web.templates import make_partial


async def read_pins(
    transaction: Transaction, facts: Sequence[MessagePinned | MessageDeleted | MessageRestored]
) -> list[tuple[Room, int]]:
    """How many messages are pinned by now to the rooms in which that may have changed."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    counts = await count_pinned(transaction, rooms)
    return [(room, counts[room.id]) for room in rooms.values()]


def show_pins(tenant: Tenant, counts: Sequence[tuple[Room, int]]) -> Iterator[Partial]:
    """How many are pinned, to those who look at their rooms; lists of them fetch themselves anew."""
    for room, count in counts:
        yield make_partial(tenant, f"room.{room.id}", "chat/pins_push.html", room=room, pins=count)


def show_saved_changed(tenant: Tenant, showings: Sequence[SavedOf]) -> Iterator[Partial]:
    """Lists of what members have saved fetch themselves anew, and messages show that they are saved."""
    for member_id in dict.fromkeys(each.member_id for each in showings):
        yield refresh(tenant, f"user.{member_id}", "saved-refresh")
    for each in showings:
        shown: dict[str, Any] = {"room_id": each.room_id, "number": each.number, "saved": each.saved}
        yield make_partial(tenant, f"user.{each.member_id}", "chat/saved_push.html", **shown)


def show_drafts(tenant: Tenant, showings: Sequence[DraftOf]) -> Iterator[Partial]:
    """To members whether they have typed something in a room that is not sent yet."""
    for each in {(each.member_id, each.room_id): each for each in showings}.values():
        shown: dict[str, Any] = {"room_id": each.room_id, "drafted": each.drafted}
        yield make_partial(tenant, f"user.{each.member_id}", "chat/draft_push.html", **shown)


def show_unread_from(tenant: Tenant, showings: Sequence[UnreadFrom]) -> Iterator[Partial]:
    """To members' open pages of a room from which message on they want it unread."""
    for each in showings:
        shown: dict[str, Any] = {"room": each.room, "number": each.number}
        yield make_partial(tenant, f"user.{each.member_id}", "chat/unread_push.html", **shown)
