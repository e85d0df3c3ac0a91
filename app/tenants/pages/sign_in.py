"""Signing in and out, and setting a new password by mail."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Response, get, post
from litestar.params import QueryParameter
from litestar.response import Redirect

from app.accounts.access import (
    AnyRequest,
    SignInNeeded,
    begin,
    client_address,
    enter_workspace,
    host_of,
    local_path,
    provide_signed_in,
)
from app.accounts.devices import find_device
from app.accounts.hashing import hash_password, is_outdated
from app.accounts.members import find_member
from app.accounts.passwords import GuessingLimit, MailLimit, TooManyTries
from app.accounts.quick_switcher import leads_to
from app.accounts.sessions import SignedIn
from app.accounts.shell import render_page, render_plain
from app.accounts.tokens import find_token, use_token
from app.database import Database, Transaction
from app.jobs.jobs import put_job
from app.live.cutoff import end_own_session
from app.settings import Settings
from app.tenants.confirmation import confirm_mail
from app.tenants.facts import ShutOut, SignInRefused
from app.tenants.links import check_link
from app.tenants.members import set_password
from app.tenants.sign_in import device_account, enter_with_session, find_device_name
from app.web.cookies import session_cookie
from app.web.forms import Form
from app.web.mail_addresses import account_address
from app.web.redirects import see_other
from app.web.texts import Text, _l

SIGN_IN_REASONS = {
    "ended": _l("You were signed out. Sign in to continue."),
    "expired": _l("Your session has expired. Sign in to continue."),
    "removed": _l("You are no longer a member of this workspace."),
    "suspended": _l("Your access was suspended. An admin of the workspace can tell you why."),
    "password": _l("Your password was changed. Sign in with the new one."),
    "out": _l("You have signed out."),
    "mailed": _l("If someone here has this address, an email with a link is on its way to it."),
    "again": _l("Sign in as yourself to send what you wrote."),
    "used": _l("This link was already used, or has expired."),
}
Next = Annotated[str, QueryParameter(name="next", max_length=2000)]
Why = Annotated[str, QueryParameter(name="why", max_length=20)]
KeptSession = Annotated[str, QueryParameter(name="kept", max_length=20)]


@get("/login")
async def show_sign_in(
    request: AnyRequest,
    transaction: Transaction,
    settings: Settings,
    next: Next = "",
    why: Why = "",
    kept: KeptSession = "",
) -> Response[Any]:
    """The sign-in page; whoever is signed in goes on, unless somebody else is to sign in again. It says so when what
    they had typed is `kept`."""
    path = local_path(settings, host_of(request), next)
    try:
        if why == "again":
            raise SignInNeeded
        await provide_signed_in(request, transaction)
    except SignInNeeded:
        return render_sign_in(transaction, settings, next=next, message=SIGN_IN_REASONS.get(why), kept=bool(kept))
    return see_other(path)


def render_sign_in(
    transaction: Transaction,
    settings: Settings,
    *,
    next: str,
    message: Text | None = None,
    kept: bool = False,
    error: Text | None = None,
    email: str = "",
    status: int = 200,
) -> Response[str]:
    """The sign-in form with what was typed."""
    return render_plain(
        transaction.tenant.language,
        "tenants/login.html",
        status=status,
        tenant=transaction.tenant,
        find=f"{settings.base_url}/find",
        next=next,
        message=message,
        kept=kept,
        error=error,
        email=email,
    )


@post("/login")
async def sign_in(
    request: AnyRequest, database: Database, settings: Settings, guessing: GuessingLimit, form: Form
) -> Response[Any]:
    """Check the password outside any transaction, as that takes long, then sign in."""
    email, address = account_address(form["email"]), client_address(request)
    async with database.read() as transaction:
        tenant = await enter_workspace(transaction, request.scope["state"]["slug"])
        request.scope["state"]["language"] = tenant.language
        member = await find_member(transaction, email)
    stored = member.password_hash if member and member.removed_at is None else None
    subject = email[:254] if member else _l("an unknown address").message
    account = f"{tenant.id}:{email[:254]}"
    device = find_device(settings, request.scope["headers"], device_account(member), stored) if member else ""
    log = f"audit:{tenant.id}"
    try:
        right = await guessing.verify(form["password"][:200], stored, account, address, log=log, device=device)
    except TooManyTries as refusal:
        if refusal.first:
            async with begin(request, writes=True) as writing:
                writing.note(ShutOut(by=writing.actor, subject=subject))
        raise
    if not right or member is None or member.suspended_at is not None:
        error = SIGN_IN_REASONS["suspended"] if right else _l("Wrong email address or password.")
        if right:  # who is suspended and knows the password does not fill the log either
            await guessing.begin(account, address, device=device)
        async with begin(request, writes=True) as writing:
            writing.note(SignInRefused(by=writing.actor, subject=subject))
            return render_sign_in(writing, settings, next=form["next"], error=error, email=email, status=422)
    outdated = is_outdated(member.password_hash)
    rehashed = await hash_password(form["password"][:200], known=True) if outdated else None
    browser = await find_device_name(request)
    async with begin(request, writes=True) as writing:
        found = await find_member(writing, email)
        if found is None or not found.active or found.password_hash != member.password_hash:
            raise SignInNeeded
        if rehashed:
            found.password_hash = rehashed
        path = local_path(settings, host_of(request), form["next"])
        zone = form["time_zone"]
        return await enter_with_session(
            request, writing, settings, found, path, zone, device=browser, known=bool(device)
        )


leads_to("acts", _l("Sign out"), "/logout", icon="log-out", order=90, posts=True, attributes=("data-release",))


@get("/logout")
async def show_sign_out(request: AnyRequest, transaction: Transaction) -> Response[Any]:
    """Asks whoever opens the address whether to sign out, as reading a page ends nothing."""
    try:
        signed_in = await provide_signed_in(request, transaction)
    except SignInNeeded:
        return see_other("/login")
    return await render_page(request, transaction, signed_in.member, "tenants/sign_out.html")


@post("/logout")
async def sign_out(transaction: Transaction, signed_in: SignedIn, settings: Settings) -> Redirect:
    """End this browser's session, and cut off its pages."""
    await end_own_session(transaction, signed_in.member, signed_in.session.id)
    return see_other("/login?why=out", cookies=[session_cookie(settings, "", seconds=0)])


