"""Posting: the one way in which a message comes into a room, whoever brings it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Iterable, Sequence
from typing import Any

from sqlalchemy import bindparam, select

from app.accounts.members import Member
from app.accounts.mentions import OPEN, STORED
from app.accounts.rights import require
from app.chat.attachments import MOST_A_MESSAGE, Attachment
from app.chat.drafts import MessageDraft
from app.chat.facts import MessageAddressed, MessagePosted
from app.chat.memberships import Membership, enter
from app.chat.messages import LONGEST_KEY, ArchivedRoom, Message, find_answered
from app.chat.references import MessageIndex, keep_references
from app.chat.rooms import Room
from app.chat.text.rendering import LONGEST_MESSAGE, Typed, UnfitText, read_message_text, render_text
from app.chat.unsent_files import find_unsent
from app.database import ChangedObject, NewObject, NewRows, PreparedSelect, Transaction
from app.web.forms import Invalid
from app.web.texts import _l


class SentAlready(Invalid):
    """Something else was posted with this key, and the page did not hear of it: `message`."""

    status = 409

    def __init__(self, message: Message) -> None:
        super().__init__(text=_l("An earlier version of this was already sent. Check the rest, then send it again."))
        self.message = message


class AnswerGone(Invalid):
    """The message that is answered is not there any more."""

    status = 410

    def __init__(self) -> None:
        super().__init__(reply=_l("The message you replied to was deleted. You can send this without the quote."))


# What was posted with a key already, and what is typed in the place of a box, if there is any of it.
FIND_SENT = PreparedSelect(
    lambda: (
        select(Message, MessageDraft)
        .select_from(Member)
        .outerjoin(
            Message,
            (Message.tenant_id == Member.tenant_id)
            & (Message.member_id == Member.id)
            & (Message.key == bindparam("key")),
        )
        .outerjoin(
            MessageDraft,
            (MessageDraft.tenant_id == Member.tenant_id)
            & (MessageDraft.member_id == Member.id)
            & (MessageDraft.place == bindparam("place")),
        )
        .where(Member.id == bindparam("member_id"))
    )
)


async def post_message(
    transaction: Transaction,
    room: Room,
    member: Member,
    *,
    key: str,
    text: str | Typed,
    origin: str = "",
    reply_to_id: int = 0,
    files: Collection[int] = (),
    instead: Collection[str] = (),
    held: Collection[str] = (),
) -> tuple[Message, bool]:
    """Post a message, joining the room; (the message, whether it is new). The same key posts once.

    `text` was typed in the workspace of an `origin`, or was read already. `files` are the ids of what the member has
    brought to the room's box, whose draft goes with the message, and `held` the keys by which its page has them,
    besides `key`. `instead` are keys of messages that were taken back, for which this one is sent.

    Raises Invalid for a text or files that won't do, SentAlready for what is not the same as was posted with the key,
    or where one was posted that was taken back, AnswerGone, and a 403 page for a room that is archived or not open.
    """
    require(member, "write", "messages")
    typed = text if isinstance(text, Typed) else read_message_text(text, origin)
    found = await transaction.find(FIND_SENT, member_id=member.id, key=key, place=room.place)
    posted, draft = found or (None, None)
    sent = fingerprint_message(key, room.id, typed.text, reply_to_id, files)
    if posted is not None:
        check_same(posted, sent, typed.text)
        return posted, False
    if instead:
        await check_taken_back(transaction, member, instead)
    attached = await find_files(transaction, room, member, files, {key, *held}) if files else ()
    if not key or len(key) > LONGEST_KEY:
        raise Invalid(text=_l("This page is out of date. Reload it; what you typed is kept."))
    if room.archived_at is not None:
        raise ArchivedRoom
    if not (typed.text or files) or len(typed.text) > LONGEST_MESSAGE:
        raise UnfitText(typed.text)
    if reply_to_id and await find_answered(transaction, room, reply_to_id) is None:
        raise AnswerGone
    membership = await transaction.get(Membership, (room.id, member.id)) or await enter(transaction, room, member)
    rendered = typed.prose or await render_text(transaction, typed, author=member, about=room.subject)
    number = room.last_number + 1  # writers of a workspace come one after another: nobody else takes this one
    where: dict[str, Any] = {"room_id": room.id, "number": number, "reply_to_id": reply_to_id or None}
    shown = {"text": rendered.text, "html": rendered.html, "plain": rendered.plain}
    message = Message(**where, **shown, member_id=member.id, program=transaction.actor.program, key=key, sent=sent)
    indexed = NewRows(MessageIndex, [{"text": typed.text}], link="rowid")
    counted = [ChangedObject(room, {"last_number": number})]
    if membership.read_number == number - 1:  # who has read up to here has read what they say themselves
        counted.append(ChangedObject(membership, {"read_number": number}))
    await transaction.write_together(NewObject(message), indexed, *counted)
    if rendered.mentions or rendered.subjects:
        keep_references(transaction, message.id, rendered)
    for attachment in attached:
        attachment.message_id = message.id
    if draft is not None and draft.key in ("", key, *instead):  # what was typed since is kept
        await transaction.delete(draft)
    transaction.keep(member, room, message)  # what is shown of them needs no statement
    addresses = message.reply_to_id or rendered.mentions or room.kind in ("direct", "discussion")
    fact = MessageAddressed if addresses else MessagePosted
    came: dict[str, Any] = {"mentioned": rendered.mentions, "records": rendered.records, "bot": member.bot}
    by, brought = transaction.acting(member.id), tuple(sorted(files))
    transaction.note(fact(by=by, message_id=message.id, **where, **came, files=brought))
    return message, True


def fingerprint_message(key: str, room_id: int, text: str, reply_to_id: int, files: Iterable[int]) -> str:
    """A digest of what is sent with a key. It is kept with the message, so that what comes again can be compared with
    what was sent, whatever became of the message since."""
    sent = json.dumps([key, room_id, text, reply_to_id, sorted(set(files))])
    return hashlib.sha256(sent.encode()).hexdigest()


def check_same(posted: Message, sent: str, text: str) -> None:
    """Raise SentAlready when what is sent is not what was posted with its key: the same room, text, answered message
    and files, by their fingerprint. Of an earlier version's message only the text is known."""
    same = posted.sent == sent
    if posted.sent is None:
        same = posted.edited_at is not None or posted.deleted_at is not None or was_typed(posted.text, text)
    if not same:
        raise SentAlready(posted)


