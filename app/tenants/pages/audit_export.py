"""The audit log as a file, for admins: as it is narrowed down on its page."""

from __future__ import annotations

import csv
from collections.abc import AsyncGenerator
from datetime import UTC

from litestar import get

from app.accounts.access import AnyRequest, read_signed_in, write_signed_in
from app.accounts.audit import AuditEntry
from app.accounts.exporting import ExportLimit
from app.accounts.members import Member
from app.accounts.rights import require
from app.database import Transaction, now
from app.files.cells import BYTE_ORDER_MARK, MEDIA_TYPE_OF_CSV, join_rows, write_no_formula
from app.files.names import content_disposition
from app.tenants.audit_list import AuditView, SaidEntries, count_entries, find_said, list_audited, read_audit_view
from app.tenants.facts import AuditLogExported
from app.web.streams import Streamed
from app.web.texts import _l

# How many entries are read at once, in a transaction of their own.
AUDIT_BATCH = 500
# The name of an entry's kind is the same in every language: programs go by it.
AUDIT_COLUMNS = (_l("Time (UTC)"), _l("Who"), _l("What"), _l("Type"), _l("IP address"))


@get("/audit/export.csv")
async def export_audit_log(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    exporting: ExportLimit,
    who: str = "",
    nobody: str = "",
    what: str = "",
    days: str = "",
) -> Streamed:
    """All entries of a person, of a kind, of a span, the newest first, with a line for each."""
    require(member, "read", "audit log")
    view = await read_audit_view(transaction, who, nobody, what, days)
    await exporting.check(member)
    disposition = content_disposition(f"audit-log-{now().date().isoformat()}.csv", inline=False)
    headers = {"content-disposition": disposition, "content-security-policy": "sandbox; default-src 'none'"}
    pieces = stream_audit_log(request, member, exporting, view)
    return Streamed(pieces, media_type=MEDIA_TYPE_OF_CSV, headers=headers)


async def stream_audit_log(
    request: AnyRequest, member: Member, exporting: ExportLimit, view: AuditView
) -> AsyncGenerator[bytes]:
    """Count the entries, note the export, then read them batch by batch. Each asks again whether who exports may. It
    ends before the entry that notes it, and has as many as that says."""
    with exporting.going(member):
        async with read_signed_in(request) as (transaction, reader):
            require(reader, "read", "audit log")
            count, newest = await count_entries(transaction, view)
        async with write_signed_in(request) as (transaction, writer):
            transaction.note(AuditLogExported(by=transaction.acting(writer.id), count=count, query=view.query))
        before, goes_on = newest + 1, False
        while True:
            async with read_signed_in(request) as (transaction, reader):
                require(reader, "read", "audit log")
                entries = await list_audited(transaction, view, before=before, most=AUDIT_BATCH)
                said = await find_said(transaction, reader, entries)
                locale, language = transaction.tenant.formats, transaction.tenant.language
            head = [[each.translate(language) for each in AUDIT_COLUMNS]]
            rows = [write_entry(entry, said) for entry in entries]
            text = join_rows(locale, rows if goes_on else head + rows, csv.QUOTE_MINIMAL)
            yield (text if goes_on else BYTE_ORDER_MARK + text).encode()
            if len(entries) < AUDIT_BATCH:
                return
            before, goes_on = entries[-1].id, True


def write_entry(entry: AuditEntry, said: SaidEntries) -> list[str]:
    """An entry as a row of cells, none of which is a formula."""
    moment = entry.at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
    cells = (said.name_actor(entry), said.write(entry), entry.what, entry.address)
    return [moment, *map(write_no_formula, cells)]


handlers = [export_audit_log]
