"""The own account: who one is for others; password, and where one is signed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest, client_address, enter_workspace, provide_signed_in, write_signed_in
from app.accounts.ended_forms import find_end, keep_end
from app.accounts.hashing import hash_password
from app.accounts.members import Member, choose_time_zone, take_time_zone
from app.accounts.passwords import GuessingLimit
from app.accounts.questions import Question, asked, asks_first
from app.accounts.quick_switcher import leads_to
from app.accounts.reauthentication import dangerous
from app.accounts.sessions import SignedIn, device_of, list_sessions
from app.accounts.shell import list_parts, notice, render_page
from app.accounts.tabs import tab
from app.accounts.time_zones import list_time_zones, offer_time_zones
from app.database import Database, Transaction
from app.files.small_pictures import pictures_of
from app.live.cutoff import end_other_sessions, end_own_session, start_session
from app.settings import Settings
from app.tenants.limits import RenamingLimit
from app.tenants.members import keep_an_owner, leave_workspace, rename_member, set_password
from app.tenants.pictures import PICTURE_LIMIT, change_picture, save_picture_of_form
from app.tenants.roles import ROLES
from app.tenants.sign_in import cookies_of
from app.web.calls import retry_after
from app.web.endings import end_early
from app.web.errors import Gone
from app.web.forms import Form, Invalid
from app.web.paging import page_of
from app.web.redirects import see_other
from app.web.texts import Text, _l, _ln

tab("account", _l("Profile"), "/account", icon="user", order=10)
tab("account", _l("Security"), "/account/security", icon="lock", order=30, also=("/account/password",))
leads_to("acts", _l("Change password"), "/account/security#password", icon="lock", order=70)
notice("password", _l("Password changed. All other sessions were ended."))
notice("saved", _l("Saved."))
notice("name", _l("Name changed."))
notice("session", _l("Session ended."))
notice("sessions", _l("All other sessions ended."))


# How many sessions are on a page: they stand among much else.
SESSIONS_SHOWN = 20


async def render_account(
    request: AnyRequest, transaction: Transaction, signed_in: SignedIn, form: Form | None = None, *, status: int = 422
) -> Response[str]:
    """The profile, with the form that needs mending."""
    return await render_page(
        request,
        transaction,
        signed_in.member,
        "tenants/account.html",
        status=status if form else 200,
        form=form or Form(),
        roles=ROLES,
        parts=await list_parts("account", request, transaction, signed_in.member, None),
        time_zones=offer_time_zones(signed_in.member.time_zone),
    )


async def render_own_security(
    request: AnyRequest, transaction: Transaction, signed_in: SignedIn, form: Form | None = None, *, page: str = ""
) -> Response[str]:
    """Password and sessions, with the form that needs mending."""
    return await render_page(
        request,
        transaction,
        signed_in.member,
        "tenants/own_security.html",
        aside=True,  # what knows devices and countries is brought in for the first
        status=422 if form else 200,
        form=form or Form(),
        parts=await list_parts("account", request, transaction, signed_in.member, None),
        sessions=page_of(await list_sessions(transaction, signed_in.member), page, size=SESSIONS_SHOWN),
        this=signed_in.session,
    )


@get("/account")
async def show_account(request: AnyRequest, transaction: Transaction, signed_in: SignedIn) -> Response[str]:
    """Name, picture and time zone; and leaving."""
    return await render_account(request, transaction, signed_in)


@get("/account/security")
async def show_own_security(
    request: AnyRequest, transaction: Transaction, signed_in: SignedIn, page: str = ""
) -> Response[str]:
    """Password and sessions."""
    return await render_own_security(request, transaction, signed_in, page=page)


@post("/account/name", opt={"writes": False})
async def change_name(
    request: AnyRequest, transaction: Transaction, signed_in: SignedIn, renaming: RenamingLimit, form: Form
) -> Response[Any]:
    """Change the name that others see."""
    before = signed_in.member.name
    name = form.name("name", kept=before)
    wait = 0.0
    if not form.errors and name != before and (wait := await renaming.count(signed_in.member)):
        form.errors["name"] = _l("You have changed your name several times already. Try again later.")
    if form.errors:
        response = await render_account(request, transaction, signed_in, form, status=429 if wait else 422)
        response.headers.update(retry_after(wait) if wait else {})
        return response
    await end_early(request.scope)  # one that waits to write holds no connection to read
    async with write_signed_in(request) as (writing, member):
        rename_member(writing, member, name)
    return see_other("/account?done=name")


@post("/account/time-zone")
async def change_time_zone(
    request: AnyRequest, transaction: Transaction, signed_in: SignedIn, form: Form
) -> Response[Any]:
    """Choose the zone in which one lives. A page that knows of none says that of its device."""
    if form["time_zone"] not in list_time_zones():
        form.errors["time_zone"] = _l("Choose one of the time zones.")
        return await render_account(request, transaction, signed_in, form)
    if form["by"] == "device":
        take_time_zone(transaction, signed_in.member, form["time_zone"])
        return Response(None, status_code=204)
    choose_time_zone(transaction, signed_in.member, form["time_zone"])
    return see_other("/account?done=saved")


@post("/account/picture", request_max_body_size=2 * PICTURE_LIMIT, opt={"streams": True})
async def save_picture(request: AnyRequest, transaction: Transaction, signed_in: SignedIn) -> Response[Any]:
    """Show a picture instead of initials."""

    async def show(reading: Transaction, again: SignedIn, errors: Mapping[str, Text]) -> Response[str]:
        return await render_account(request, reading, again, Form(errors=errors))

    refused = await save_picture_of_form(request, transaction, show, change_picture)
    return refused or see_other("/account?done=saved")


@post("/account/picture/remove")
async def remove_picture(transaction: Transaction, signed_in: SignedIn, settings: Settings) -> Response[Any]:
    """Go back to initials."""
    await change_picture(transaction, signed_in.member, None, pictures_of(settings, transaction.tenant))
    return see_other("/account?done=saved")


async def describe_leaving(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What leaving the workspace does; to the last owner, that they can't, and what they can do about it."""
    what = _l("Leave %(workspace)s?", workspace=transaction.tenant.name)
    button = _l("Leave workspace")
    try:
        await keep_an_owner(transaction, member)
    except Invalid:
        return Question(
            what=what,
            consequences=[_l("You are the only owner, and a workspace needs one: transfer ownership first.")],
            button=button,
            back="/account",
            first=(_l("Transfer ownership"), "/members"),
        )
    return Question(
        what=what,
        consequences=[
            _ln(
                "You will be signed out: %(count)d session will end.",
                "You will be signed out everywhere: %(count)d sessions will end.",
                len(await list_sessions(transaction, member)),
            ),
            _l("Your account here will be deleted. This can't be undone. What you wrote stays, with your name."),
        ],
        button=button,
        back="/account",
        fields=[("sure", "yes")],
    )


