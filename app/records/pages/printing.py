"""A list on one page, with all of its rows: to be printed."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from functools import partial

from litestar import Response, get
from markupsafe import Markup

from app.accounts.access import AnyRequest
from app.accounts.exporting import ExportLimit
from app.accounts.members import Member
from app.accounts.shell import render_page
from app.accounts.time_zones import show_in_zone
from app.database import Transaction
from app.files.uploads import in_thread
from app.records.columns import Columns, columns_of
from app.records.exports import EXPORTING, OWN_COLUMNS, Export, ExportedRecord, open_export, read_batches
from app.records.fields import Fields, list_fields
from app.records.lists import count_view
from app.web.streams import Streamed
from app.web.templates import render

# A pile of paper that nobody reads through; and a page that browsers lay out.
MOST_PRINTED = 2_000
# Where the page has its rows.
ROWS = Markup("<!-- rows -->")


@get("/c/{slug:str}/print")
async def print_list(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    exporting: ExportLimit,
    slug: str,
    q: str = "",
    sort: str = "",
) -> Response[None]:
    """All rows of a list as one sees it, without anything to click on. They are sent as they are read, batch by batch,
    as an export's are."""
    export = await open_export(transaction, member, slug, q, sort, OWN_COLUMNS)
    await exporting.check(member)
    fields = await list_fields(transaction, export.collection)
    columns = columns_of(fields, export.fields if export.is_narrowed else None)
    page = await render_page(
        request,
        transaction,
        member,
        "records/print.html",
        collection=export.collection,
        view=export.view,
        columns=columns,
        count=await count_view(transaction, export.collection, export.view),
        most=MOST_PRINTED,
        rows=ROWS,
    )
    before, _, after = page.content.partition(ROWS)
    write = partial(write_printed_rows, export, fields, columns, member.time_zone)
    pieces = stream_printed(request, member, exporting, export, write, before, after)
    return Streamed(pieces, media_type="text/html; charset=utf-8", headers=dict(page.headers))


async def stream_printed(
    request: AnyRequest,
    member: Member,
    exporting: ExportLimit,
    export: Export,
    write: Callable[[Sequence[ExportedRecord]], str],
    before: str,
    after: str,
) -> AsyncGenerator[bytes]:
    """The page, with its rows in between."""
    left = MOST_PRINTED
    with exporting.going(member):
        async with aclosing(read_batches(request, export)) as batches:
            async for records in batches:
                yield (before + await in_thread(partial(write, records[:left]), executor=EXPORTING)).encode()
                before, left = "", left - len(records)
                if left <= 0:
                    break
        yield after.encode()


def write_printed_rows(
    export: Export, fields: Fields, columns: Columns, zone: str, records: Sequence[ExportedRecord]
) -> str:
    """Rows of some records, with their times in the zone of whom they are for."""
    rows = render(export.language, "records/_printed_rows.html", fields=fields, columns=columns, records=records)
    return show_in_zone(rows, zone, export.locale)


handlers = [print_list]
