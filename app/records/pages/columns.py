"""The page on which one chooses the columns of a list for oneself."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import notice, render_page
from app.database import Transaction
from app.records.access import enter_collection
from app.records.columns import choose_columns, find_columns, listed_of, put_in_order
from app.records.fields import list_fields
from app.web.forms import Form
from app.web.redirects import see_other
from app.web.texts import _l

PLACE = "place-"

notice("columns", _l("Your columns are saved. No one else's list has changed."))


@get("/c/{slug:str}/columns")
async def show_columns(request: AnyRequest, transaction: Transaction, member: Member, slug: str) -> Response[str]:
    """The columns of the list, those that are shown first."""
    collection = (await enter_collection(transaction, member, slug)).collection
    fields = await list_fields(transaction, collection)
    listed = listed_of(fields)
    chosen = await find_columns(transaction, collection, fields, member)
    shown = (listed if chosen is None else chosen)[1:]
    return await render_page(
        request,
        transaction,
        member,
        "records/columns.html",
        channels=f"collection.{collection.id}",
        collection=collection,
        first=listed[0] if listed else None,
        shown=shown,
        others=[field for field in listed[1:] if field not in shown],
        is_chosen=chosen is not None,
        place=PLACE,
    )


@post("/c/{slug:str}/columns")
async def save_columns(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Keep which columns are shown, and in which order; with `all`, show all again."""
    collection = (await enter_collection(transaction, member, slug)).collection
    places = [(name.removeprefix(PLACE), form[name]) for name in form.values if name.startswith(PLACE)]
    refs = None if "all" in form else put_in_order(places, form.values.get("column", []))
    await choose_columns(transaction, collection, await list_fields(transaction, collection), member, refs)
    return see_other(f"/c/{slug}?done=columns")


handlers = [show_columns, save_columns]
