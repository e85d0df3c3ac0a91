"""A discussion on everything that can be edited: a part of its page, with the same messages as a room."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.response import Redirect
from sqlalchemy import select

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import page_part, refused_form, show_again
from app.chat.attachment_pages import store_files
from app.chat.composer import EMOJI, MESSAGE_LIMIT, open_composer
from app.chat.limits import Pace
from app.chat.memberships import add_all
from app.chat.message_pages import answer_draft, answer_posted, refuse_message, say, show_answered, signal_typing
from app.chat.messages import SentAlready, check_text
from app.chat.rooms import Room, find_discussion, find_membership, open_discussion
from app.chat.timeline import Page, ShownMessage, read_page
from app.database import Database, Transaction
from app.editing.rows import Card, Place, find_card, kind_of
from app.live.log import publish_partial
from app.settings import Settings
from app.web.calls import is_call
from app.web.forms import Form, Invalid, number_of
from app.web.texts import Text


@dataclass(frozen=True, slots=True)
class Refused:
    """A message that was not posted, and why. Without a key the box gets a new one."""

    text: str
    key: str
    error: Text
    reply: ShownMessage | None


@page_part("record", "chat/_discussion.html")
async def discussion_part(
    request: AnyRequest, transaction: Transaction, member: Member, place: Place
) -> dict[str, Any]:
    """What was said about a record, and the box to say more."""
    room = await find_discussion(transaction, place.name)
    membership = await find_membership(transaction, room, member) if room else None
    refused: Refused | None = refused_form(request)
    return {
        "place": place,
        "room": room,
        "page": await read_page(transaction, room) if room else Page([], older=False, newer=False),
        "read": membership.read_number if membership else room.last_number if room else 0,
        "emoji_choices": EMOJI,
        "composer": await open_composer(
            transaction,
            member,
            room,
            address=f"/discussion/{place.name}",
            place=place.name,
            file_limit=request.app.state.settings.file_limit_megabytes,
            reply=refused.reply if refused else None,
            text=refused.text if refused else None,
            key=refused.key if refused else "",
            error=refused.error if refused else None,
        ),
    }


async def get_card(transaction: Transaction, subject: str) -> Card:
    """What a discussion is about. Raises NotFoundException."""
    card = await find_card(transaction, subject)
    if card is None:
        raise NotFoundException
    return card


@get("/discussion/{subject:str}")
async def show_discussion(transaction: Transaction, member: Member, subject: str) -> Response[Any]:
    """Lead to what a discussion is about."""
    card = await get_card(transaction, subject)
    return Redirect(f"{card.place.address}#discussion", status_code=303)


@post("/discussion/{subject:str}", request_max_body_size=MESSAGE_LIMIT)
async def discuss(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    writing: Pace,
    subject: str,
    form: Form,
) -> Response[Any]:
    """Say something about a thing. Those who made and changed it are in its discussion from the first word."""
    card = await get_card(transaction, subject)
    try:
        check_text(form["text"], empty="file" in form)
        room = await enter_discussion(transaction, subject)
        message = await say(request, transaction, member, settings, writing, room, form)
    except Invalid as invalid:
        if is_call(request):
            return await refuse_message(transaction, invalid)
        key = "" if isinstance(invalid, SentAlready) else form["key"]
        begun = await find_discussion(transaction, subject)
        reply = await show_answered(transaction, begun, number_of(form["reply"])) if begun else None
        refused = Refused(form["text"], key, next(iter(invalid.errors.values())), reply)
        kind = kind_of(card.row).name
        page = await show_again(kind, request, transaction, member, card.row, refused=refused, status=invalid.status)
        page.headers.update(invalid.headers)
        return page
    if is_call(request):
        return answer_posted(message)
    return Redirect(f"{card.place.address}#discussion", status_code=303)


async def enter_discussion(transaction: Transaction, subject: str) -> Room:
    """The discussion of a thing, made if there is none yet. Raises NotFoundException when the thing is not there."""
    card = await get_card(transaction, subject)
    room = await find_discussion(transaction, subject)
    if room is None:
        room = await open_discussion(transaction, subject, card.place.title)
        await bring_authors(transaction, room, card)
        target = f"{subject}-discussion-refresh"
        publish_partial(transaction, card.place.channel, "live/refresh_push.html", target=target)
    return room


@post("/discussion/{subject:str}/typing")
async def type_in_discussion(
    request: AnyRequest, transaction: Transaction, member: Member, subject: str
) -> Response[Any]:
    """Tell those who look at a thing that somebody types about it."""
    card = await get_card(transaction, subject)
    room = await find_discussion(transaction, subject)
    channel = f"room.{room.id}" if room else card.place.channel
    return signal_typing(request, transaction, member, channel, card.place.name)


@post("/discussion/{subject:str}/draft", request_max_body_size=MESSAGE_LIMIT)
async def keep_discussion_draft(transaction: Transaction, member: Member, subject: str, form: Form) -> Response[Any]:
    """Keep what is in the box of a discussion."""
    card = await get_card(transaction, subject)
    return await answer_draft(transaction, member, card.place.name, form)


@post("/discussion/{subject:str}/files", request_max_body_size=None, opt={"writes": False})
async def bring_to_discussion(
    request: AnyRequest,
    database: Database,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    subject: str,
) -> Response[Any]:
    """Store files that are going to be sent to a discussion."""
    await get_card(transaction, subject)
    async with database.write(transaction.tenant.id) as writing:
        room = await enter_discussion(writing, subject)
    return await store_files(request, database, transaction, member, settings, room)


async def bring_authors(transaction: Transaction, room: Room, card: Card) -> None:
    """Let those who made and changed a thing be told of its discussion."""
    ids = await kind_of(card.row).find_people(transaction, card.row)
    statement = select(Member.id).where(Member.id.in_(ids), Member.removed_at.is_(None)).order_by(Member.id)
    await add_all(transaction, room, await transaction.scalars(statement))


handlers = [show_discussion, discuss, type_in_discussion, keep_discussion_draft, bring_to_discussion]
