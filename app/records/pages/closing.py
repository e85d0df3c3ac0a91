"""Pages where admins archive collections, delete them, and take them out of the bin."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.questions import Question, asked, asks_first
from app.accounts.quick_switcher import leads_to
from app.accounts.reauthentication import dangerous
from app.accounts.rights import require
from app.accounts.shell import notice, render_page
from app.database import Transaction
from app.records.closing import (
    archive_collection,
    count_all_records,
    delete_collection,
    get_any_collection,
    list_binned,
    list_editors,
    restore_collection,
)
from app.records.collections import Collection, get_collection
from app.web.forms import Form
from app.web.paging import page_of
from app.web.redirects import see_other
from app.web.texts import Text, _l, _ln

notice("collection-archived", _l("Collection archived. You can still read it, and reopen it here."))
notice("collection-opened", _l("Collection reopened."))
notice("collection-deleted", _l("The collection is in the trash. You can restore it for 30 days."))
notice("collection-restored", _l("The collection is back, with everything it had."))

# Of those who edit records, how many are named.
MOST_EDITORS_NAMED = 10


async def say_editing(transaction: Transaction, collection: Collection) -> list[Text]:
    """Who edits or adds a record right now, and what becomes of that."""
    names = await list_editors(transaction, collection)
    if not names:
        return []
    shown, others = ", ".join(names[:MOST_EDITORS_NAMED]), len(names) - MOST_EDITORS_NAMED
    who = _l("Editing or adding records in it right now: %(names)s.", names=shown)
    if others > 0:
        who = _l(
            "Editing or adding records in it right now: %(names)s, and %(count)d more.",
            names=shown,
            count=others,
        )
    return [who, _l("They can no longer save. What they have typed is kept as their drafts.")]


async def say_records(transaction: Transaction, collection: Collection) -> Text:
    """How many records a collection has, those in its bin among them."""
    count = await count_all_records(transaction, collection)
    return _ln("It has %(count)d record.", "It has %(count)d records.", count)


async def describe_archiving(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What archiving a collection does, and to whom."""
    require(member, "manage", "collections")
    slug = request.path_params["slug"]
    collection = await get_collection(transaction, slug)
    return Question(
        what=_l("Archive %(collection)s?", collection=collection.name),
        consequences=[
            await say_records(transaction, collection),
            _l("Its records can still be read, searched and exported, but not added, changed, deleted or imported."),
            *await say_editing(transaction, collection),
            _l("It will disappear from the sidebar. Admins can reopen it from the list of all collections."),
        ],
        button=_l("Archive collection"),
        back=f"/c/{slug}/fields",
        fields=[("archived", "yes")],
    )


async def describe_collection_deletion(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What deleting a collection does, and to whom."""
    require(member, "manage", "collections")
    slug = request.path_params["slug"]
    collection = await get_any_collection(transaction, slug)
    return Question(
        what=_l("Delete %(collection)s?", collection=collection.name),
        consequences=[
            await say_records(transaction, collection),
            _l("It will disappear for everyone immediately, with its records, their files, histories and discussions."),
            *await say_editing(transaction, collection),
            _l("Admins can restore it with everything in it for 30 days. After that it is deleted for good."),
        ],
        button=_l("Delete collection"),
        back=f"/c/{slug}",
    )


@post("/c/{slug:str}/archive", **asked(describe_archiving))
async def close_collection(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Archive a collection, or open it again."""
    collection = await get_collection(transaction, slug)
    archived = "archived" in form
    await archive_collection(transaction, collection, member, archived=archived)
    return see_other(f"/c/{slug}?done=collection-{'archived' if archived else 'opened'}")


@post(
    "/c/{slug:str}/remove",
    **dangerous(_l("You are about to delete a collection."), describe=describe_collection_deletion),
)
async def bin_collection(transaction: Transaction, member: Member, slug: str) -> Response[Any]:
    """Put a collection into the bin."""
    require(member, "manage", "collections")
    await delete_collection(transaction, await get_any_collection(transaction, slug), member)
    return see_other("/collections/bin?done=collection-deleted")


leads_to(
    "pages",
    _l("Deleted collections"),
    "/collections/bin",
    icon="trash",
    order=55,
    right=("manage", "collections"),
)


@get("/collections/bin")
async def show_collection_bin(
    request: AnyRequest, transaction: Transaction, member: Member, q: str = "", page: str = ""
) -> Response[str]:
    """The deleted collections."""
    require(member, "manage", "collections")
    binned = await list_binned(transaction)
    return await render_page(
        request,
        transaction,
        member,
        "records/collection_bin.html",
        collections=page_of(binned, page, query=q, text_of=lambda each: each.name),
    )


@post("/c/{slug:str}/restore")
async def take_collection_from_bin(transaction: Transaction, member: Member, slug: str) -> Response[Any]:
    """Take a collection out of the bin."""
    require(member, "manage", "collections")
    collection = await get_any_collection(transaction, slug)
    await restore_collection(transaction, collection, member)
    return see_other(f"/c/{slug}?done=collection-restored")


handlers = [
    asks_first("/c/{slug:str}/archive", describe_archiving),
    close_collection,
    asks_first("/c/{slug:str}/remove", describe_collection_deletion, password=True),
    bin_collection,
    show_collection_bin,
    take_collection_from_bin,
]
