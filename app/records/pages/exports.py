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
from app.accounts.members import Member
from app.accounts.time_zones import known_time_zone
from app.database import Tenant, Transaction
from app.files.names import content_disposition
from app.files.uploads import in_thread
from app.jobs.sweeps import sweeps_with_settings
from app.records.export_csv import export_csv
from app.records.export_json import export_json
from app.records.export_xlsx import delete_abandoned_folders, export_xlsx
from app.records.exports import Export, note_export, open_export, read_batches
from app.records.limits import ExportLimit
from app.records.records import Record
from app.settings import Settings
from app.web.streams import Streamed

MEDIA_TYPES_OF_EXPORTS = {
    "csv": "text/csv; charset=utf-8",
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
    all fields or the columns that one has chosen."""
    name = str(request.scope["path"]).rpartition(".")[2]
    export = await open_export(transaction, member, slug, q, sort, columns)
    await exporting.check(member)
    today = datetime.now(ZoneInfo(known_time_zone(member.time_zone))).date()
    pieces = stream_export(request, member, exporting, export, name, exports_of(settings, transaction.tenant))
    disposition = content_disposition(f"{slug}-{today.isoformat()}.{name}", inline=False)
    return Streamed(
        pieces,
        media_type=MEDIA_TYPES_OF_EXPORTS[name],
        headers={"content-disposition": disposition, "content-security-policy": "sandbox; default-src 'none'"},
    )


async def stream_export(
    request: AnyRequest, member: Member, exporting: ExportLimit, export: Export, name: str, directory: Path
) -> AsyncGenerator[bytes]:
    """Note an export, then read it, put it into its format, and give it piece by piece."""
    with exporting.going(member):
        await note_export(request, export, name)
        batches = read_batches(request, export)
        async with aclosing(batches):
            if name == "csv":
                pieces = export_csv(export, batches)
            elif name == "json":
                pieces = export_json(export, batches)
            else:
                pieces = export_xlsx(export, batches, directory)
            async with aclosing(pieces):
                async for piece in pieces:
                    yield piece


handlers = [export_records]
