"""Downloads of a collection's records."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from datetime import datetime
from functools import partial
from pathlib import Path
from zoneinfo import ZoneInfo

from litestar import get

from app.accounts.access import AnyRequest
from app.accounts.exporting import ExportLimit
from app.accounts.members import Member
from app.accounts.time_zones import known_time_zone
from app.database import Tenant, Transaction
from app.files.cells import MEDIA_TYPE_OF_CSV
from app.files.names import content_disposition
from app.files.uploads import in_thread
from app.jobs.sweeps import sweeps_with_settings
from app.records.access import enter_collection
from app.records.export_xlsx import delete_abandoned_folders
from app.records.exports import Export, note_export, open_export, read_batches
from app.records.making import find_made, make_file, take_file, write_pieces
from app.records.records import Record
from app.settings import Settings
from app.web.calls import is_call
from app.web.streams import Streamed

MEDIA_TYPES_OF_EXPORTS = {
    "csv": MEDIA_TYPE_OF_CSV,
    "xlsx": "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
    "json": "application/json",
}


def exports_of(settings: Settings, tenant: Tenant) -> Path:
    """Where the exports of a workspace are made."""
    return settings.data_dir / "exports" / str(tenant.id)


@sweeps_with_settings(Record)
async def sweep_exports(transaction: Transaction, limit: int, settings: Settings) -> int:
    """Delete what cut off exports have left."""
    directory = exports_of(settings, transaction.tenant)
    transaction.after_commit.append(partial(in_thread, delete_abandoned_folders, directory))
    return 0


@get([f"/c/{{slug:str}}/export.{name}" for name in MEDIA_TYPES_OF_EXPORTS])
async def export_records(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    exporting: ExportLimit,
    slug: str,
    q: str = "",
    sort: str = "",
    columns: str = "",
) -> Streamed:
    """The records of a list as a file, in the format that the address ends in: all that it has on all its pages, with
    all fields or the columns that one has chosen.

    To a page's own call it is made first, and its answer says how far that is, then where it is (`take_export`): so a
    page can say it to whoever waits, and no proxy takes silence for an end.
    """
    name = str(request.scope["path"]).rpartition(".")[2]
    export = await open_export(transaction, member, slug, q, sort, columns)
    await exporting.check(member)
    directory = exports_of(settings, transaction.tenant)
    if is_call(request):
        pieces = make_export(request, member, exporting, export, name, directory)
        return Streamed(pieces, media_type="text/plain", headers={"x-accel-buffering": "no"})
    pieces = stream_export(request, member, exporting, export, name, directory)
    return Streamed(pieces, media_type=MEDIA_TYPES_OF_EXPORTS[name], headers=headers_of_file(member, slug, name))


def headers_of_file(member: Member, slug: str, name: str) -> dict[str, str]:
    """What a browser is told of an export's file: what it is called, and that nothing in it is run."""
    today = datetime.now(ZoneInfo(known_time_zone(member.time_zone))).date()
    disposition = content_disposition(f"{slug}-{today.isoformat()}.{name}", inline=False)
    return {"content-disposition": disposition, "content-security-policy": "sandbox; default-src 'none'"}


async def stream_export(
    request: AnyRequest, member: Member, exporting: ExportLimit, export: Export, name: str, directory: Path
) -> AsyncGenerator[bytes]:
    """Note an export, then read it, put it into its format, and give it piece by piece."""
    with exporting.going(member):
        await note_export(request, export, name)
        async with (
            aclosing(read_batches(request, export)) as batches,
            aclosing(write_pieces(export, batches, name, directory)) as pieces,
        ):
            async for piece in pieces:
                if piece:
                    yield piece


async def make_export(
    request: AnyRequest, member: Member, exporting: ExportLimit, export: Export, name: str, directory: Path
) -> AsyncGenerator[bytes]:
    """Note an export, then make its file, and say line by line how far it is."""
    with exporting.going(member):
        total = await note_export(request, export, name)
        async with (
            aclosing(read_batches(request, export)) as batches,
            aclosing(make_file(export, batches, name, directory, member, total)) as lines,
        ):
            async for line in lines:
                yield line


@get("/c/{slug:str}/exports/{key:str}")
async def take_export(transaction: Transaction, member: Member, settings: Settings, slug: str, key: str) -> Streamed:
    """The file of an export that was made for the one who asks."""
    collection = (await enter_collection(transaction, member, slug, "export")).collection
    path = await in_thread(find_made, exports_of(settings, transaction.tenant), member, collection, key)
    name = path.suffix.removeprefix(".")
    size = (await in_thread(path.stat)).st_size
    headers = {**headers_of_file(member, slug, name), "content-length": str(size)}
    return Streamed(take_file(path), media_type=MEDIA_TYPES_OF_EXPORTS[name], headers=headers)


handlers = [export_records, take_export]
