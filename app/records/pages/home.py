"""The home page, where the day begins; and pinning a collection to it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.home import list_all_waiting, list_home_parts, list_steps
from app.accounts.members import Member
from app.accounts.quick_switcher import leads_to
from app.accounts.rights import may
from app.accounts.shell import render_page
from app.database import Transaction, now
from app.records.access import enter_collection
from app.records.channels import follow_counts
from app.records.pins import pin_collection
from app.records.used_collections import list_used
from app.web.forms import Form
from app.web.redirects import see_other
from app.web.texts import _l

# For so long after it was made a workspace is new.
NEW_FOR = timedelta(days=30)

leads_to("pages", _l("Home"), "/", icon="circle-dot", order=10)


@get("/")
async def show_home(request: AnyRequest, transaction: Transaction, member: Member) -> Response[Any]:
    """What waits for the member, what happens, and the collections that they have pinned or use; in a new workspace,
    for whoever may invite others, what to begin with."""
    is_new = may(member, "invite", "members") and now() - transaction.tenant.created_at < NEW_FOR
    return await render_page(
        request,
        transaction,
        member,
        "records/home.html",
        waiting=list_all_waiting(request, transaction, member),
        parts=list_home_parts(request, transaction, member),
        steps=list_steps(transaction, member) if is_new else [],
        used=list_used(transaction, member),
        follow_counts=follow_counts,
    )


@post("/c/{slug:str}/pin")
async def pin(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Pin a collection, or with an empty `pinned` do so no more."""
    collection = (await enter_collection(transaction, member, slug)).collection
    await pin_collection(transaction, member, collection, pinned=bool(form["pinned"]))
    return see_other(f"/c/{slug}")


handlers = [show_home, pin]
