"""The addresses of a room, to which programs of others post."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.ended_forms import keep_end
from app.accounts.form_answers import find_answer, keep_answer
from app.accounts.members import Member
from app.accounts.questions import Question, asked, asks_first
from app.accounts.reauthentication import dangerous
from app.accounts.shell import notice, render_page
from app.chat.direct_rooms import find_name
from app.chat.incoming import (
    INCOMING_PATH,
    end_incoming,
    get_incoming,
    list_incoming,
    make_incoming,
    require_changing,
)
from app.chat.memberships import get_room
from app.chat.rooms import Room
from app.database import Transaction
from app.settings import Settings
from app.web.forms import Form, Invalid
from app.web.redirects import see_other
from app.web.texts import _l

notice(
    "incoming-made",
    _l(
        "The address was already created, and is shown only once. If you did not store it, revoke it"
        " and create another."
    ),
)
notice("incoming-ended", _l("Address revoked."))


async def render_incoming(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    room: Room,
    form: Form | None = None,
    *,
    once: str = "",
    status: int = 200,
) -> Response[str]:
    """The addresses of a room, and the form of a new one; the one that was just made, this once."""
    return await render_page(
        request,
        transaction,
        member,
        "chat/incoming.html",
        room_name=await find_name(transaction, member, room),
        status=status,
        room=room,
        addresses=await list_incoming(transaction, room),
        form=form or Form(),
        once=once,
    )


@get("/chat/{slug:str}/incoming")
async def show_incoming(request: AnyRequest, transaction: Transaction, member: Member, slug: str) -> Response[str]:
    """Which addresses a room has."""
    room = await get_room(transaction, member, slug)
    await require_changing(transaction, room, member)
    return await render_incoming(request, transaction, member, room)


@post(
    "/chat/{slug:str}/incoming",
    **dangerous(_l("You are about to create an incoming webhook, which lets a program post to this room.")),
)
async def add_incoming(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form, slug: str
) -> Response[Any]:
    """Make an address, and show it, this once."""
    room = await get_room(transaction, member, slug)
    await require_changing(transaction, room, member)
    try:
        if answer := await find_answer(request, transaction, member, form):
            return answer
        name = form.name("name")
        form.check()
        _, secret = await make_incoming(transaction, room, member, name)
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_incoming(request, transaction, member, room, form, status=invalid.status)
    await keep_answer(request, transaction, member, form, f"/chat/{slug}/incoming?done=incoming-made")
    settings: Settings = request.app.state.settings
    once = settings.workspace_url(transaction.tenant.slug, f"{INCOMING_PATH}/{secret}")
    return await render_incoming(request, transaction, member, room, once=once)


async def describe_incoming_end(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What ending an address does."""
    _, bot, room = await get_incoming(transaction, member, request.path_params["address_id"])
    return Question(
        what=_l("Revoke the address of “%(name)s”?", name=bot.name),
        consequences=[
            _l("Programs that still post to it will be refused immediately. This can't be undone."),
            _l("What the bot wrote stays, with its name."),
        ],
        button=_l("Revoke address"),
        back=f"/chat/{room.slug}/incoming",
    )


@post("/incoming-addresses/{address_id:int}/end", **asked(describe_incoming_end))
async def end_this_incoming(
    request: AnyRequest, transaction: Transaction, member: Member, address_id: int
) -> Response[Any]:
    """End an address."""
    address, bot, room = await get_incoming(transaction, member, address_id)
    await end_incoming(transaction, room, member, address, bot)
    return await keep_end(request, transaction, member, see_other(f"/chat/{room.slug}/incoming?done=incoming-ended"))


handlers = [
    show_incoming,
    add_incoming,
    asks_first("/incoming-addresses/{address_id:int}/end", describe_incoming_end),
    end_this_incoming,
]
