"""What was done in rooms, taken back: archiving, leaving, taking somebody out, deleting a message, discarding
what was typed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.rights import require
from app.accounts.undo import (
    TooLate,
    UndoOffer,
    UndoState,
    end_offers,
    keep_row,
    keep_rows,
    offer_undo,
    put_back,
    undoes,
)
from app.chat.direct_rooms import find_name
from app.chat.discussions import get_card
from app.chat.drafts import get_draft, keep_message_draft
from app.chat.facts import MemberEntered, MemberReturned, MessageRestored
from app.chat.memberships import Membership, find_membership, find_visible
from app.chat.message_changes import find_author
from app.chat.messages import ArchivedRoom, Message, MessageRevision
from app.chat.notices import subject_of
from app.chat.pins import PinnedMessage
from app.chat.reactions import Reaction
from app.chat.references import Mention, MessageIndex, RecordReference
from app.chat.room_changes import archive_room
from app.chat.rooms import Room
from app.database import Transaction
from app.notifications.withdrawals import keep_told, tell_again
from app.web.forms import Form
from app.web.texts import Text, _l

# What belongs to a message and is deleted with its words.
MESSAGE_PARTS: dict[str, Any] = {
    "revisions": MessageRevision,
    "reactions": Reaction,
    "mentions": Mention,
    "records": RecordReference,
    "pins": PinnedMessage,
}


async def get_visible(transaction: Transaction, member: Member, state: UndoState) -> Room:
    """The room of an act. Raises NotFoundException when the member may not see it any more."""
    room = await find_visible(transaction, member, state["room"])
    if room is None:
        raise NotFoundException
    return room


async def offer_opening(transaction: Transaction, room: Room, member: Member) -> UndoOffer:
    """Offer to open a room again that was just archived."""
    return await offer_undo(transaction, member, "room.archived", room=room.id, name=room.name)


def say(unnamed: Text, named: Text) -> Callable[[UndoState], Text]:
    """A sentence with the names that a state has kept; an offer of an earlier version has kept none."""
    return lambda state: Text(named.message, {"name": state["name"]}) if state.get("name") else unnamed


@undoes(
    "room.archived",
    say(
        _l("The room is archived. You can still read it, and find it under Archived rooms."),
        _l("%(name)s is archived. You can still read it, and find it under Archived rooms."),
    ),
)
async def open_again(request: AnyRequest, transaction: Transaction, member: Member, state: UndoState) -> str:
    """Open an archived room again."""
    room = await get_visible(transaction, member, state)
    if room.archived_at is None:
        raise TooLate(_l("The room has already been reopened."))
    await archive_room(transaction, room, member, archived=False)
    return f"/chat/{room.slug}"


async def keep_membership(transaction: Transaction, room: Room, person: Member) -> UndoState | None:
    """What ending a membership will take; None when there is none."""
    membership = await find_membership(transaction, room, person)
    if membership is None:
        return None
    return {
        "room": room.id,
        "room_name": await find_name(transaction, person, room),
        "person": person.id,
        "name": person.name,
        "membership": keep_row(membership),
    }


async def offer_return(transaction: Transaction, member: Member, state: UndoState | None) -> UndoOffer | None:
    """Offer to be in a room again, as it was, to somebody who has just left it, if they were in it."""
    return await offer_undo(transaction, member, "room.left", **state) if state else None


def say_left(state: UndoState) -> Text:
    """Which room one is not in any more."""
    if not state.get("room_name"):
        return _l("You are no longer in the room.")
    return _l("You are no longer in %(room)s.", room=state["room_name"])


@undoes("room.left", say_left)
async def return_to_room(request: AnyRequest, transaction: Transaction, member: Member, state: UndoState) -> str:
    """Be in a room again that one has left."""
    room = await transaction.get(Room, state["room"])
    if room is None:
        raise NotFoundException
    if await find_membership(transaction, room, member) is not None:
        raise TooLate(_l("You are already back in the room."))
    put_back(transaction, Membership, [state["membership"]])
    await transaction.flush()
    transaction.keep(room)
    transaction.note(MemberEntered(by=transaction.acting(member.id), room_id=room.id, member_id=member.id))
    return f"/chat/{room.slug}"


async def offer_bringing_back(transaction: Transaction, member: Member, state: UndoState | None) -> UndoOffer | None:
    """Offer to bring somebody back into a room, as it was, whom one has just taken out, if they were in it."""
    return await offer_undo(transaction, member, "room.member-removed", **state) if state else None


@undoes(
    "room.member-removed",
    say(_l("They are no longer in the room."), _l("%(name)s is no longer in the room.")),
)
async def bring_back(request: AnyRequest, transaction: Transaction, member: Member, state: UndoState) -> str:
    """Bring somebody back into a room whom one has taken out of it."""
    room = await get_visible(transaction, member, state)
    require(member, "archive", room)
    person = await transaction.get(Member, state["membership"]["member_id"])
    if person is None or not person.active:
        raise TooLate(_l("%(name)s can no longer sign in.", name=person.name if person else state.get("name", "")))
    if await find_membership(transaction, room, person) is not None:
        raise TooLate(_l("%(name)s is already back in the room.", name=person.name))
    put_back(transaction, Membership, [state["membership"]])
    await transaction.flush()
    transaction.keep(room)
    transaction.note(
        MemberReturned(
            by=transaction.acting(member.id),
            room_id=room.id,
            member_id=person.id,
            person=person.email or person.name,
            room=room.audited_name,
        )
    )
    return f"/chat/{room.slug}/about"


async def keep_message(transaction: Transaction, room: Room, message: Message) -> UndoState:
    """What deleting a message will take, but for its files, which stay on disk as long as it can be taken back."""
    parts = {name: await keep_rows(transaction, part, message_id=message.id) for name, part in MESSAGE_PARTS.items()}
    return {
        "room": room.id,
        "message": message.id,
        "text": message.text,
        "html": message.html,
        "plain": message.plain,
        "told": await keep_told(transaction, subject_of(room), message.number),
        **parts,
    }


async def offer_message(transaction: Transaction, message: Message, member: Member, state: UndoState) -> UndoOffer:
    """Offer to have a message back that was just deleted."""
    deleted_at = message.deleted_at.isoformat() if message.deleted_at else ""
    author = None if message.member_id == member.id else await transaction.get(Member, message.member_id)
    return await offer_undo(
        transaction, member, "message.deleted", deleted_at=deleted_at, name=author and author.name, **state
    )


@undoes(
    "message.deleted",
    say(_l("The message was deleted."), _l("The message from %(name)s was deleted.")),
    stays=True,
)
async def restore_message(request: AnyRequest, transaction: Transaction, member: Member, state: UndoState) -> str:
    """Have a message back as it was: its words, files, edits, reactions, and what was told of it."""
    room = await get_visible(transaction, member, state)
    if room.archived_at is not None:
        raise ArchivedRoom
    message = await transaction.get_one(Message, state["message"])
    require(member, "delete", message)
    if message.deleted_at is None or message.deleted_at != datetime.fromisoformat(state["deleted_at"]):
        raise TooLate(_l("The message has already been restored."))
    message.text, message.html, message.plain = state["text"], state["html"], state["plain"]
    message.deleted_at = message.deleted_by_id = None
    for name, part in MESSAGE_PARTS.items():
        put_back(transaction, part, state.get(name, []))  # an offer of an earlier version has no pins
    await transaction.flush()
    await transaction.insert_rows(MessageIndex, {"rowid": message.id, "text": message.text})
    await tell_again(transaction, state["told"])
    transaction.keep(message)
    transaction.note(
        MessageRestored(
            by=transaction.acting(member.id),
            room_id=room.id,
            message_id=message.id,
            number=message.number,
            before=(),
            room=room.audited_name,
            author=await find_author(transaction, message, member),
        )
    )
    return f"/chat/{room.slug}?at={message.number}"


async def offer_message_draft(transaction: Transaction, member: Member, place: str, form: Form) -> UndoOffer | None:
    """Offer to have back what was typed in a place and is about to be discarded, and not what was discarded there
    before any more. None where there is nothing.

    A page that has gone on since it was stored sends what it has, as it does to have it kept: that is offered then.
    """
    draft = await get_draft(transaction, member, place)
    if form["text"].strip():
        kept = {"text": form["text"], "key": form["key"], "reply": form.number("reply")}
    elif draft is not None:
        kept = {"text": draft.text, "key": draft.key, "reply": draft.reply_to_id}
    else:
        return None
    about: dict[str, Any] = {"place": place, "whose": member.id}
    await end_offers(transaction, ["message-draft.discarded"], **about)
    return await offer_undo(transaction, member, "message-draft.discarded", **about, **kept)


@undoes("message-draft.discarded", _l("Draft discarded."))
async def restore_message_draft(request: AnyRequest, transaction: Transaction, member: Member, state: UndoState) -> str:
    """Have what was typed in a place back, unless something was typed there since."""
    place = state["place"]
    if place.startswith("room-"):
        address = f"/chat/{(await get_visible(transaction, member, {'room': int(place.removeprefix('room-'))})).slug}"
    else:
        address = (await get_card(transaction, member, place)).place.address
    if await get_draft(transaction, member, place) is not None:
        raise TooLate(_l("You have typed something else since, and it is kept as your draft."))
    reply, key = state["reply"] or 0, state["key"]
    if not await keep_message_draft(transaction, member, place, state["text"], key=key, reply_to_id=reply):
        raise TooLate(_l("It has already been sent."))
    return address
