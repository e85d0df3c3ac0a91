"""Pages of records: start, list, and record."""

from __future__ import annotations

from typing import Any

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.response import Redirect

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import render_page
from app.database import Transaction
from app.records.collections import get_collection, list_collections, list_fields
from app.records.forms import open_record, render_record
from app.records.lists import list_records, read_view, sort_keys
from app.records.records import find_by_references, find_place


@get("/")
async def show_home(request: AnyRequest, transaction: Transaction, member: Member) -> Response[Any]:
    """The start: the collections, and at first the way to the first record."""
    collections = await list_collections(transaction)
    started = any(collection.last_number for collection in collections)
    return await render_page(
        request, transaction, member, "records/home.html", collections=collections, started=started
    )


@get("/records/{number:int}")
async def show_reference(transaction: Transaction, member: Member, number: int) -> Response[Any]:
    """Lead to the record that a message calls `#42`."""
    record = (await find_by_references(transaction, [("", number)])).get(("", number))
    if record is None:
        raise NotFoundException
    return Redirect((await find_place(transaction, record)).address, status_code=303)


@get("/c/{slug:str}")
async def show_list(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    q: str = "",
    sort: str = "",
    page: str = "",
) -> Response[str]:
    """A collection's records under a search, in an order, page by page."""
    collection = await get_collection(transaction, slug)
    fields = await list_fields(transaction, collection)
    listing = await list_records(transaction, collection, fields, read_view(fields, q, sort, page))
    return await render_page(
        request,
        transaction,
        member,
        "records/list.html",
        channels=f"collection.{collection.id}",
        collection=collection,
        fields=fields,
        listing=listing,
        view=listing.view,
        keys={record.id: sort_keys(fields, record) for record in listing.records},
    )


@get("/c/{slug:str}/{number:int}")
async def show_record(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int
) -> Response[str]:
    """A record with its history; one in the bin says so."""
    collection, record, fields = await open_record(transaction, slug, number, deleted=None)
    return await render_record(request, transaction, member, collection, fields, record)


handlers = [
    show_home,
    show_reference,
    show_list,
    show_record,
]
