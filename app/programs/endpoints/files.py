"""Files of messages and records: brought before what they belong to is saved, and fetched by who may see that."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from litestar import Response
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.rights import require
from app.chat.attachments import get_attachment
from app.chat.rooms import Room
from app.chat.unsent_files import add_attachment, discard_file, enter_to_bring
from app.database import Transaction
from app.files.storing import delete_files, files_of
from app.files.uploads import StoredFile
from app.programs.chat_shapes import FileShape, shape_file
from app.programs.endpoints.collections import COLLECTION
from app.programs.endpoints.people import LARGEST_ID
from app.programs.endpoints.rooms import ROOM
from app.programs.routes import SENT_IN_PART, brings, reads, removes
from app.programs.transfers import FileName, IfNoneMatch, IfRange, Range, send_file, store_once
from app.records.access import enter_collection
from app.records.collections import Collection
from app.records.files import add_record_file, get_record_file
from app.records.forms import open_record
from app.settings import Settings


@brings(ROOM + "/files", scope="chat:write")
async def bring_room_file(
    request: AnyRequest, transaction: Transaction, member: Member, settings: Settings, slug: str, name: FileName
) -> Response[FileShape]:
    """Bring a file to a room, as the body of the request. Name its id in `files` of a message within a day."""
    await enter_to_bring(transaction, member, slug)

    async def enter(writing: Transaction, author: Member) -> Room:
        return await enter_to_bring(writing, author, slug)

    return await store_in_room(request, transaction, settings, name, enter)


async def store_in_room(
    request: AnyRequest,
    transaction: Transaction,
    settings: Settings,
    name: str,
    enter: Callable[[Transaction, Member], Awaitable[Room]],
) -> Response[FileShape]:
    """Store the body of a request as a file of the room that its author may enter then."""
    quota = settings.files_quota_megabytes * 1_000_000

    async def keep(writing: Transaction, author: Member, stored: StoredFile) -> FileShape:
        room = await enter(writing, author)
        return shape_file(await add_attachment(writing, room, author, stored, quota=quota))

    return await store_once(request, transaction, settings, name, keep)


@brings(COLLECTION + "/files", scope="records:write")
async def bring_record_file(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    slug: str,
    name: FileName,
    number: int | None = None,
) -> Response[FileShape]:
    """Bring a file for the record of a `number`, or for one that is going to be added, as the body of the request. Name
    it as `{"id": …}` in a field of files within a day."""
    await enter_to_edit(transaction, member, slug, number)
    quota = settings.files_quota_megabytes * 1_000_000

    async def keep(writing: Transaction, author: Member, stored: StoredFile) -> FileShape:
        collection = await enter_to_edit(writing, author, slug, number)
        return shape_file(await add_record_file(writing, collection, author, stored, quota=quota))

    return await store_once(request, transaction, settings, name, keep)


async def enter_to_edit(transaction: Transaction, member: Member, slug: str, number: int | None) -> Collection:
    """A collection, for who may edit the record of a number, or add one. Raises what pages do."""
    if number is None:
        return (await enter_collection(transaction, member, slug, "add to")).collection
    return (await open_record(transaction, member, slug, number, "edit"))[0]


@reads("/files/{file_id:int}", scope="chat:read", answers=(416,), also=SENT_IN_PART)
async def fetch_room_file(
    transaction: Transaction,
    member: Member,
    settings: Settings,
    file_id: int,
    range: Range = None,
    if_range: IfRange = None,
    if_none_match: IfNoneMatch = None,
) -> Response[Any]:
    """A file of a message, as it was brought: whole, or the part that `Range` asks for."""
    if not 0 < file_id <= LARGEST_ID:
        raise NotFoundException
    file = await get_attachment(transaction, member, file_id)
    return await send_file(files_of(settings, transaction.tenant), file, range, if_range, if_none_match)


@reads("/record-files/{record_file_id:int}", scope="records:read", answers=(416,), also=SENT_IN_PART)
async def fetch_record_file(
    transaction: Transaction,
    member: Member,
    settings: Settings,
    record_file_id: int,
    range: Range = None,
    if_range: IfRange = None,
    if_none_match: IfNoneMatch = None,
) -> Response[Any]:
    """A file of a record, as it was brought: whole, or the part that `Range` asks for."""
    if not 0 < record_file_id <= LARGEST_ID:
        raise NotFoundException
    file = await get_record_file(transaction, member, record_file_id)
    return await send_file(files_of(settings, transaction.tenant), file, range, if_range, if_none_match)


@removes("/files/{file_id:int}", scope="chat:write")
async def take_out_room_file(transaction: Transaction, member: Member, settings: Settings, file_id: int) -> None:
    """Delete a file that one has brought and not sent. One that was sent goes with its message: 404."""
    require(member, "write", "messages")
    if not 0 < file_id <= LARGEST_ID:
        raise NotFoundException
    await get_attachment(transaction, member, file_id)
    _, keys = await discard_file(transaction, member, file_id)
    directory = files_of(settings, transaction.tenant)
    transaction.after_commit.append(lambda: delete_files(directory, keys))


endpoints: list[Any] = [bring_room_file, bring_record_file, fetch_room_file, fetch_record_file, take_out_room_file]
