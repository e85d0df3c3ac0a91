"""A discussion on everything that can be edited: a part of its page, with the same messages as a room."""

from __future__ import annotations

from typing import Any

from litestar import MediaType, Response, get, post
from litestar.exceptions import NotFoundException
from msgspec import Struct

from app.accounts.access import AnyRequest, write_signed_in
from app.accounts.members import Member
from app.accounts.rights import may, require
from app.accounts.shell import page_part, refused_form, show_again
from app.accounts.undo import lead_to
from app.chat.attaching import store_files
from app.chat.composer import EMOJI, MESSAGE_FORM_LIMIT, open_composer
from app.chat.discussions import enter_discussion, get_card
from app.chat.drafts import delete_draft
from app.chat.kept_messages import write_kept_message
from app.chat.limits import Pace
from app.chat.memberships import find_membership
from app.chat.posting import SentAlready
from app.chat.rooms import Room, RoomAccess, find_discussion
from app.chat.saved import list_saved_numbers
from app.chat.sending import answer_draft, refuse_message, send, show_answered, signal_typing
from app.chat.text.rendering import LONGEST_MESSAGE, UnfitText, prepare_text
from app.chat.timeline import Page, ShownMessage, read_page
from app.chat.undoing import offer_message_draft
from app.database import Transaction
from app.editing.row_places import Card, RowPlace, kind_of
from app.settings import Settings
from app.web.calls import is_call
from app.web.forms import Form, Invalid, number_of
from app.web.redirects import see_other
from app.web.templates import render
from app.web.texts import Text


class RefusedMessage(Struct, frozen=True):
    """A message that was not posted, and why. Without a key the box gets a new one."""

    text: str
    key: str
    error: Text
    reply: ShownMessage | None


@page_part("record", "chat/_discussion.html")
async def discussion_part(
    request: AnyRequest, transaction: Transaction, member: Member, place: RowPlace
) -> dict[str, Any]:
    """What was said about a record, and the box to say more."""
    room = await find_discussion(transaction, place.name)
    membership = await find_membership(transaction, room, member) if room else None
    refused: RefusedMessage | None = refused_form(request)
    page = await read_page(transaction, room, viewer=member) if room else Page([], older=False, newer=False, pins=0)
    return {
        "place": place,
        "room": room,
        "page": page,
        "write_kept_message": write_kept_message,
        "read": membership.read_number if membership else room.last_number if room else 0,
        "saved": await list_saved_numbers(transaction, room, member) if room else [],
        "may_pin": room is not None and may(member, "pin in", RoomAccess(room, membership is not None)),
        "pins": page.pins,
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


@get("/discussion/{subject:str}")
async def show_discussion(transaction: Transaction, member: Member, subject: str) -> Response[Any]:
    """Lead to what a discussion is about."""
    card = await get_card(transaction, member, subject)
    return see_other(f"{card.place.address}#discussion")


@get("/cards/{subject:str}")
async def show_card(transaction: Transaction, member: Member, subject: str, place: str = "") -> Response[str]:
    """The card of a thing, for a message that could not bring it to everybody in its room. A `place` that asks by
    itself, which nobody has clicked, gets one that stays empty where there is nothing for its reader: that is no
    failure of the page's."""
    language = transaction.tenant.language
    try:
        html = render(language, "chat/_card.html", card=await get_card(transaction, member, subject))
    except NotFoundException:
        if not place:
            raise
        html = render(language, "chat/_card_place.html", name=subject, refused=True)
    return Response(html, media_type=MediaType.HTML)


@post("/discussion/{subject:str}", request_max_body_size=MESSAGE_FORM_LIMIT)
async def discuss(request: AnyRequest, writing: Pace, subject: str, form: Form) -> Response[Any]:
    """Say something about a thing. Those who made and changed it are in its discussion from the first word."""
    site = request.app.state
    origin = site.settings.workspace_url(request.scope["state"]["slug"], "")
    prepared = await prepare_text(site.database, writing, form["text"], origin)
    async with write_signed_in(request) as (transaction, member):
        card = await get_card(transaction, member, subject)
        try:
            if writing.too_fast:
                raise writing.too_fast
            if not (prepared.text or "file" in form) or len(prepared.text) > LONGEST_MESSAGE:
                raise UnfitText(prepared.text)
            room = await enter_discussion(transaction, member, subject)
            return await send(request, transaction, member, room, form, prepared, page=card.place.address)
        except Invalid as invalid:
            return await refuse_in_discussion(request, transaction, member, card, form, invalid)


async def refuse_in_discussion(
    request: AnyRequest, transaction: Transaction, member: Member, card: Card, form: Form, invalid: Invalid
) -> Response[Any]:
    """Say why something is not said: on the page of the thing, with what was typed in the box."""
    if is_call(request):
        return await refuse_message(transaction, invalid)
    begun = await find_discussion(transaction, card.place.name)
    reply = await show_answered(transaction, begun, number_of(form["reply"])) if begun else None
    key = "" if isinstance(invalid, SentAlready) else form["key"]
    refused = RefusedMessage(form["text"], key, invalid.first, reply)
    kind = kind_of(card.row).name
    page = await show_again(kind, request, transaction, member, card.row, refused=refused, status=invalid.status)
    page.headers.update(invalid.headers)
    return page


@post("/discussion/{subject:str}/typing")
async def type_in_discussion(
    request: AnyRequest, transaction: Transaction, member: Member, subject: str
) -> Response[Any]:
    """Tell those who look at a thing that somebody types about it."""
    card = await get_card(transaction, member, subject)
    require(member, "write", "messages")
    room = await find_discussion(transaction, subject)
    channel = f"room.{room.id}" if room else card.place.channel
    return signal_typing(request, transaction, member, channel, card.place.name)


@post("/discussion/{subject:str}/draft", request_max_body_size=MESSAGE_FORM_LIMIT)
async def keep_discussion_draft(transaction: Transaction, member: Member, subject: str, form: Form) -> Response[Any]:
    """Keep what is in the box of a discussion."""
    card = await get_card(transaction, member, subject)
    require(member, "write", "messages")
    return await answer_draft(transaction, member, card.place.name, form)


@post("/discussion/{subject:str}/draft/discard", request_max_body_size=MESSAGE_FORM_LIMIT)
async def discard_discussion_draft(transaction: Transaction, member: Member, subject: str, form: Form) -> Response[Any]:
    """Throw away what was typed in the box of a discussion, also where one may not write any more."""
    card = await get_card(transaction, member, subject)
    offer = await offer_message_draft(transaction, member, card.place.name, form)
    await delete_draft(transaction, member, card.place.name)
    return lead_to(card.place.address, offer)


@post("/discussion/{subject:str}/files", request_max_body_size=None, opt={"streams": True})
async def bring_to_discussion(
    request: AnyRequest, transaction: Transaction, member: Member, settings: Settings, subject: str
) -> Response[Any]:
    """Store files that are going to be sent to a discussion."""

    async def enter(transaction: Transaction, member: Member) -> Room:
        await get_card(transaction, member, subject)
        require(member, "write", "messages")
        return await enter_discussion(transaction, member, subject)

    await get_card(transaction, member, subject)
    require(member, "write", "messages")
    return await store_files(request, transaction, settings, enter)


handlers = [
    show_discussion,
    show_card,
    discuss,
    type_in_discussion,
    keep_discussion_draft,
    discard_discussion_draft,
    bring_to_discussion,
]
