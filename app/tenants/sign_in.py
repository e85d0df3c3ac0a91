"""Signing in and out, and setting a new password by mail."""

from __future__ import annotations

from typing import Annotated, Any

from litestar import Response, get, post
from litestar.datastructures import Cookie
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
from app.accounts.devices import device_cookie, find_device
from app.accounts.facts import SessionStarted, SignedInFromNewDevice
from app.accounts.hashing import hash_password, is_outdated
from app.accounts.members import Member, find_member
from app.accounts.passwords import GuessingLimit, MailLimit, TooManyTries
from app.accounts.sessions import Session, SignedIn, digest, lifetime, list_sessions
from app.accounts.shell import render_plain
from app.accounts.tokens import TOKEN_LIFETIME as TOKEN_LIFETIME
from app.accounts.tokens import find_token, make_token, use_token
from app.database import Database, Transaction, now
from app.jobs.jobs import ClaimedJob, job, put_job
from app.live.cutoff import end_own_session, end_sessions, start_session
from app.mail.letters import write_letter
from app.mail.outbox import Content, Urgency, composer, put_mail
from app.settings import Settings
from app.tenants.confirmation import confirm_mail
from app.tenants.facts import ShutOut, SignInRefused
from app.tenants.links import check_link
from app.tenants.members import set_password
from app.web.cookies import read_cookie, session_cookie
from app.web.forms import Form
from app.web.mail_addresses import account_address
from app.web.texts import Text, _l, translations

SIGN_IN_REASONS = {
    "ended": _l("You were signed out. Sign in to go on."),
    "expired": _l("Your session is over. Sign in to go on."),
    "removed": _l("You are no longer a member of this workspace."),
    "suspended": _l("Your access was suspended. An admin of the workspace can say why."),
    "password": _l("Your password was changed. Sign in with the new one."),
    "out": _l("You are signed out."),
    "mailed": _l("If somebody here has this address, a mail with a link is on its way to it."),
    "again": _l("Sign in as yourself, and what you wrote is sent."),
    "used": _l("This link was used already, or is too old."),
}
Next = Annotated[str, QueryParameter(name="next", max_length=2000)]
Why = Annotated[str, QueryParameter(name="why", max_length=20)]
KeptSession = Annotated[str, QueryParameter(name="kept", max_length=20)]


async def enter_with_session(
    request: AnyRequest, transaction: Transaction, settings: Settings, member: Member, path: str
) -> Redirect:
    """Sign the browser in and lead it to a page; a session that it had before ends."""
    old = read_cookie(request.scope["headers"], settings.session_cookie)
    if old:
        await end_sessions(transaction, Session.token_hash == digest(old), reason="ended")
    known = {session.device for session in await list_sessions(transaction, member)}
    token = await start_session(
        transaction,
        member,
        address=client_address(request),
        agent=request.headers.get("user-agent", ""),
    )
    device = (await list_sessions(transaction, member))[0].device
    by, email = transaction.acting(member.id), member.email or ""
    if known and device not in known:
        transaction.note(SignedInFromNewDevice(by=by, member_id=member.id, email=email, device=device))
    else:
        transaction.note(SessionStarted(by=by, member_id=member.id, email=email))
    return Redirect(path, status_code=303, cookies=cookies_of(request, transaction, settings, member, token))


def cookies_of(
    request: AnyRequest, transaction: Transaction, settings: Settings, member: Member, token: str
) -> list[Cookie]:
    """The cookies of a session that has just begun: one signs the browser in, one makes it known to the account."""
    return [
        session_cookie(settings, token, seconds=int(lifetime(transaction.tenant).total_seconds())),
        device_cookie(settings, request.scope["headers"], device_account(member), member.password_hash),
    ]


def device_account(member: Member) -> str:
    """What an account is called in the cookie of a browser that is known to it."""
    return f"{member.tenant_id}:{member.id}"


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
        await provide_signed_in(request, transaction, settings)
    except SignInNeeded:
        return render_sign_in(transaction, next=next, message=SIGN_IN_REASONS.get(why), kept=bool(kept))
    return Redirect(path, status_code=303)


