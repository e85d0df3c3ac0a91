"""What is said about a record: its discussion is a room like others, which begins with the first word."""

from __future__ import annotations

from typing import Any

from litestar import Response
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.rights import require
from app.chat.discussions import enter_discussion
from app.chat.memberships import may_see
from app.chat.rights import places_of_room
from app.chat.rooms import Room, find_discussion
from app.database import Transaction
from app.programs.chat_shapes import FileShape, MessageShape, NewMessage, RoomShape
from app.programs.endpoints.files import store_in_room
from app.programs.endpoints.memberships import shape_own_room
from app.programs.endpoints.messages import MESSAGE_LIMIT, post_given, prepare_message
from app.programs.endpoints.records import RECORD
from app.programs.endpoints.rooms import list_part_of_room
from app.programs.lists import DEFAULT_LIMIT, After, ItemNumber, Limit, read_cursor
from app.programs.routes import ListPart, adds, brings, reads
from app.programs.transfers import FileName
from app.records.forms import open_record
from app.settings import Settings

DISCUSSION = RECORD + "/discussion"
ABOUT_RECORD = "record-{}"


async def open_subject(transaction: Transaction, member: Member, slug: str, number: int) -> tuple[str, Room | None]:
    """What a discussion of a record is about, and the discussion, if there was a word yet.

    Raises NotFoundException, also for a token that is narrowed: of discussions it sees nothing.
    """
    _, record, _ = await open_record(transaction, member, slug, number)
    subject = ABOUT_RECORD.format(record.id)
    room = await find_discussion(transaction, subject)
    if not member.grant.reaches(places_of_room(0, "discussion")):
        raise NotFoundException
    if room is not None and not await may_see(transaction, member, room):
        raise NotFoundException
    return subject, room


@reads(DISCUSSION, scope="chat:read")
async def show_discussion_to_program(transaction: Transaction, member: Member, slug: str, number: int) -> RoomShape:
    """The discussion of a record, as a room; 404 before the first word. By its slug all calls of rooms work with it.
    It also takes the scope `records:read`."""
    _, room = await open_subject(transaction, member, slug, number)
    if room is None:
        raise NotFoundException
    return await shape_own_room(transaction, member, room)


@reads(DISCUSSION + "/messages", scope="chat:read")
async def list_said_about_record(
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    before: ItemNumber = None,
    after: ItemNumber = None,
    limit: Limit = DEFAULT_LIMIT,
    next: After = "",
) -> ListPart[MessageShape]:
    """What is said about a record, as of a room: the newest first, or with `after` the oldest first. It also takes the
    scope `records:read`."""
    _, room = await open_subject(transaction, member, slug, number)
    if room is None:
        read_cursor(next, int)
        return ListPart([], None)
    return await list_part_of_room(transaction, room, before, after, limit, next)


@adds(
    DISCUSSION + "/messages",
    scope="chat:write",
    answers=(410,),
    request_max_body_size=MESSAGE_LIMIT,
    prepare=prepare_message,
)
async def say_about_record(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int, data: NewMessage
) -> Response[MessageShape]:
    """Say something about a record. Those who made and changed it are in its discussion from the first word. It also
    takes the scope `records:read`."""
    subject, _ = await open_subject(transaction, member, slug, number)
    room = await enter_discussion(transaction, member, subject)
    return await post_given(request, transaction, member, room, data)


@brings(DISCUSSION + "/files", scope="chat:write")
async def bring_discussion_file(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    slug: str,
    number: int,
    name: FileName,
) -> Response[FileShape]:
    """Bring a file to the discussion of a record, as the body of the request. Name its id in `files` of a message there
    within a day."""
    await open_subject(transaction, member, slug, number)
    require(member, "write", "messages")

    async def enter(writing: Transaction, author: Member) -> Room:
        subject, _ = await open_subject(writing, author, slug, number)
        return await enter_discussion(writing, author, subject)

    return await store_in_room(request, transaction, settings, name, enter)


endpoints: list[Any] = [
    show_discussion_to_program,
    list_said_about_record,
    say_about_record,
    bring_discussion_file,
]
