"""What comes from the box of a room or a discussion, and what its page is answered."""

from __future__ import annotations

from typing import Any

from litestar import MediaType, Response

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.mentions import read_texts
from app.chat.attachments import list_attachments
from app.chat.drafts import keep_message_draft
from app.chat.messages import ChangedMeanwhile, Message, find_answered, find_posted
from app.chat.posting import SentAlready, post_message
from app.chat.rooms import Room
from app.chat.text.rendering import Typed
from app.chat.timeline import ShownMessage, count_edits, show_message
from app.database import Transaction
from app.live.node import Node
from app.live.presence import Person
from app.web.calls import is_call, refuse_call
from app.web.forms import Form, Invalid
from app.web.redirects import see_other
from app.web.templates import render


async def send(
    request: AnyRequest, transaction: Transaction, member: Member, room: Room, form: Form, typed: Typed, *, page: str
) -> Response[Any]:
    """Post what a box holds, whose text was read already, and tell its page which message that is, or lead to it on a
    `page`. Raises Invalid."""
    message, _ = await post_message(
        transaction,
        room,
        member,
        key=form["key"],
        text=typed,
        reply_to_id=form.number("reply"),
        files=set(form.numbers("file")),
        instead=form.values.get("instead", ()),
        held=form.values.get("held", ()),
    )
    if not is_call(request):
        return see_other(f"{page}#message-{message.id}")
    posted = {"id": message.id, "number": message.number, "key": message.key}
    return Response(posted, status_code=200, media_type=MediaType.JSON)


async def show_answered(transaction: Transaction, room: Room, message_id: int) -> ShownMessage | None:
    """The message of the room that was going to be answered, if it can be."""
    found = message_id and await find_answered(transaction, room, message_id)
    return await show_message(transaction, await transaction.get_one(Message, found)) if found else None


async def refuse_message(transaction: Transaction, invalid: Invalid) -> Response[Any]:
    """Tell the page why a message is not posted or changed; where it would stand against another, what is stored."""
    if isinstance(invalid, SentAlready | ChangedMeanwhile):
        return await answer_stored(transaction, invalid.message)
    words = invalid.first
    return refuse_call(transaction.tenant.language, words, invalid.status, dict(invalid.headers))


async def answer_stored(transaction: Transaction, message: Message) -> Response[Any]:
    """Tell a page what is stored of its member's own message, that it may not replace unseen."""
    stored = {
        "id": message.id,
        "number": message.number,
        "key": message.key,
        "text": (await read_texts(transaction, message.text))[0],
        "reply": message.reply_to_id,
        "files": [file.id for file in await list_attachments(transaction, message)],
        "edits": (await count_edits(transaction, [message.id])).get(message.id, 0),
        "deleted": message.deleted_at is not None,
    }
    return Response(stored, status_code=409, media_type=MediaType.JSON)


async def answer_draft(transaction: Transaction, member: Member, place: str, form: Form) -> Response[Any]:
    """Keep what is in a box; where something was sent with its key already, say what."""
    key, reply = form["key"], form.number("reply")
    if not await keep_message_draft(transaction, member, place, form["text"], key=key, reply_to_id=reply):
        posted = await find_posted(transaction, member, key)
        if posted is not None:
            return await answer_stored(transaction, posted)
    return Response(None, status_code=204)


def signal_typing(
    request: AnyRequest, transaction: Transaction, member: Member, channel: str, place: str
) -> Response[Any]:
    """Say on a channel that a member types in the box of a place."""
    node: Node = request.app.state.node
    person = Person(member.id, member.name)
    html = render(transaction.tenant.language, "chat/typing_push.html", place=place, person=person)
    node.signal(transaction.tenant.id, channel, html, "typing", place=place, member=member.id, name=member.name)
    return Response(None, status_code=204)
