"""Pages where admins make collections."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.form_answers import find_answer, keep_answer
from app.accounts.members import Member
from app.accounts.quick_switcher import leads_to
from app.accounts.rights import require
from app.accounts.shell import notice, render_page
from app.accounts.tabs import tab
from app.database import Transaction
from app.records.collection_list import page_collections
from app.records.definitions import add_collection
from app.web.forms import Form, Invalid
from app.web.texts import _l

leads_to("acts", _l("New collection"), "/collections/new", icon="plus", order=60, right=("manage", "collections"))
tab("settings", _l("Collections"), "/settings/collections", icon="box", order=30, right=("manage", "collections"))
notice("collection", _l("Collection created. Now add the fields of its records."))


@get("/settings/collections")
async def show_collection_settings(
    request: AnyRequest, transaction: Transaction, member: Member, q: str = "", page: str = ""
) -> Response[str]:
    """All collections, each with the ways to its fields and to who may do what."""
    require(member, "manage", "collections")
    listing = await page_collections(transaction, member, q, page)
    return await render_page(request, transaction, member, "records/collection_settings.html", collections=listing)


@get("/collections/new")
async def show_new_collection(request: AnyRequest, transaction: Transaction, member: Member) -> Response[str]:
    """Ask for the name of a new collection."""
    require(member, "manage", "collections")
    return await render_page(request, transaction, member, "records/collection_new.html", form=Form())


@post("/collections/new")
async def add_new_collection(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form
) -> Response[Any]:
    """Make a collection, with a first field that its records are called by."""
    require(member, "manage", "collections")
    name, first = form.text("name", limit=60), form.text("first", limit=60)
    try:
        if answer := await find_answer(request, transaction, member, form):
            return answer
        form.check()
        collection = await add_collection(transaction, member, name=name, first=first)
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_page(
            request, transaction, member, "records/collection_new.html", status=invalid.status, form=form
        )
    return await keep_answer(request, transaction, member, form, f"/c/{collection.slug}/fields?done=collection")


handlers = [show_collection_settings, show_new_collection, add_new_collection]