@get("/enter")
async def show_enter(transaction: Transaction, token: str = "") -> Response[str]:
    """The door from the central host: a page that posts the single-use token, as a GET must not sign in."""
    return render_plain(transaction.tenant.language, "tenants/enter.html", tenant=transaction.tenant, token=token)


@post("/enter")
async def sign_in_with_token(
    request: AnyRequest, database: Database, settings: Settings, guessing: GuessingLimit, form: Form
) -> Response[Any]:
    """Sign in by the token that sign-up gave."""
    _, works = await check_link(request, database, guessing, form["token"], "enter")
    if not works:
        return see_other("/login?why=used")
    browser = await find_device_name(request)
    async with begin(request, writes=True) as transaction:
        member = await use_token(transaction, form["token"], "enter")
        if member is None:
            return see_other("/login?why=used")
        return await enter_with_session(request, transaction, settings, member, "/", device=browser)


@get("/forgotten")
async def show_forgotten_password(transaction: Transaction) -> Response[str]:
    """Ask for the address to send a link to."""
    return render_plain(
        transaction.tenant.language,
        "tenants/forgotten.html",
        tenant=transaction.tenant,
        form=Form(),
    )


@post("/forgotten")
async def mail_link(
    request: AnyRequest,
    database: Database,
    guessing: GuessingLimit,
    mailing: MailLimit,
    form: Form,
) -> Response[Any]:
    """Mail a link; the answer is the same whether or not the address is known."""
    async with database.read() as reading:
        tenant = await enter_workspace(reading, request.scope["state"]["slug"])
        request.scope["state"]["language"] = tenant.language
    email = form.email("email")
    if form.errors:
        return render_plain(tenant.language, "tenants/forgotten.html", status=422, tenant=tenant, form=form)
    await guessing.count(f"{tenant.id}:mail:{email}", client_address(request))
    async with mailing.counting_link(tenant.id, email), database.write(tenant.id) as transaction:
        await put_job(transaction, "password link", workspace_id=tenant.id, email=email)
    return see_other("/login?why=mailed")


@get("/password")
async def show_new_password(transaction: Transaction, token: str = "") -> Response[Any]:
    """Ask for a new password, while the link works."""
    if await find_token(transaction, token, "password") is None:
        return see_other("/login?why=used")
    return render_plain(
        transaction.tenant.language,
        "tenants/password.html",
        tenant=transaction.tenant,
        token=token,
        form=Form(),
    )


@post("/password")
async def set_new_password(
    request: AnyRequest, database: Database, settings: Settings, guessing: GuessingLimit, form: Form
) -> Response[Any]:
    """Set the password, end every session there was, and sign in."""
    token, password = form["token"], form.new_password("password")
    tenant, works = await check_link(request, database, guessing, token, "password")
    if not works:
        return see_other("/login?why=used")
    if form.errors:
        return render_plain(tenant.language, "tenants/password.html", status=422, tenant=tenant, token=token, form=form)
    await guessing.count("", client_address(request))
    hashed, browser = await hash_password(password), await find_device_name(request)
    async with begin(request, writes=True) as transaction:
        member = await use_token(transaction, token, "password")
        if member is None:
            return see_other("/login?why=used")
        confirm_mail(transaction, member)
        await set_password(transaction, member, hashed, how="link")
        zone = form["time_zone"]
        return await enter_with_session(request, transaction, settings, member, "/", zone, device=browser)


handlers = [
    show_sign_in,
    sign_in,
    show_sign_out,
    sign_out,
    show_enter,
    sign_in_with_token,
    show_forgotten_password,
    mail_link,
    show_new_password,
    set_new_password,
]
