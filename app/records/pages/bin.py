"""Pages of the bin: deleting, and taking back."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from sqlalchemy import ColumnElement, bindparam, func, select

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.rights import may
from app.accounts.shell import notice, render_page
from app.accounts.undo import lead_to
from app.database import PreparedSelect, Transaction
from app.editing.rows import Held
from app.records.access import enter_collection, find_accesses, find_collection_access
from app.records.changes import Changed
from app.records.collections import Collection
from app.records.conflicts import render_conflict
from app.records.deleting import delete_record, restore_record
from app.records.fields import Field, list_fields
from app.records.forms import open_record
from app.records.records import KEPT_IN_BIN, Record, title_of
from app.records.undoing import end_restoring, offer_restoring
from app.web.errors import PageError
from app.web.forms import Form, Invalid, number_of
from app.web.paging import PAGE_SIZE, Paged, place_of_page
from app.web.redirects import see_other
from app.web.texts import _l

notice("restored", _l("Record restored."))


@post("/c/{slug:str}/{number:int}/delete")
async def delete(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    form: Form,
) -> Response[Any]:
    """Put a record into the bin."""
    collection, record, fields = await open_record(transaction, member, slug, number, "delete", deleted=None)
    address = f"/c/{slug}/{number}"
    if record.deleted_at is not None:  # sent again
        return lead_to(address, None)
    try:
        await delete_record(transaction, collection, record, member, version=number_of(form["version"]))
    except (Changed, Held) as refusal:
        held = isinstance(refusal, Held)
        return await render_conflict(request, transaction, member, collection, fields, record, held=held)
    return lead_to(address, await offer_restoring(transaction, member, collection, {number: record.version}, address))


@post("/c/{slug:str}/{number:int}/restore")
async def take_from_bin(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    form: Form,
) -> Response[Any]:
    """Take a record out of the bin."""
    collection, record, fields = await open_record(transaction, member, slug, number, "delete", deleted=None)
    address = f"/c/{slug}/{number}?done=restored"
    if record.deleted_at is None:  # sent again
        return see_other(address)
    try:
        await restore_record(transaction, collection, record, member, version=number_of(form["version"]))
        await end_restoring(transaction, collection, [number])
    except Invalid as invalid:
        if not may(member, "read the bin of", await find_collection_access(transaction, member, collection)):
            raise PageError(422, invalid.first, heading=_l("It can't be restored")) from invalid
        return await render_bin(request, transaction, member, collection, fields, invalid=(record, invalid), status=422)
    except (Changed, Held) as refusal:
        held = isinstance(refusal, Held)
        return await render_conflict(request, transaction, member, collection, fields, record, held=held)
    return see_other(address)


@get("/c/{slug:str}/bin")
async def show_bin(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, page: str = ""
) -> Response[str]:
    """What was deleted in the last 30 days."""
    collection = (await enter_collection(transaction, member, slug, "read the bin of")).collection
    fields = await list_fields(transaction, collection)
    return await render_bin(request, transaction, member, collection, fields, page=page)


def is_binned() -> tuple[ColumnElement[bool], ...]:
    """The criteria of the records of a collection that are in the bin."""
    return Record.collection_id == bindparam("collection_id"), Record.deleted_at.is_not(None)


COUNT_BINNED_RECORDS = PreparedSelect(lambda: select(func.count(Record.id)).where(*is_binned()))
LIST_BINNED_RECORDS = PreparedSelect(
    lambda: (
        select(Record)
        .where(*is_binned())
        .order_by(Record.deleted_at.desc(), Record.number.desc())
        .limit(PAGE_SIZE)
        .offset(bindparam("offset"))
    )
)


async def render_bin(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    collection: Collection,
    fields: list[Field],
    *,
    page: str = "",
    invalid: tuple[Record, Invalid] | None = None,
    status: int = 200,
) -> Response[str]:
    """The bin, with the reason why a record can't be restored."""
    count = await transaction.value(COUNT_BINNED_RECORDS, collection_id=collection.id) or 0
    number = place_of_page(page, count)
    found = await transaction.column(LIST_BINNED_RECORDS, collection_id=collection.id, offset=(number - 1) * PAGE_SIZE)
    records = Paged([(record, title_of(fields, record.values)) for record in found], count, number)
    if invalid and invalid[0] not in found:
        records = Paged([(invalid[0], title_of(fields, invalid[0].values)), *records.items], count, number)
    accesses = await find_accesses(transaction, member, collection, [each for each, _ in records.items])
    return await render_page(
        request,
        transaction,
        member,
        "records/bin.html",
        status=status,
        channels=f"collection.{collection.id}",
        collection=collection,
        fields=fields,
        records=records,
        days=KEPT_IN_BIN.days,
        refused=invalid[0].id if invalid else None,
        errors=invalid[1].errors if invalid else {},
        restorable={each.id for each, access in accesses.items() if may(member, "delete", access)},
    )


handlers = [show_bin, delete, take_from_bin]
