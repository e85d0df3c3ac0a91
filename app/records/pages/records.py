"""Pages of records: collections, list, and record."""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.quick_switcher import leads_to
from app.accounts.shell import render_page
from app.accounts.visits import note_visit
from app.database import Transaction
from app.records.access import enter_collection, list_readable
from app.records.channels import follow_counts
from app.records.collection_list import page_collections
from app.records.columns import columns_of, find_columns_seen, listed_of
from app.records.fields import list_fields
from app.records.forms import open_record, render_record
from app.records.kept_rows import ShownRows
from app.records.limits import ListLimit
from app.records.lists import list_records, read_view
from app.records.pins import is_pinned
from app.records.records import find_by_references, find_record_place
from app.web.redirects import see_other
from app.web.texts import _l

leads_to("pages", _l("Collections"), "/collections", icon="box", order=50)


@get("/collections")
async def show_collection_list(
    request: AnyRequest, transaction: Transaction, member: Member, q: str = "", page: str = ""
) -> Response[str]:
    """All collections, those that are archived after the others."""
    listing = await page_collections(transaction, member, q, page)
    return await render_page(
        request,
        transaction,
        member,
        "records/collections.html",
        collections=listing,
        follow=follow_counts(listing.items),
    )


@get("/records/{number:int}")
async def show_reference(transaction: Transaction, member: Member, number: int) -> Response[Any]:
    """Lead to the record that a message calls `#42`."""
    record = (await find_by_references(transaction, [("", number)])).get(("", number))
    if record is None or not await list_readable(transaction, member, [record]):
        raise NotFoundException
    return see_other((await find_record_place(transaction, record)).address)


@get("/c/{slug:str}")
async def show_list(
    request: AnyRequest,
    turn: None,
    transaction: Transaction,
    member: Member,
    lists: ListLimit,
    slug: str,
    q: str = "",
    sort: str = "",
    page: str = "",
) -> Response[str]:
    """A collection's records under a search, in an order, page by page."""
    if q.strip():
        await lists.check(member)
    access = await enter_collection(transaction, member, slug)
    collection = access.collection
    note_visit(request, member, "collection", collection.id)
    fields = await list_fields(transaction, collection)
    view = read_view(fields, q, sort, page)
    listing, chosen = await transaction.together(
        list_records(transaction, collection, fields, view),
        find_columns_seen(transaction, collection, fields, member, view.key),
    )
    columns, listed = columns_of(fields, chosen), listed_of(fields)
    return await render_page(
        request,
        transaction,
        member,
        "records/list.html",
        channels=f"collection.{collection.id}",
        access=access,
        collection=collection,
        fields=fields,
        columns=columns,
        rows=ShownRows(collection, fields, columns),
        rearranged=None if chosen is None else [listed.index(field) for field in chosen],
        listing=listing,
        view=listing.view,
        pinned=is_pinned(transaction, member, collection),
    )


@get("/c/{slug:str}/{number:int}")
async def show_record(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int
) -> Response[str]:
    """A record with its history; one in the bin says so."""
    collection, record, fields = await open_record(transaction, member, slug, number, deleted=None)
    note_visit(request, member, "collection", collection.id)
    return await render_record(request, transaction, member, collection, fields, record)


handlers = [
    show_collection_list,
    show_reference,
    show_list,
    show_record,
]
