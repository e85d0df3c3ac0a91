"""The reference of the API, in the reader's workspace: made from the OpenAPI document, without scripts of others."""

from __future__ import annotations

import asyncio
from typing import Any

from litestar import Response, get
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.quick_switcher import leads_to
from app.accounts.shell import render_page
from app.database import Transaction
from app.programs.reference import KINDS_OF_CALLS, find_call, list_calls
from app.settings import Settings
from app.web.texts import _l

leads_to("pages", _l("API reference"), "/api/docs", icon="book", order=90)


async def read_document(request: AnyRequest) -> dict[str, Any]:
    """The OpenAPI document. It is made once, which takes a while."""
    document: dict[str, Any] = await asyncio.to_thread(request.app.state.describe_api)
    return document


@get("/api/docs")
async def show_api_reference(request: AnyRequest, transaction: Transaction, member: Member) -> Response[str]:
    """All calls that programs can make."""
    settings: Settings = request.app.state.settings
    return await render_page(
        request,
        transaction,
        member,
        "programs/reference.html",
        calls=list_calls(await read_document(request)),
        kinds=KINDS_OF_CALLS,
        address=settings.workspace_url(transaction.tenant.slug, "/api/v1"),
    )


@get("/api/docs/{call:str}")
async def show_call(request: AnyRequest, transaction: Transaction, member: Member, call: str) -> Response[str]:
    """One call: what it takes, and what it is answered."""
    settings: Settings = request.app.state.settings
    origin = settings.workspace_url(transaction.tenant.slug, "")
    details = find_call(await read_document(request), call, origin)
    if details is None:
        raise NotFoundException
    return await render_page(request, transaction, member, "programs/call.html", details=details)


handlers = [show_api_reference, show_call]
