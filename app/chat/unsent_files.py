"""Files that were brought to rooms and not sent yet: which box has them, or which message that is on its way."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Any

from litestar.exceptions import NotFoundException
from sqlalchemy import ColumnElement, Select, bindparam, func, or_, select

from app.accounts.members import Member
from app.accounts.rights import require
from app.chat.attachments import MOST_A_MESSAGE, UNSENT_FOR, Attachment, delete_all, find_attachment
from app.chat.memberships import find_visible, get_room
from app.chat.messages import LONGEST_KEY, ArchivedRoom
from app.chat.rooms import Room
from app.database import PreparedSelect, Transaction, now
from app.files.quota import check_quota
from app.files.storing import LONGEST_UPLOAD_KEY
from app.files.uploads import StoredFile
from app.web.errors import Gone
from app.web.forms import Invalid
from app.web.texts import _l

# Of all boxes of a room that were left with files in them.
MOST_IN_BOXES = 5 * MOST_A_MESSAGE


async def enter_to_bring(transaction: Transaction, member: Member, slug: str) -> Room:
    """A room, for who may bring files there. Raises NotFoundException, and a 403 page, also for an archived one."""
    room = await get_room(transaction, member, slug)
    require(member, "write", "messages")
    if room.archived_at is not None:
        raise ArchivedRoom
    return room


async def add_attachment(
    transaction: Transaction,
    room: Room,
    member: Member,
    stored: StoredFile,
    *,
    quota: int,
    upload: str = "",
    box: str = "",
) -> Attachment:
    """Note a file that was stored for a `box` of a room. What comes again with the same `upload` is the file that is
    there.

    Raises Invalid when the workspace has no room for it, and when what came with `upload` is not in this room's box any
    more; `quota` is in bytes.
    """
    if len(upload) > LONGEST_UPLOAD_KEY or len(box) > LONGEST_KEY:
        raise Invalid(file=_l("This page is out of date. Reload it; what you typed is kept."))
    there = await find_upload(transaction, member, upload) if upload else None
    if there is not None:
        if there.message_id is not None or there.room_id != room.id:
            raise Invalid(file=_l("This file was already sent."))
        return there
    await check_quota(transaction, stored.size, quota)
    attachment = Attachment(
        room_id=room.id,
        message_id=None,
        member_id=member.id,
        key=stored.key,
        upload=upload or None,
        box=box or None,
        name=stored.name,
        size=stored.size,
        media_type=stored.media_type,
        width=stored.width,
        height=stored.height,
        preview=stored.preview,
    )
    transaction.add(attachment)
    await transaction.flush()
    return attachment


FIND_UPLOAD = PreparedSelect(
    lambda: select(Attachment).where(
        Attachment.member_id == bindparam("member_id"),
        func.coalesce(Attachment.upload, Attachment.key) == bindparam("upload"),
    )
)


async def find_upload(transaction: Transaction, member: Member, upload: str) -> Attachment | None:
    """The file that a member's page brought with an upload."""
    return await transaction.value(FIND_UPLOAD, member_id=member.id, upload=upload)


async def measure_upload(transaction: Transaction, upload: str) -> int:
    """How many bytes of who asks are kept already with the key of an upload."""
    there = (
        await transaction.value(FIND_UPLOAD, member_id=transaction.actor.member_id, upload=upload) if upload else None
    )
    return 0 if there is None else there.size


def select_unsent(*criteria: Any) -> Select[Attachment]:
    """The select of files that a member has brought to a room and that are in no message yet."""
    return (
        select(Attachment)
        .where(
            Attachment.room_id == bindparam("room_id"),
            Attachment.member_id == bindparam("member_id"),
            Attachment.message_id.is_(None),
            *criteria,
        )
        .order_by(Attachment.id)
    )


def is_held_by(holders: Any) -> ColumnElement[bool]:
    """Whether a file is nobody's in particular, or that of a box or a message with one of the keys of `holders`."""
    holder = func.coalesce(Attachment.taken_by, Attachment.box)
    return or_(holder.is_(None), holder.in_(holders))


FIND_UNSENT = PreparedSelect(
    lambda: select_unsent(Attachment.id.in_(bindparam("ids")), is_held_by(bindparam("holders"))).limit(MOST_A_MESSAGE)
)
FIND_HELD = PreparedSelect(
    lambda: select(Attachment).where(
        Attachment.member_id == bindparam("member_id"),
        Attachment.message_id.is_(None),
        func.coalesce(Attachment.upload, Attachment.key).in_(bindparam("uploads")),
        is_held_by(bindparam("holders")),
    )
)
LIST_UNSENT = PreparedSelect(
    lambda: (
        select_unsent(Attachment.taken_by.is_(None), Attachment.created_at >= bindparam("since"))
        .order_by(None)
        .order_by(Attachment.id.desc())
        .limit(MOST_IN_BOXES)
    )
)


async def find_unsent(
    transaction: Transaction, room: Room, member: Member, ids: Sequence[int], holders: Collection[str] = ()
) -> Sequence[Attachment]:
    """The member's own files for this room that are in no message yet, and that no box or message has but those with
    the keys of `holders`; others are left out."""
    if not ids:
        return []
    wanted, keys = ids[:MOST_A_MESSAGE], list(holders)[:MOST_IN_BOXES]
    return await transaction.column(FIND_UNSENT, room_id=room.id, member_id=member.id, ids=wanted, holders=keys)


async def list_unsent(transaction: Transaction, room: Room | None, member: Member) -> Sequence[Attachment]:
    """The files that a member has brought to boxes of a room, and that no message has, sent or on its way: the newest,
    in the order in which they came."""
    if room is None:
        return []
    since = now() - UNSENT_FOR
    newest = await transaction.column(LIST_UNSENT, room_id=room.id, member_id=member.id, since=since)
    return newest[::-1]


async def hold_files(
    transaction: Transaction,
    member: Member,
    uploads: Collection[str],
    *,
    held: Collection[str],
    box: str | None = None,
    taken_by: str | None = None,
) -> None:
    """Give files that were not sent yet to a box, or to a message that is on its way.

    `held` are the keys by which the page has them; what another box or message has taken meanwhile stays there. Of more
    files than a message can have, and with keys that no page makes, nothing is done.
    """
    if not uploads or len(uploads) > MOST_A_MESSAGE or max(len(box or ""), len(taken_by or "")) > LONGEST_KEY:
        return
    asked = {"member_id": member.id, "uploads": list(uploads), "holders": list(held)[:MOST_IN_BOXES]}
    for attachment in await transaction.column(FIND_HELD, **asked):
        attachment.box = box or attachment.box
        attachment.taken_by = taken_by
    await transaction.flush()


async def discard_file(transaction: Transaction, member: Member, attachment_id: int) -> tuple[Room, list[str]]:
    """Delete a file that the member has brought and not sent; its room, and the keys of what is to be deleted on disk.

    Raises Gone, also for a file that was sent: it is its message's.
    """
    attachment = await find_attachment(transaction, member, attachment_id)
    room = await find_visible(transaction, member, attachment.room_id) if attachment else None
    if attachment is None or room is None or attachment.message_id is not None:
        raise Gone(_l("This file was removed or sent."))
    return room, await delete_all(transaction, [attachment])


async def take_out_upload(transaction: Transaction, member: Member, upload: str) -> list[str]:
    """Delete what an upload of the member has brought, as `discard_file` does.

    Raises NotFoundException, also as long as it has not come.
    """
    attachment = await find_upload(transaction, member, upload)
    if attachment is None:
        raise NotFoundException
    _, keys = await discard_file(transaction, member, attachment.id)
    return keys