def was_typed(stored: str, text: str) -> bool:
    """Whether a text may have been stored so. Which name a member had then is not known."""
    if OPEN not in stored:
        return stored == text
    names = re.compile("@[^@\n]{1,80}?".join(map(re.escape, STORED.split(stored)[::2])))
    return names.fullmatch(text) is not None


FIND_TAKEN_BACK = PreparedSelect(
    lambda: (
        select(Message)
        .where(Message.member_id == bindparam("member_id"), Message.key.in_(bindparam("keys")))
        .order_by(Message.id)
        .limit(1)
    )
)


async def check_taken_back(transaction: Transaction, member: Member, instead: Collection[str]) -> None:
    """Raise SentAlready when a message is sent instead of one that was taken back, and that one has come after all.

    The page had no answer to it, and could not know. A form has at most 500 such keys.
    """
    posted = await transaction.value(FIND_TAKEN_BACK, member_id=member.id, keys=set(instead))
    if posted is not None:
        raise SentAlready(posted)


async def find_files(
    transaction: Transaction, room: Room, member: Member, ids: Collection[int], holders: Collection[str]
) -> Sequence[Attachment]:
    """The files that go with a message. Raises Invalid when there are too many, or one of them is not there, also as
    another message has it."""
    if len(ids) > MOST_A_MESSAGE:
        raise Invalid(text=_l("A message can have up to %(limit)d files.", limit=MOST_A_MESSAGE))
    files = await find_unsent(transaction, room, member, sorted(ids), holders)
    if len(files) < len(ids):
        raise Invalid(text=_l("A file is no longer available. Attach it again."))
    return files
