"""The security of a workspace, for admins: how long people stay signed in, and by which programs they are acted for."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.ended_forms import keep_end
from app.accounts.members import Member
from app.accounts.program_tokens import end_token, get_token, page_every_token
from app.accounts.questions import Question, asked, asks_first
from app.accounts.rights import require
from app.accounts.scopes import SCOPES
from app.accounts.shell import render_page
from app.accounts.tabs import tab
from app.database import Tenant, Transaction
from app.tenants.places import name_places
from app.tenants.security import ask_to_end, length_of
from app.tenants.workspaces import SESSION_LENGTHS, change_settings
from app.web.forms import Form, Invalid
from app.web.paging import PAGE_SIZE
from app.web.redirects import see_other
from app.web.seen_forms import refuse_unseen, show_as_saved
from app.web.texts import Text, _l

tab(
    "settings",
    _l("Security"),
    "/settings/security",
    icon="lock",
    order=50,
    right=("change", "settings"),
    also=("/settings/tokens",),
)


def kept_security(tenant: Tenant) -> list[tuple[str, str]]:
    """What the form shows."""
    return [("session_days", str(tenant.session_days))]


def say_security(form: Form, language: str) -> list[tuple[Text, str]]:
    """What a form says, as people read it."""
    length = SESSION_LENGTHS.get(length_of(form))
    return [(_l("How long people stay signed in"), length.translate(language) if length else form["session_days"])]


async def render_security(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    form: Form | None = None,
    *,
    page: str = "",
    status: int = 200,
) -> Response[str]:
    """The page, with what was chosen."""
    listed = await page_every_token(transaction, page, size=PAGE_SIZE)
    return await render_page(
        request,
        transaction,
        member,
        "tenants/security.html",
        status=status,
        form=form or show_as_saved(kept_security(transaction.tenant)),
        lengths={str(days): name for days, name in SESSION_LENGTHS.items()},
        listed=listed,
        named=await name_places(transaction, member, [token for token, _ in listed.items]),
        scopes=SCOPES,
    )


@get("/settings/security")
async def show_security(request: AnyRequest, transaction: Transaction, member: Member) -> Response[str]:
    """How long people stay signed in, and the tokens of the workspace."""
    require(member, "change", "settings")
    return await render_security(request, transaction, member)


@post("/settings/security")
async def save_security(request: AnyRequest, transaction: Transaction, member: Member, form: Form) -> Response[Any]:
    """Choose how long people stay signed in."""
    require(member, "change", "settings")
    tenant = transaction.tenant
    kept = {each: getattr(tenant, each) for each in ("name", "language", "locale", "color")}
    try:
        refuse_unseen(form, kept_security(tenant), lambda each: say_security(each, tenant.language))
        await change_settings(transaction, member, **kept, session_days=length_of(form))
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_security(request, transaction, member, form, status=invalid.status)
    return see_other("/settings/security?done=settings")


@get("/settings/tokens")
async def show_every_token(
    request: AnyRequest, transaction: Transaction, member: Member, page: str = ""
) -> Response[str]:
    """The same page at another of the tokens' pages, by the address that it had before."""
    require(member, "end", "tokens")
    return await render_security(request, transaction, member, page=page)


async def describe_end(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What ending somebody's token does."""
    require(member, "end", "tokens")
    token, _ = await get_token(transaction, request.path_params["token_id"])
    return ask_to_end(token, back="/settings/tokens")


@post("/settings/tokens/{token_id:int}/end", **asked(describe_end))
async def end_any_token(request: AnyRequest, transaction: Transaction, member: Member, token_id: int) -> Response[Any]:
    """Let somebody's token work no more."""
    require(member, "end", "tokens")
    token, owner = await get_token(transaction, token_id)
    await end_token(transaction, token, owner)
    return await keep_end(request, transaction, member, see_other("/settings/tokens?done=token-ended"))


handlers = [
    show_security,
    save_security,
    show_every_token,
    asks_first("/settings/tokens/{token_id:int}/end", describe_end),
    end_any_token,
]
