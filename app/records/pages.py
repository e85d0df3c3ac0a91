"""Pages of records: list, record, forms, bin, history."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import notice, render_page
from app.database import Transaction
from app.records.channels import push_record
from app.records.collections import Collection, Field, get_collection, list_collections, list_fields
from app.records.history import compare, get_revision, list_history
from app.records.lists import list_records, read_view, sort_keys
from app.records.records import (
    Changed,
    Record,
    change_record,
    create_record,
    get_record,
    title_of,
)
from app.web.forms import Form, Invalid
from app.web.texts import _l

# Long texts take up to twelve bytes a character in a form.
RECORD_LIMIT = 1024 * 1024

notice("unchanged", _l("Nothing was changed."))


@get("/")
async def show_home(request: AnyRequest, transaction: Transaction, member: Member) -> Response[Any]:
    """The start: the collections, and at first the way to the first record."""
    collections = await list_collections(transaction)
    started = any(collection.last_number for collection in collections)
    return await render_page(
        request, transaction, member, "records/home.html", collections=collections, started=started
    )


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


async def render_form(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    collection: Collection,
    fields: list[Field],
    form: Form,
    *,
    record: Record | None = None,
    status: int = 200,
) -> Response[str]:
    """The form of a new or an old record, with what was typed."""
    return await render_page(
        request,
        transaction,
        member,
        "records/form.html",
        status=status,
        channels=f"collection.{collection.id}",
        collection=collection,
        fields=fields,
        form=form,
        record=record,
        title=title_of(fields, record.values) if record else "",
    )


@get("/c/{slug:str}/new")
async def show_new(request: AnyRequest, transaction: Transaction, member: Member, slug: str) -> Response[str]:
    """An empty form, filled with the defaults."""
    collection = await get_collection(transaction, slug)
    fields = await list_fields(transaction, collection)
    form = Form([(field.key, field.default) for field in fields])
    return await render_form(request, transaction, member, collection, fields, form)


@post("/c/{slug:str}/new", request_max_body_size=RECORD_LIMIT)
async def add(request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Add a record, and show it."""
    collection = await get_collection(transaction, slug)
    fields = await list_fields(transaction, collection)
    try:
        record = await create_record(transaction, collection, typed(fields, form), member)
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_form(request, transaction, member, collection, fields, form, status=422)
    await push_record(transaction, collection, record, "created")
    return Redirect(f"/c/{slug}/{record.number}", status_code=303)


def typed(fields: list[Field], form: Form) -> dict[str, str]:
    """What the form has for each field."""
    return {field.key: form[field.key] for field in fields}


@get("/c/{slug:str}/{number:int}")
async def show_record(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int
) -> Response[str]:
    """A record with its history; one in the bin says so."""
    collection = await get_collection(transaction, slug)
    record = await get_record(transaction, collection, number, deleted=None)
    fields = await list_fields(transaction, collection)
    return await render_page(
        request,
        transaction,
        member,
        "records/record.html",
        channels=f"record.{record.id} collection.{collection.id}",
        collection=collection,
        record=record,
        fields=fields,
        history=await list_history(transaction, fields, record),
    )


@get("/c/{slug:str}/{number:int}/edit")
async def show_edit(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int
) -> Response[str]:
    """The form with the record's values, and the version they are of."""
    collection = await get_collection(transaction, slug)
    record = await get_record(transaction, collection, number)
    fields = await list_fields(transaction, collection)
    form = Form([*record.values.items(), ("version", str(record.version))])
    return await render_form(request, transaction, member, collection, fields, form, record=record)


@post("/c/{slug:str}/{number:int}/edit", request_max_body_size=RECORD_LIMIT)
async def save(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    form: Form,
) -> Response[Any]:
    """Save over the version that the form was opened with; else show both, and lose nothing that was typed."""
    collection = await get_collection(transaction, slug)
    record = await get_record(transaction, collection, number, deleted=None)
    fields = await list_fields(transaction, collection)
    before = record.values
    try:
        changed = await change_record(
            transaction, collection, record, typed(fields, form), member, version=read_version(form)
        )
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_form(request, transaction, member, collection, fields, form, record=record, status=422)
    except Changed:
        return await render_conflict(request, transaction, member, collection, fields, record, form)
    if changed:
        await push_record(transaction, collection, record, "changed", before=before)
    return Redirect(f"/c/{slug}/{number}{'' if changed else '?done=unchanged'}", status_code=303)


def read_version(form: Form) -> int:
    """The version that a form was opened with; 0, which no record has, when it does not say."""
    version = form["version"]
    return int(version) if version.isascii() and version.isdigit() and len(version) < 16 else 0


async def render_conflict(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    collection: Collection,
    fields: list[Field],
    record: Record,
    form: Form | None = None,
) -> Response[str]:
    """The 409 page: what is saved now beside what was typed, with the way to save that after all."""
    mine = typed(fields, form) if form else {}
    history = await list_history(transaction, fields, record, limit=1)
    return await render_page(
        request,
        transaction,
        member,
        "records/conflict.html",
        status=409,
        collection=collection,
        record=record,
        fields=fields,
        form=form,
        title=title_of(fields, record.values),
        changes={change.field.key: change for change in compare(fields, record.values, mine)} if form else {},
        last=history[0],
    )


@post("/c/{slug:str}/{number:int}/revisions/{version:int}/restore")
async def revert(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    version: int,
    form: Form,
) -> Response[Any]:
    """Save an old revision's values as the record's next version."""
    collection = await get_collection(transaction, slug)
    record = await get_record(transaction, collection, number)
    fields = await list_fields(transaction, collection)
    old = await get_revision(transaction, record, version)
    before = record.values
    try:
        changed = await change_record(
            transaction,
            collection,
            record,
            old.values,
            member,
            version=read_version(form),
            what="reverted",
        )
    except Invalid as invalid:
        form = Form([*old.values.items(), ("version", str(record.version))])
        form.errors = invalid.errors
        return await render_form(request, transaction, member, collection, fields, form, record=record, status=422)
    except Changed:
        form = Form(list(old.values.items()))
        return await render_conflict(request, transaction, member, collection, fields, record, form)
    if changed:
        await push_record(transaction, collection, record, "changed", before=before)
    return Redirect(f"/c/{slug}/{number}{'' if changed else '?done=unchanged'}", status_code=303)


handlers = [
    show_home,
    show_list,
    show_new,
    add,
    show_record,
    show_edit,
    save,
    revert,
]
