"""Tokens: one's own, by which programs act as oneself."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.ended_forms import keep_end
from app.accounts.form_answers import find_answer, keep_answer
from app.accounts.members import Member
from app.accounts.program_tokens import (
    end_token,
    get_token,
    list_tokens,
    make_program_token,
)
from app.accounts.questions import Question, asked, asks_first
from app.accounts.reauthentication import dangerous
from app.accounts.scopes import SCOPES
from app.accounts.shell import notice, render_page
from app.accounts.tabs import tab
from app.accounts.token_forms import NARROWINGS, read_wanted_token
from app.database import Transaction
from app.settings import Settings
from app.tenants.places import name_places
from app.tenants.security import ask_to_end
from app.web.forms import Form, Invalid
from app.web.paging import page_of
from app.web.redirects import see_other
from app.web.texts import Text, _l

notice("token-ended", _l("Token revoked."))
tab("account", _l("Tokens"), "/account/tokens", icon="key", order=40)
notice(
    "token-made",
    _l("The token was already created, and is shown only once. If you did not store it, revoke it and create another."),
)

LENGTHS: dict[str, Text] = {
    "30": _l("30 days"),
    "90": _l("90 days"),
    "365": _l("1 year"),
    "0": _l("No expiry"),
}
DEFAULT_LENGTH = "90"


async def render_tokens(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    form: Form | None = None,
    *,
    secret: str = "",
    page: str = "",
    status: int = 200,
) -> Response[str]:
    """One's own tokens, and the form of a new one; the one that was just made, this once."""
    tokens = page_of(await list_tokens(transaction, member), page)
    settings: Settings = request.app.state.settings
    return await render_page(
        request,
        transaction,
        member,
        "tenants/tokens.html",
        status=status,
        tokens=tokens,
        named=await name_places(transaction, member, tokens.items),
        form=form or Form([("ends", DEFAULT_LENGTH)]),
        scopes=SCOPES,
        narrowings=dict(sorted(NARROWINGS.items())),
        lengths=LENGTHS,
        secret=secret,
        address=settings.workspace_url(transaction.tenant.slug, "/api/v1/collections"),
    )


@get("/account/tokens")
async def show_tokens(request: AnyRequest, transaction: Transaction, member: Member, page: str = "") -> Response[str]:
    """By which programs one is acted for."""
    return await render_tokens(request, transaction, member, page=page)


@post("/account/tokens", **dangerous(_l("You are about to create a token that lets a program act as you.")))
async def add_token(request: AnyRequest, transaction: Transaction, member: Member, form: Form) -> Response[Any]:
    """Make a token, and show it, this once."""
    try:
        if answer := await find_answer(request, transaction, member, form):
            return answer
        wanted = await read_wanted_token(transaction, member, form)
        _, secret = await make_program_token(transaction, member, wanted)
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_tokens(request, transaction, member, form, status=invalid.status)
    await keep_answer(request, transaction, member, form, "/account/tokens?done=token-made")
    return await render_tokens(request, transaction, member, secret=secret)


async def describe_own_end(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What ending one of one's own tokens does."""
    token, _ = await get_token(transaction, request.path_params["token_id"], member)
    return ask_to_end(token, back="/account/tokens")


@post("/account/tokens/{token_id:int}/end", **asked(describe_own_end))
async def end_own_token(request: AnyRequest, transaction: Transaction, member: Member, token_id: int) -> Response[Any]:
    """Let one of one's own tokens work no more."""
    token, _ = await get_token(transaction, token_id, member)
    await end_token(transaction, token, member)
    return await keep_end(request, transaction, member, see_other("/account/tokens?done=token-ended"))


handlers = [
    show_tokens,
    add_token,
    asks_first("/account/tokens/{token_id:int}/end", describe_own_end),
    end_own_token,
]