@post("/account/leave", **dangerous(_l("You are about to leave the workspace."), describe=describe_leaving))
async def give_up_account(
    request: AnyRequest, transaction: Transaction, signed_in: SignedIn, form: Form
) -> Response[Any]:
    """Give up the account, when that was said to be meant."""
    try:
        if not form["sure"]:
            raise Invalid(sure=_l("Confirm that you are sure."))
        await leave_workspace(transaction, signed_in.member)
    except Invalid as invalid:
        form.errors = {"sure": invalid.first}
        return await render_account(request, transaction, signed_in, form)
    return see_other("/login?why=removed")


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
        signed_in = await provide_signed_in(request, transaction)
        account, stored = f"{tenant.id}:{signed_in.member.email}", signed_in.member.password_hash
        device = device_of(signed_in.session)
    if not form.errors and not await guessing.verify(
        form["password"][:200], stored, account, address, device=device, known=True
    ):
        form.errors["password"] = _l("Wrong password.")
    if form.errors:
        async with database.read(tenant.id) as transaction:
            signed_in = await provide_signed_in(request, transaction)
            return await render_own_security(request, transaction, signed_in, form)
    hashed = await hash_password(password, known=True)
    async with write_signed_in(request) as (transaction, member):
        await set_password(transaction, member, hashed, how="signed in")
        agent = request.headers.get("user-agent", "")
        token = await start_session(transaction, member, address=address, agent=agent)
        cookies = cookies_of(request, transaction, settings, member, token)
        return see_other("/account/security?done=password", cookies=cookies)


@post("/account/sessions/{session_id:int}/end")
async def end_session(
    request: AnyRequest, transaction: Transaction, signed_in: SignedIn, session_id: int
) -> Response[Any]:
    """End one of one's own sessions."""
    if done := await find_end(request, transaction, signed_in.member):
        return done
    found = {session.id for session in await list_sessions(transaction, signed_in.member)}
    if session_id not in found:
        raise Gone(_l("This session has already ended."))
    await end_own_session(transaction, signed_in.member, session_id)
    return await keep_end(request, transaction, signed_in.member, see_other("/account/security?done=session"))


async def describe_ending(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What ending all other sessions does, and to how many."""
    others = len(await list_sessions(transaction, member)) - 1
    return Question(
        what=_l("End all other sessions?"),
        consequences=[
            _ln(
                "You will be signed out of %(count)d other browser. You can sign in there again at any time.",
                "You will be signed out of %(count)d other browsers. You can sign in there again at any time.",
                others,
            ),
            _l("A link for a new password that was emailed to you will no longer work."),
        ],
        button=_l("End all others"),
        back="/account/security",
    )


@post("/account/sessions/end-others", **asked(describe_ending))
async def end_others(request: AnyRequest, transaction: Transaction, signed_in: SignedIn) -> Response[Any]:
    """End all of one's sessions but this one."""
    await end_other_sessions(transaction, signed_in.member, but=signed_in.session)
    return await keep_end(request, transaction, signed_in.member, see_other("/account/security?done=sessions"))


handlers = [
    show_account,
    show_own_security,
    change_name,
    change_time_zone,
    save_picture,
    remove_picture,
    asks_first("/account/leave", describe_leaving, password=True),
    give_up_account,
    change_password,
    end_session,
    asks_first("/account/sessions/end-others", describe_ending),
    end_others,
]
