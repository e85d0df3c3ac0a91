"""Pages of messages: editing, deleting, answering by emoji, and what they were."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest, write_signed_in
from app.accounts.members import Member
from app.accounts.mentions import read_texts
from app.accounts.shell import render_page
from app.accounts.undo import lead_to, show_offer
from app.chat.attachments import has_files
from app.chat.composer import REWRITE_LIMIT
from app.chat.direct_rooms import find_name
from app.chat.discussions import find_discussed
from app.chat.limits import Pace
from app.chat.memberships import get_room
from app.chat.message_changes import delete_message, edit_message, list_revisions
from app.chat.messages import ChangedMeanwhile, Message, find_message, get_message
from app.chat.reactions import prepare_emoji, react
from app.chat.rewriting import Filled, fill_as_before, fill_form
from app.chat.rooms import Room
from app.chat.sending import refuse_message
from app.chat.text.rendering import LONGEST_MESSAGE, prepare_text
from app.chat.timeline import count_edits
from app.chat.undoing import keep_message, offer_message
from app.database import Transaction
from app.web.calls import is_call
from app.web.forms import Form, Invalid, number_of
from app.web.redirects import see_other

MESSAGES = "/chat/{slug:str}/messages/{number:int}"


@get(f"{MESSAGES}/edit")
async def show_message_form(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int
) -> Response[str]:
    """The form of one's own message."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    if message.member_id != member.id or message.deleted_at is not None:
        raise NotFoundException
    edits = (await count_edits(transaction, [message.id])).get(message.id, 0)
    filled = await fill_form(transaction, message.text, message.html, longest=LONGEST_MESSAGE)
    form = Form([("text", filled.text), ("edits", str(edits)), ("named", filled.named)])
    return await render_message_form(request, transaction, member, room, message, form)


async def render_message_form(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    room: Room,
    message: Message,
    form: Form,
    status: int = 200,
) -> Response[str]:
    """A message's form, with what was typed."""
    return await render_page(
        request,
        transaction,
        member,
        "chat/message_form.html",
        room=room,
        room_name=await find_name(transaction, member, room),
        about=await find_discussed(transaction, room),
        message=message,
        form=form,
        status=status,
    )


@post(f"{MESSAGES}/edit", request_max_body_size=REWRITE_LIMIT)
async def change_message(
    request: AnyRequest,
    changing: Pace,
    slug: str,
    number: int,
    form: Form,
) -> Response[Any]:
    """Save one's own message anew."""
    site = request.app.state
    origin = site.settings.workspace_url(request.scope["state"]["slug"], "")

    async def find_edited(reading: Transaction) -> tuple[str, Filled] | None:
        message = await find_message(reading, slug, number)
        return (message.html, await fill_as_before(reading, message.text, form["named"])) if message else None

    prepared = await prepare_text(site.database, changing, form["text"], origin, edits=find_edited)
    async with write_signed_in(request) as (transaction, member):
        room = await get_room(transaction, member, slug)
        message = await get_message(transaction, room, number)
        try:
            if changing.too_fast:
                raise changing.too_fast
            await edit_message(
                transaction,
                message,
                member,
                text=prepared,
                with_files=await has_files(transaction, message),
                edits=number_of(form["edits"]) if "edits" in form else None,
                named=form["named"],
            )
        except Invalid as invalid:
            if is_call(request):
                return await refuse_message(transaction, invalid)
            form.errors = invalid.errors
            if isinstance(invalid, ChangedMeanwhile):
                edits = (await count_edits(transaction, [message.id])).get(message.id, 0)
                form.values["edits"] = [str(edits)]
            page = await render_message_form(request, transaction, member, room, message, form, status=invalid.status)
            page.headers.update(invalid.headers)
            return page
        if is_call(request):
            return Response(None, status_code=204)
        return see_other(f"/chat/{slug}?at={message.number}")


@post(f"{MESSAGES}/delete")
async def remove_message(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
) -> Response[Any]:
    """Delete a message with its files; for some minutes they can be had back."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    state = await keep_message(transaction, room, message)
    offer = None
    if await delete_message(transaction, message, member):
        offer = await offer_message(transaction, message, member, state)
    if is_call(request):
        return Response(None, status_code=204) if offer is None else show_offer(transaction, offer)
    return lead_to(f"/chat/{slug}?at={message.number}", offer)


@post(f"{MESSAGES}/react", opt={"prepare": prepare_emoji})
async def put_emoji(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    changing: Pace,
    slug: str,
    number: int,
    form: Form,
) -> Response[Any]:
    """Put an emoji under a message, or take one's own away, as the page says: sent again, it does nothing more."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    try:
        if changing.too_fast:
            raise changing.too_fast
        wanted = read_wanted(form, member)
        if not await react(transaction, message, member, form["emoji"], on=wanted is not False) and wanted is None:
            await react(transaction, message, member, form["emoji"], on=False)
    except Invalid as invalid:
        return await refuse_message(transaction, invalid)
    if is_call(request):
        return Response(None, status_code=204)
    return see_other(f"/chat/{slug}?at={message.number}")


def read_wanted(form: Form, member: Member) -> bool | None:
    """Whether a member wants to have given an emoji: a page says so, or by whom it shows that it was given. None when
    the form says neither, such as a program's: then it is the other of what is there."""
    if "on" in form:
        return form["on"] == "1"
    return str(member.id) not in form["given-by"].split() if "given-by" in form else None


@get(f"{MESSAGES}/history")
async def show_message_history(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int
) -> Response[str]:
    """What a message was before it was edited, for its author and admins."""
    room = await get_room(transaction, member, slug)
    message = await get_message(transaction, room, number)
    revisions = await list_revisions(transaction, message, member)
    texts = await read_texts(transaction, *(revision.text for revision in revisions), message.text)
    return await render_page(
        request,
        transaction,
        member,
        "chat/history.html",
        room=room,
        room_name=await find_name(transaction, member, room),
        about=await find_discussed(transaction, room),
        message=message,
        revisions=list(zip(revisions, texts, strict=False)),
        text=texts[-1],
    )


handlers = [
    show_message_form,
    change_message,
    remove_message,
    put_emoji,
    show_message_history,
]
