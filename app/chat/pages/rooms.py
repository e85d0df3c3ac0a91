"""Pages of a room: reading it, posting to it, what its box holds, and what is read."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest, write_signed_in
from app.accounts.members import Member
from app.accounts.rights import may, require
from app.accounts.shell import render_page
from app.accounts.undo import lead_to
from app.accounts.visits import note_visit
from app.chat.composer import EMOJI, MESSAGE_FORM_LIMIT, open_composer
from app.chat.days import find_first_on
from app.chat.direct_rooms import find_others
from app.chat.drafts import delete_draft
from app.chat.kept_messages import write_kept_message
from app.chat.limits import Pace
from app.chat.memberships import find_membership, get_room
from app.chat.messages import get_message
from app.chat.own_places import read_up_to
from app.chat.people import count_people
from app.chat.posting import SentAlready
from app.chat.rooms import Room, RoomAccess
from app.chat.saved import list_saved_numbers
from app.chat.sending import answer_draft, refuse_message, send, show_answered, signal_typing
from app.chat.text.rendering import prepare_text
from app.chat.timeline import ShownMessage, read_page, show_message
from app.chat.undoing import offer_message_draft
from app.chat.welcomes import welcome_to
from app.database import Transaction
from app.live.presence import list_readers
from app.notifications.inbox import note_opened, of_subject
from app.notifications.kinds import name_of_others
from app.web.calls import is_call
from app.web.forms import Form, Invalid, number_of
from app.web.texts import Text


async def render_room(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    room: Room,
    *,
    before: int = 0,
    after: int = 0,
    at: int = 0,
    end: bool = False,
    reply: ShownMessage | None = None,
    text: str | None = None,
    key: str = "",
    error: Text | None = None,
    status: int = 200,
    opened: bool = False,
) -> Response[str]:
    """A room where it is asked for, else at its first unread message, with its box. When it is `opened`, what was told
    of it is read."""
    membership = await find_membership(transaction, room, member)
    read = membership.read_number if membership else room.last_number
    around = at or (0 if before or after or end else first_unread_far_up(room, read))
    others = await find_others(transaction, member, room)
    return await render_page(
        request,
        transaction,
        member,
        "chat/room.html",
        status=status,
        channels=f"room.{room.id}",
        room=room,
        room_name=name_of_others(others, member.id) if room.kind == "direct" else room.name,
        write_kept_message=write_kept_message,
        page=read_page(transaction, room, viewer=member, before=before, after=after, around=around),
        read=read,
        saved=list_saved_numbers(transaction, room, member),
        at=at,
        people=count_people(transaction, room),
        others=others,
        opened=note_opened(request, transaction, member, **of_subject(("room", room.id), up_to=0)) if opened else None,
        may_pin=may(member, "pin in", RoomAccess(room, membership is not None)),
        welcome=None if room.last_number else welcome_to(transaction, member, room),
        outside=membership is None and room.kind == "public",
        emoji_choices=EMOJI,
        readers=list_readers(request, transaction, f"room.{room.id}"),
        composer=open_composer(
            transaction,
            member,
            room,
            address=f"/chat/{room.slug}",
            place=room.place,
            file_limit=request.app.state.settings.file_limit_megabytes,
            reply=reply,
            text=text,
            key=key,
            error=error,
        ),
    )


def first_unread_far_up(room: Room, read: int) -> int:
    """The first unread message when it is not on the last page, else 0."""
    return read + 1 if read < room.last_number - 40 else 0


@get("/chat/{slug:str}")
async def show_room(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    before: str = "",
    after: str = "",
    at: str = "",
    reply: str = "",
    on: str = "",
) -> Response[str]:
    """A room: at its first unread message, before a message, after one, around one, at its `end`, or at the first one
    of a day or after it."""
    room = await get_room(transaction, member, slug)
    note_visit(request, member, "room", room.id)
    named = number_of(at) or (await find_first_on(transaction, room, member, on) if on else 0)
    answering = None
    if reply:
        message = await get_message(transaction, room, number_of(reply))
        answering = await show_message(transaction, message)
    return await render_room(
        request,
        transaction,
        member,
        room,
        before=number_of(before),
        after=number_of(after),
        at=named,
        end=at == "end" or bool(on and not named),
        reply=answering,
        opened=True,
    )


@post("/chat/{slug:str}", request_max_body_size=MESSAGE_FORM_LIMIT)
async def post_to_room(request: AnyRequest, writing: Pace, slug: str, form: Form) -> Response[Any]:
    """Post a message."""
    site = request.app.state
    origin = site.settings.workspace_url(request.scope["state"]["slug"], "")
    prepared = await prepare_text(site.database, writing, form["text"], origin)
    async with write_signed_in(request) as (transaction, member):
        room = await get_room(transaction, member, slug)
        try:
            if writing.too_fast:
                raise writing.too_fast
            return await send(request, transaction, member, room, form, prepared, page=f"/chat/{slug}?at=end")
        except Invalid as invalid:
            return await refuse_in_room(request, transaction, member, room, form, invalid)


async def refuse_in_room(
    request: AnyRequest, transaction: Transaction, member: Member, room: Room, form: Form, invalid: Invalid
) -> Response[Any]:
    """Say why a message is not posted: in its room, with what was typed in the box."""
    if is_call(request):
        return await refuse_message(transaction, invalid)
    page = await render_room(
        request,
        transaction,
        member,
        room,
        reply=await show_answered(transaction, room, number_of(form["reply"])),
        text=form["text"],
        key="" if isinstance(invalid, SentAlready) else form["key"],
        error=invalid.first,
        status=invalid.status,
    )
    page.headers.update(invalid.headers)
    return page


@post("/chat/{slug:str}/draft", request_max_body_size=MESSAGE_FORM_LIMIT)
async def keep_room_draft(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Keep what is in the box of a room."""
    room = await get_room(transaction, member, slug)
    require(member, "write", "messages")
    return await answer_draft(transaction, member, room.place, form)


@post("/chat/{slug:str}/draft/discard", request_max_body_size=MESSAGE_FORM_LIMIT)
async def discard_room_draft(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Throw away what was typed in the box of a room, also where one may not write any more."""
    room = await get_room(transaction, member, slug)
    offer = await offer_message_draft(transaction, member, room.place, form)
    await delete_draft(transaction, member, room.place)
    return lead_to(f"/chat/{slug}", offer)


@post("/chat/{slug:str}/typing")
async def type_in_room(request: AnyRequest, transaction: Transaction, member: Member, slug: str) -> Response[Any]:
    """Tell those who look at a room that somebody types. It is not logged, and gone after some seconds."""
    room = await get_room(transaction, member, slug)
    require(member, "write", "messages")
    return signal_typing(request, transaction, member, f"room.{room.id}", room.place)


@post("/chat/{slug:str}/read")
async def note_read(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Note from where (`since`) up to where a room was on screen; the member's other pages count anew."""
    room = await get_room(transaction, member, slug)
    number, since = number_of(form["number"]), number_of(form["since"])
    await read_up_to(transaction, room, member, number, since=since)
    return Response(None, status_code=204)


handlers = [
    show_room,
    post_to_room,
    keep_room_draft,
    discard_room_draft,
    type_in_room,
    note_read,
]
