"""Operators sign in and out, apart from the members of workspaces."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import QueryParameter
from litestar.response import Redirect

from app.accounts.access import AnyRequest, client_address
from app.accounts.devices import device_cookie, find_device
from app.accounts.hashing import hash_password, is_outdated
from app.accounts.passwords import GuessingLimit, TooManyTries
from app.accounts.shell import render_plain
from app.database import Actor, Database
from app.operators.access import OperatorSignInNeeded, find_operator_session
from app.operators.facts import OperatorActed
from app.operators.log import UNKNOWN
from app.operators.operators import find_operator
from app.operators.sessions import OPERATOR_SESSION_LIFETIME, end_operator_session, start_operator_session
from app.settings import Settings
from app.web.cookies import read_cookie, session_cookie
from app.web.forms import Form
from app.web.languages import browser_language
from app.web.mail_addresses import account_address
from app.web.redirects import see_other
from app.web.texts import Text, _l

OPERATOR_SIGN_IN_REASONS = {
    "ended": _l("Your session has expired. Sign in to continue."),
    "out": _l("You have signed out."),
}


def render_operator_sign_in(
    request: AnyRequest,
    *,
    message: Text | None = None,
    error: Text | None = None,
    email: str = "",
    status: int = 200,
) -> Response[str]:
    """The sign-in form with what was typed."""
    return render_plain(
        browser_language(request), "operators/login.html", status=status, message=message, error=error, email=email
    )


@get("/operator/login")
async def show_operator_sign_in(
    request: AnyRequest,
    database: Database,
    settings: Settings,
    why: Annotated[str, QueryParameter(name="why", max_length=20)] = "",
) -> Response[Any]:
    """The sign-in page; whoever is signed in goes on."""
    token = read_cookie(request.scope["headers"], settings.operator_cookie)
    async with database.read() as transaction:
        if await find_operator_session(transaction, token):
            return see_other("/operator")
    return render_operator_sign_in(request, message=OPERATOR_SIGN_IN_REASONS.get(why))


@post("/operator/login")
async def sign_operator_in(
    request: AnyRequest, database: Database, settings: Settings, guessing: GuessingLimit, form: Form
) -> Response[Any]:
    """Check the password outside any transaction, as that takes long, then sign in."""
    request.scope["state"]["language"] = browser_language(request)
    email, address = account_address(form["email"]), client_address(request)
    by = Actor("page", address=address)
    async with database.read() as transaction:
        operator = await find_operator(transaction, email)
    stored, known = (operator.password_hash, operator.email) if operator else (None, UNKNOWN)
    account, headers = f"operator:{email[:254]}", request.scope["headers"]
    device = find_device(settings, headers, f"operator:{operator.id}", stored) if operator else ""
    try:
        right = await guessing.verify(form["password"][:200], stored, account, address, log="operators", device=device)
    except TooManyTries as refusal:
        if refusal.first:
            async with database.write() as transaction:
                transaction.note(OperatorActed(by=by, email=known, what="shut out"))
        raise
    if not right or operator is None:
        async with database.write() as transaction:
            transaction.note(OperatorActed(by=by, email=known, what="refused"))
        error = _l("Wrong email address or password.")
        return render_operator_sign_in(request, error=error, email=email, status=422)
    outdated = is_outdated(operator.password_hash)
    rehashed = await hash_password(form["password"][:200], known=True) if outdated else None
    async with database.write() as transaction:
        found = await find_operator(transaction, email)
        if found is None or found.password_hash != operator.password_hash:
            raise OperatorSignInNeeded
        if rehashed:
            found.password_hash = rehashed
        await end_operator_session(transaction, read_cookie(headers, settings.operator_cookie))
        token = await start_operator_session(transaction, found.id, address=address)
        transaction.note(OperatorActed(by=by, email=found.email, what="signed in"))
        remembered = device_cookie(settings, headers, f"operator:{found.id}", found.password_hash)
    cookie = session_cookie(
        settings, token, seconds=int(OPERATOR_SESSION_LIFETIME.total_seconds()), name=settings.operator_cookie
    )
    return see_other("/operator", cookies=[cookie, remembered])


@post("/operator/logout")
async def sign_operator_out(request: AnyRequest, database: Database, settings: Settings) -> Redirect:
    """End this browser's session."""
    async with database.write() as transaction:
        await end_operator_session(transaction, read_cookie(request.scope["headers"], settings.operator_cookie))
    gone = session_cookie(settings, "", seconds=0, name=settings.operator_cookie)
    return see_other("/operator/login?why=out", cookies=[gone])


handlers = [show_operator_sign_in, sign_operator_in, sign_operator_out]
