"""The records of a collection as a file."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from litestar import Response
from litestar.params import QueryParameter

from app.accounts.access import AnyRequest
from app.accounts.exporting import ExportLimit
from app.accounts.members import Member
from app.database import Transaction
from app.programs.endpoints.collections import COLLECTION
from app.programs.endpoints.records import check_sort
from app.programs.routes import SENT_AS_EXPORT, reads
from app.records.exports import open_export
from app.records.pages.exports import MEDIA_TYPES_OF_EXPORTS, exports_of, headers_of_file, stream_export
from app.settings import Settings
from app.web.streams import Streamed

ExportFormat = Annotated[Literal["csv", "xlsx", "json"], QueryParameter(name="format", description="Its format.")]


@reads(COLLECTION + "/export", scope="records:read", heavy=True, tagged=False, also=SENT_AS_EXPORT)
async def export_by_program(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    exporting: ExportLimit,
    slug: str,
    format: ExportFormat = "json",
    q: str = "",
    sort: str = "",
) -> Response[Any]:
    """The records that have all words of `q`, by `sort`, with all fields, as a file. It is sent as it comes to be: one
    that is cut off was not to be gone on with, as somebody has lost the right, or the server has ended."""
    export = await open_export(transaction, member, slug, q, sort, "")
    check_sort(export.fields, sort or "number")
    await exporting.check(member)
    directory = exports_of(settings, transaction.tenant)
    pieces = stream_export(request, member, exporting, export, format, directory)
    return Streamed(pieces, media_type=MEDIA_TYPES_OF_EXPORTS[format], headers=headers_of_file(member, slug, format))


endpoints = [export_by_program]
