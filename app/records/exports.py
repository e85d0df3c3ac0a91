"""Exporting a collection's records: all that a list shows under a search, in its order, or all there are.

An export is read in batches, each in a short transaction of its own that goes on behind the last record of the one
before. So it holds neither the writer nor a snapshot, however slowly it is taken: on SQLite a snapshot of minutes would
keep all that is written meanwhile in the write-ahead log.

What that means for what changes while it goes on: each record is as it was when its batch was read. One that stays at
its place in the order comes exactly once. One that is added, deleted, or moved by a change comes or not by where the
export is by then; a moved one may come twice. The fields are those of the beginning. Each batch asks again whether who
exports may: where that has ended, or the collection or the field to sort by is gone, the export is cut off.
"""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from functools import cache
from typing import Any

from babel import Locale
from litestar.exceptions import NotFoundException
from msgspec import Struct
from sqlalchemy import Select, Text, cast, select
from sqlalchemy.orm import aliased

from app.accounts.access import AnyRequest, read_signed_in, write_signed_in
from app.accounts.members import Member
from app.database import PreparedSelect, Tenant, Transaction
from app.records.access import enter_collection
from app.records.collections import Collection
from app.records.columns import find_columns_seen
from app.records.fields import Field, list_fields
from app.records.following import list_following, select_behind
from app.records.lists import Keys, Part, View, count_view, is_listed, read_view
from app.records.record_facts import RecordsExported
from app.records.records import Record
from app.records.revisions import Revision

# How many records are read at once: some milliseconds of the database's time, and of the thread's.
EXPORT_BATCH = 500
# What the address of an export says that has the columns of its member's list, and no others.
OWN_COLUMNS = "own"
# The thread in which exports are put into their formats, one batch after the other, whoever asks: beside the event loop
# only one of them wants the processor.
EXPORTING = ThreadPoolExecutor(max_workers=1, thread_name_prefix="export")


class Export(Struct, frozen=True):
    """What is exported: the records of a collection that a view has, in its order, with the fields of now; or, if
    `is_narrowed`, the columns of the list of who exports."""

    collection: Collection
    fields: Sequence[Field]
    view: View
    language: str
    locale: Locale
    origin: Mapping[str, Any]
    is_narrowed: bool = False

    @property
    def query(self) -> str:
        """What its address says of what it has."""
        columns = f"columns={OWN_COLUMNS}" if self.is_narrowed else ""
        return "&".join(filter(None, (self.view.address().removeprefix("?"), columns)))


class ExportedRecord(Struct, frozen=True):
    """A record as it was read. `stored` is the JSON of its values, read where there is time for it."""

    number: int
    version: int
    stored: str
    created_at: datetime
    changed_at: datetime
    created_by: str | None
    changed_by: str | None

    def read_values(self) -> Mapping[str, str]:
        """The values by the refs of fields."""
        values: Mapping[str, str] = json.loads(self.stored)
        return values


Batches = AsyncGenerator[Sequence[ExportedRecord]]


async def open_export(
    transaction: Transaction, member: Member, slug: str, query: str, sort: str, columns: str
) -> Export:
    """What a member may export of a collection: all fields, or the columns of their own list.

    Raises NotFoundException, and a 403 page.
    """
    collection = (await enter_collection(transaction, member, slug, "export")).collection
    every = await list_fields(transaction, collection)
    view = read_view(every, query, sort, "")
    chosen = None
    if columns == OWN_COLUMNS:
        chosen = await find_columns_seen(transaction, collection, every, member, view.key)
    fields = every if chosen is None else chosen
    tenant = transaction.tenant
    origin = describe_origin(tenant, collection)
    return Export(collection, fields, view, tenant.language, tenant.formats, origin, chosen is not None)


def describe_origin(tenant: Tenant, collection: Collection) -> dict[str, Any]:
    """Which workspace and collection records are from: where they are read again, ids mean the same in the same ones.

    Others may have the same ids, in other installations, but none that was made at the same moment.
    """
    return {
        "workspace": {"id": tenant.id, "created_at": tenant.created_at.isoformat()},
        "collection": {
            "id": collection.id,
            "created_at": collection.created_at.isoformat(),
            "name": collection.name,
            "slug": collection.slug,
        },
    }


async def note_export(request: AnyRequest, export: Export, format_name: str) -> int:
    """Note that an export begins, in a writing transaction that is over before it does. Returns of how many records."""
    async with read_signed_in(request) as (reading, _):
        count = await count_view(reading, export.collection, export.view)
    async with write_signed_in(request) as (transaction, member):
        transaction.note(
            RecordsExported(
                by=transaction.acting(member.id),
                collection_id=export.collection.id,
                address=f"/c/{export.collection.slug}",
                count=count,
                format=format_name,
                query=export.query,
            )
        )
    return count


async def read_batches(request: AnyRequest, export: Export) -> Batches:
    """The records of an export, at least one batch of them, which may be empty.

    Raises SignInNeeded, NotFoundException and a 403 page when it may not go on.
    """
    after: Sequence[Any] = ()
    view = export.view
    while True:
        async with read_signed_in(request) as (transaction, member):
            collection = (await enter_collection(transaction, member, export.collection.slug, "export")).collection
            fields = await list_fields(transaction, collection)
            if view.key not in {"number", *(field.ref for field in fields)}:
                raise NotFoundException
            rows = await list_following(transaction, select_batch, collection, fields, view, after, EXPORT_BATCH)
        yield [ExportedRecord(*row) for row, _ in rows]
        if len(rows) < EXPORT_BATCH:
            return
        _, after = rows[-1]


@cache
def select_batch(
    words: int, *, by_key: Keys, descending: bool, part: Part, goes_on: bool
) -> PreparedSelect[*tuple[Any, ...]]:
    """The select of what is exported of the records of a view, behind a place in its order where it goes on."""

    def make() -> Select[*tuple[Any, ...]]:
        created, changed, maker, changer = aliased(Revision), aliased(Revision), aliased(Member), aliased(Member)
        statement: Any = (
            select(
                Record.number,
                Record.version,
                cast(Record.values, Text),
                Record.created_at,
                Record.updated_at,
                maker.name,
                changer.name,
            )
            .select_from(Record)
            .outerjoin(created, (created.record_id == Record.id) & (created.what == "created"))
            .outerjoin(maker, maker.id == created.member_id)
            .outerjoin(changed, (changed.record_id == Record.id) & (changed.version == Record.version))
            .outerjoin(changer, changer.id == changed.member_id)
            .where(*is_listed(words))
        )
        return select_behind(statement, by_key=by_key, descending=descending, part=part, goes_on=goes_on)

    return PreparedSelect(make)
