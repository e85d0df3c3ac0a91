"""Pages that an invitation leads to: whoever comes by it becomes a member."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest, begin, client_address, enter_workspace
from app.accounts.hashing import hash_password
from app.accounts.members import ALREADY, find_member
from app.accounts.passwords import GuessingLimit
from app.accounts.sessions import find_session
from app.database import Database, Tenant, Transaction
from app.settings import Settings
from app.tenants.front import is_switched, render_front, render_switched
from app.tenants.invitations import Invitation, accept_invitation, find_invitation
from app.tenants.sign_in import enter_with_session, find_device_name
from app.web.cookies import read_cookie
from app.web.forms import Form, Invalid
from app.web.languages import browser_language
from app.web.texts import _l

OVER = _l("This invitation was used or revoked, or has expired. Ask for a new one.")


async def read_joining(
    request: AnyRequest, transaction: Transaction, settings: Settings, tenant: Tenant, token: str
) -> dict[str, Any]:
    """What the page shows of the invitation that a link is of, and whether the browser that opens it is `signed_in`, as
    by whoever tries their own link."""
    session = await find_session(transaction, read_cookie(request.scope["headers"], settings.session_cookie))
    return {
        "tenant": tenant,
        "invitation": await find_invitation(transaction, token),
        "token": token,
        "over": OVER,
        "signed_in": session.member if session else None,
    }


def render_join(request: AnyRequest, shown: dict[str, Any], form: Form, status: int = 200) -> Response[str]:
    """The page that an invitation leads to, in the language of who was invited: they are no member yet."""
    return render_front(request, "tenants/join.html", status=status if shown["invitation"] else 403, form=form, **shown)


@get("/join")
async def show_join(
    request: AnyRequest, transaction: Transaction, settings: Settings, token: str = ""
) -> Response[str]:
    """Ask whoever was invited for a name and a password. Opening it uses nothing up."""
    shown = await read_joining(request, transaction, settings, transaction.tenant, token[:100])
    return render_join(request, shown, Form())


@post("/join")
async def join_workspace(
    request: AnyRequest, database: Database, settings: Settings, guessing: GuessingLimit, form: Form
) -> Response[Any]:
    """Become a member, and sign in."""
    address, token = client_address(request), form["token"][:100]
    async with database.read() as transaction:
        tenant = await enter_workspace(transaction, request.scope["state"]["slug"])
        request.scope["state"]["language"] = browser_language(request)
        shown = await read_joining(request, transaction, settings, tenant, token)
    invitation: Invitation | None = shown["invitation"]
    if is_switched(form):
        return render_switched(request, settings, "tenants/join.html", form, **shown)
    if invitation is None:
        await guessing.count(f"{tenant.id}:join", address)
        return render_join(request, shown, form)
    name, password = form.name("name"), form.new_password("password")
    email = invitation.email or form.email("email")
    if form.errors:
        return render_join(request, shown, form, status=422)
    await guessing.count("", address)
    async with database.read(tenant.id) as reading:
        member = await find_member(reading, email)
    if member is not None:
        form.errors["email"] = ALREADY
        return render_join(request, shown, form, status=422)
    hashed, browser = await hash_password(password), await find_device_name(request)
    try:
        async with begin(request, writes=True) as writing:
            member = await accept_invitation(
                writing, token, email=email, name=name, password_hash=hashed, time_zone=form["time_zone"]
            )
            return await enter_with_session(request, writing, settings, member, "/", device=browser)
    except Invalid as invalid:
        form.errors = invalid.errors
        return render_join(request, shown, form, status=422)


handlers = [show_join, join_workspace]
