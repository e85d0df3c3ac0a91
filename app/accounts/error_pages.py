"""Errors in the frame of the workspace, for whoever is signed in there."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from litestar import Response
from litestar.exceptions import HTTPException

from app.accounts.access import AnyRequest, SignInNeeded, begin_signed_in
from app.accounts.members import Member
from app.accounts.shell import render_page
from app.database import Transaction
from app.web.cookies import CookieError, read_cookie
from app.web.errors import frames_errors
from app.web.forms import Form
from app.web.typed_texts import TypedText, list_typed

# Says what the inputs of a form are called that came to nothing, and how people read what they have, by their names:
# (transaction, who has sent it, the form, what its address names).
NameTyped = Callable[[Transaction, Member, Form, str], Awaitable[Mapping[str, TypedText]]]
TYPED_NAMES: list[tuple[re.Pattern[str], NameTyped]] = []


def names_typed(address: re.Pattern[str]) -> Callable[[NameTyped], NameTyped]:
    """Register the function that says so of the forms that are sent to addresses which begin so."""

    def register(name: NameTyped) -> NameTyped:
        TYPED_NAMES.append((address, name))
        return name

    return register


@frames_errors
async def frame_error(request: AnyRequest, status: int, shown: dict[str, Any]) -> Response[str] | None:
    """The page of an error in the frame; None where nobody is signed in, or another one than its page was made for."""
    settings = request.app.state.settings
    if not request.scope["state"].get("slug"):
        return None
    try:
        if read_cookie(request.scope["headers"], settings.session_cookie) is None:
            return None
        async with begin_signed_in(request, writes=False) as (transaction, member):
            if named := shown["typed"] and await name_all_typed(request, transaction, member):
                # Where its page is not there for them any more, nothing leads back to it.
                shown = shown | {"typed": named} | ({"back": ""} if status in (403, 404) else {})
            return await render_page(request, transaction, member, "accounts/error.html", status=status, **shown)
    except (SignInNeeded, HTTPException, CookieError):
        return None


async def name_all_typed(request: AnyRequest, transaction: Transaction, member: Member) -> list[TypedText]:
    """What was typed into the form of a request, as its features name it; nothing where none of them knows the form."""
    form: Form | None = request.scope["state"].get("named")
    for address, name in TYPED_NAMES if form else ():
        if (found := address.match(request.scope["path"])) and form:
            return list_typed(request, transaction.tenant.language, await name(transaction, member, form, found[1]))
    return []
