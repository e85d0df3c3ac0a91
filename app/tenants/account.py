"""The own account: name, password, and where one is signed in."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.exceptions import NotFoundException
from litestar.response import Redirect

from app.accounts.access import AnyRequest, client_address, enter_workspace, provide_signed_in
from app.accounts.happenings import account_changed
from app.accounts.passwords import GuessingLimit, hash_password, verify_password
from app.accounts.sessions import LIFETIME, Session, SignedIn, list_sessions, start_session
from app.accounts.shell import notice, render_page
from app.database import Database, Transaction
from app.live.cutoff import end_all_sessions, end_sessions, push_sessions
from app.settings import Settings
from app.web.cookies import session_cookie
from app.web.forms import Form
from app.web.texts import _l

notice("password", _l("Your password was changed. All other sessions were ended."))
notice("name", _l("Your name was changed."))
notice("session", _l("The session was ended."))
notice("sessions", _l("All other sessions were ended."))


async def render_account(
    request: AnyRequest, transaction: Transaction, signed_in: SignedIn, form: Form | None = None
) -> Response[str]:
    """The account page, with the form that needs mending."""
    return await render_page(
        request,
        transaction,
        signed_in.member,
        "accounts/account.html",
        status=422 if form else 200,
        form=form or Form(),
        sessions=await list_sessions(transaction, signed_in.member),
        this=signed_in.session,
    )


@get("/account")
async def show_account(request: AnyRequest, transaction: Transaction, signed_in: SignedIn) -> Response[str]:
    """Name, password and sessions."""
    return await render_account(request, transaction, signed_in)


@post("/account/name")
async def change_name(request: AnyRequest, transaction: Transaction, signed_in: SignedIn, form: Form) -> Response[Any]:
    """Change the name that others see."""
    name = form.text("name", limit=80)
    if form.errors:
        return await render_account(request, transaction, signed_in, form)
    signed_in.member.name = name
    return Redirect("/account?done=name", status_code=303)


@post("/account/password")
async def change_password(
    request: AnyRequest, database: Database, settings: Settings, guessing: GuessingLimit, form: Form
) -> Response[Any]:
    """Change the password; every session ends, and this browser gets a new one."""
    slug, address = request.scope["state"]["slug"], client_address(request)
    password = form.new_password("new_password")
    async with database.read() as transaction:
        tenant = await enter_workspace(transaction, slug)
        request.scope["state"]["language"] = tenant.language
        signed_in = await provide_signed_in(request, transaction, settings)
        account = f"{tenant.id}:{signed_in.member.email}"
        await guessing.check(account, address)
        if not await verify_password(form["password"][:200], signed_in.member.password_hash):
            await guessing.note_failure(account, address)
            form.errors["password"] = _l("This is not your password.")
        if form.errors:
            return await render_account(request, transaction, signed_in, form)
    hashed = await hash_password(password)
    async with database.write(tenant.id) as transaction:
        signed_in = await provide_signed_in(request, transaction, settings)
        signed_in.member.password_hash = hashed
        await account_changed(transaction, signed_in.member, "password")
        await end_all_sessions(transaction, signed_in.member, reason="password")
        agent = request.headers.get("user-agent", "")
        token = await start_session(transaction, signed_in.member, address=address, agent=agent)
        cookie = session_cookie(settings, token, seconds=int(LIFETIME.total_seconds()))
        return Redirect("/account?done=password", status_code=303, cookies=[cookie])


@post("/account/sessions/{session_id:int}/end")
async def end_session(transaction: Transaction, signed_in: SignedIn, session_id: int) -> Response[Any]:
    """End one of one's own sessions."""
    found = {session.id for session in await list_sessions(transaction, signed_in.member)}
    if session_id not in found:
        raise NotFoundException
    await end_sessions(transaction, Session.id == session_id, reason="ended")
    push_sessions(transaction, signed_in.member)
    return Redirect("/account?done=session", status_code=303)


@post("/account/sessions/end-others")
async def end_other_sessions(transaction: Transaction, signed_in: SignedIn) -> Response[Any]:
    """End all of one's sessions but this one."""
    await end_sessions(
        transaction,
        Session.member_id == signed_in.member.id,
        Session.id != signed_in.session.id,
        reason="ended",
    )
    push_sessions(transaction, signed_in.member)
    return Redirect("/account?done=sessions", status_code=303)


handlers = [show_account, change_name, change_password, end_session, end_other_sessions]