def render_sign_in(
    transaction: Transaction,
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
        "accounts/login.html",
        status=status,
        tenant=transaction.tenant,
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
            async with begin(request, database, writes=True) as writing:
                writing.note(ShutOut(by=writing.actor, subject=subject))
        raise
    if not right or member is None or member.suspended_at is not None:
        error = SIGN_IN_REASONS["suspended"] if right else _l("E-mail address or password is wrong.")
        if right:  # who is suspended and knows the password does not fill the log either
            await guessing.begin(account, address, device=device)
        async with begin(request, database, writes=True) as writing:
            writing.note(SignInRefused(by=writing.actor, subject=subject))
            return render_sign_in(writing, next=form["next"], error=error, email=email, status=422)
    outdated = is_outdated(member.password_hash)
    rehashed = await hash_password(form["password"][:200], known=True) if outdated else None
    async with begin(request, database, writes=True) as writing:
        found = await find_member(writing, email)
        if found is None or not found.active or found.password_hash != member.password_hash:
            raise SignInNeeded
        if rehashed:
            found.password_hash = rehashed
        path = local_path(settings, host_of(request), form["next"])
        return await enter_with_session(request, writing, settings, found, path)


@post("/logout")
async def sign_out(transaction: Transaction, signed_in: SignedIn, settings: Settings) -> Redirect:
    """End this browser's session, and cut off its pages."""
    await end_own_session(transaction, signed_in.member, signed_in.session.id)
    return Redirect("/login?why=out", status_code=303, cookies=[session_cookie(settings, "", seconds=0)])


@get("/enter")
async def show_enter(transaction: Transaction, token: str = "") -> Response[str]:
    """The door from the central host: a page that posts the single-use token, as a GET must not sign in."""
    return render_plain(transaction.tenant.language, "accounts/enter.html", tenant=transaction.tenant, token=token)


@post("/enter")
async def sign_in_with_token(
    request: AnyRequest, database: Database, settings: Settings, guessing: GuessingLimit, form: Form
) -> Response[Any]:
    """Sign in by the token that sign-up gave."""
    _, works = await check_link(request, database, guessing, form["token"], "enter")
    if not works:
        return Redirect("/login?why=used", status_code=303)
    async with begin(request, database, writes=True) as transaction:
        member = await use_token(transaction, form["token"], "enter")
        if member is None:
            return Redirect("/login?why=used", status_code=303)
        return await enter_with_session(request, transaction, settings, member, "/")


@get("/forgotten")
async def show_forgotten_password(transaction: Transaction) -> Response[str]:
    """Ask for the address to send a link to."""
    return render_plain(
        transaction.tenant.language,
        "accounts/forgotten.html",
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
        return render_plain(tenant.language, "accounts/forgotten.html", status=422, tenant=tenant, form=form)
    await guessing.count(f"{tenant.id}:mail:{email}", client_address(request))
    async with mailing.counting_link(tenant.id, email), database.write(tenant.id) as transaction:
        await put_job(transaction, "password link", workspace_id=tenant.id, email=email)
    return Redirect("/login?why=mailed", status_code=303)


@job("password link")
async def mail_password_link(work: ClaimedJob) -> None:
    """Mail a link to set a new password, if somebody has this address. Asking takes the same time in any case."""
    async with work.finishing() as transaction:
        tenant = transaction.tenant
        member = await find_member(transaction, work.payload["email"])
        if member is None or not member.active or tenant.suspended_at is not None:
            return
        put_mail(
            transaction,
            composer="password link",
            urgency=Urgency.AT_ONCE,
            useless_after=now() + TOKEN_LIFETIME["password"],
            token=await make_token(transaction, member, "password"),
        )


@composer("password link")
async def write_password_mail(transaction: Transaction, settings: Settings, payload: dict[str, Any]) -> Content | None:
    """The mail with the link, while the link works: an earlier one of the same person does not any more."""
    tenant = transaction.tenant
    member = await find_token(transaction, payload["token"], "password")
    if member is None or not member.email:
        return None
    return write_letter(
        settings,
        tenant,
        "accounts/password_mail",
        receiver=member.email,
        subject=translations(tenant.language).gettext("Set a new password"),
        member=member,
        link=settings.workspace_url(tenant.slug, f"/password?token={payload['token']}"),
    )


@get("/password")
async def show_new_password(transaction: Transaction, token: str = "") -> Response[Any]:
    """Ask for a new password, while the link works."""
    if await find_token(transaction, token, "password") is None:
        return Redirect("/login?why=used", status_code=303)
    return render_plain(
        transaction.tenant.language,
        "accounts/password.html",
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
        return Redirect("/login?why=used", status_code=303)
    if form.errors:
        return render_plain(
            tenant.language, "accounts/password.html", status=422, tenant=tenant, token=token, form=form
        )
    await guessing.count("", client_address(request))
    hashed = await hash_password(password)
    async with begin(request, database, writes=True) as transaction:
        member = await use_token(transaction, token, "password")
        if member is None:
            return Redirect("/login?why=used", status_code=303)
        confirm_mail(transaction, member)
        await set_password(transaction, member, hashed, how="link")
        return await enter_with_session(request, transaction, settings, member, "/")


handlers = [
    show_sign_in,
    sign_in,
    sign_out,
    show_enter,
    sign_in_with_token,
    show_forgotten_password,
    mail_link,
    show_new_password,
    set_new_password,
]
