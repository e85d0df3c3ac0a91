"""The central host: what this is, the way to one's workspace, and sign-up."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import urlsplit

from litestar import MediaType, Response, get, post
from litestar.response import Redirect

from app.accounts.access import AnyRequest, client_address
from app.accounts.hashing import hash_password
from app.accounts.passwords import GuessingLimit, MailLimit, TooManyTries
from app.accounts.shell import render_plain
from app.accounts.tokens import make_token
from app.database import Database
from app.database.tenancy import SLUG
from app.jobs.jobs import put_job
from app.settings import Settings
from app.tenants.confirmation import mail_confirmation
from app.tenants.front import SWITCH, is_switched, language_cookie, render_front, render_switched
from app.tenants.limits import AddressLimit
from app.tenants.workspaces import check_free, check_slug, create_workspace
from app.web.error_texts import no_workspace_at
from app.web.forms import Form, Invalid
from app.web.languages import browser_language, read_language
from app.web.redirects import see_other
from app.web.texts import _l

FRONT_PAGES = ("/", "/signup", "/find")


@get("/")
async def show_central(request: AnyRequest) -> Response[str]:
    """What Mutirão is, the way to sign up, and the way to one's workspace."""
    return render_front(request, "tenants/home.html")


@post("/language")
async def choose_language(settings: Settings, form: Form) -> Redirect:
    """Keep in a cookie of this host in which language its pages are, and go back to the page."""
    page = form["page"] if form["page"] in FRONT_PAGES else "/"
    return see_other(page, cookies=[language_cookie(settings, read_language(form["language"]))])


def render_find(
    request: AnyRequest, settings: Settings, form: Form, *, sent: bool = False, status: int = 200
) -> Response[str]:
    """The page that leads to one's workspace: by mail, or by its address."""
    shown: dict[str, Any] = {"form": form, "host": settings.base_host, "sent": sent}
    return render_front(request, "tenants/find.html", status=status, **shown)


@get("/find")
async def show_find(request: AnyRequest, settings: Settings, sent: str = "") -> Response[str]:
    """Ask for one's email address, or for the address of a workspace."""
    return render_find(request, settings, Form(), sent=bool(sent))


@post("/find")
async def find_workspaces(
    request: AnyRequest,
    database: Database,
    settings: Settings,
    guessing: GuessingLimit,
    mailing: MailLimit,
    addresses: AddressLimit,
    form: Form,
) -> Response[Any]:
    """Mail somebody in which workspaces they are. The answer is the same whether or not they are in any. Who has typed
    the address of one alone is led there."""
    if is_switched(form):
        shown: dict[str, Any] = {"host": settings.base_host, "sent": bool(form["sent"])}
        return render_switched(request, settings, "tenants/find.html", form, **shown)
    language = request.scope["state"]["language"] = browser_language(request)
    if form["slug"].strip() and not form["email"].strip():  # Enter was pressed in its field
        return await lead_to_workspace(request, database, settings, addresses, form)
    email = form.email("email")
    if form.errors:
        return render_find(request, settings, form, status=422)
    await guessing.count(f"find:{email}", client_address(request))
    async with mailing.counting_list(email), database.write() as transaction:
        await put_job(transaction, "workspaces of an address", email=email, language=language)
    return see_other("/find?sent=yes")


@post("/go")
async def go_to_workspace(
    request: AnyRequest, database: Database, settings: Settings, addresses: AddressLimit, form: Form
) -> Response[Any]:
    """Lead to the workspace whose address was typed, if there is one. Anybody learns as much by opening it."""
    return await lead_to_workspace(request, database, settings, addresses, form)


async def lead_to_workspace(
    request: AnyRequest, database: Database, settings: Settings, addresses: AddressLimit, form: Form
) -> Response[Any]:
    """A page that leads to the workspace whose address was typed, or the form that says what is wrong with it."""
    slug = form["slug"].strip().lower().removesuffix("." + settings.base_host)
    if not SLUG.fullmatch(slug):
        form.errors["slug"] = _l("A workspace's address has lowercase letters, numbers and hyphens.")
        return render_find(request, settings, form, status=422)
    request.scope["state"]["language"] = browser_language(request)
    await addresses.check(client_address(request))
    async with database.read() as reading:
        if await reading.find_tenant("slug", slug) is None:
            form.errors["slug"] = no_workspace_at(f"{slug}.{settings.base_host}")
            return render_find(request, settings, form, status=404)
    return lead_on(request, settings.workspace_url(slug))


def lead_on(request: AnyRequest, address: str) -> Response[str]:
    """A page that leads to a workspace at once.

    A redirect would be a form's way to another host, which the policy does not allow: form-action is asked about where
    a form is led to, too.
    """
    page = render_plain(browser_language(request), "tenants/onward.html", address=address)
    page.headers["refresh"] = f"0; url={address}"
    return page


def render_signup(request: AnyRequest, settings: Settings, form: Form, *, status: int = 200) -> Response[str]:
    """The sign-up form with what was typed."""
    return render_front(request, "tenants/signup.html", status=status, form=form, host=settings.base_host)


@get("/signup")
async def show_signup(request: AnyRequest, settings: Settings) -> Response[str]:
    """Ask for what a new workspace needs."""
    return render_signup(request, settings, Form([("language", browser_language(request))]))


@get("/signup/address")
async def look_at_address(
    request: AnyRequest, database: Database, addresses: AddressLimit, slug: str = ""
) -> Response[dict[str, Any]]:
    """Whether a workspace can have an address, while it is typed. Anybody learns as much by opening it."""
    language = browser_language(request)
    await addresses.check(client_address(request))
    try:
        check_slug(slug)
        async with database.read() as reading:
            await check_free(reading, slug)
    except Invalid as invalid:
        return Response({"free": False, "said": invalid.first.translate(language)})
    return Response({"free": True, "said": _l("This address is available.").translate(language)})


@contextlib.asynccontextmanager
async def counting_mail(mailing: MailLimit, email: str, settings: Settings) -> AsyncIterator[None]:
    """Count the mail that confirms an address, where one goes out. Raises Invalid when it was sent too many."""
    async with contextlib.AsyncExitStack() as stack:
        if settings.smtp_url:
            try:
                await stack.enter_async_context(mailing.counting(email))
            except TooManyTries as refusal:
                raise Invalid(email=refusal.text) from refusal
        yield


@post("/signup")
async def sign_up(
    request: AnyRequest,
    database: Database,
    settings: Settings,
    guessing: GuessingLimit,
    mailing: MailLimit,
    addresses: AddressLimit,
    form: Form,
) -> Response[Any]:
    """Make the workspace, and lead its owner into it, signed in."""
    request.scope["state"]["language"] = browser_language(request)
    if is_switched(form):
        if form["language"] == browser_language(request):  # it was not chosen otherwise
            form.values["language"] = [form[SWITCH]]
        return render_switched(request, settings, "tenants/signup.html", form, host=settings.base_host)
    name, slug = form.name("workspace"), form["slug"].strip().lower()
    owner, email, password = (
        form.name("name"),
        form.email("email"),
        form.new_password("password"),
    )
    try:
        try:
            check_slug(slug)
            await addresses.check(client_address(request))
            async with database.read() as reading:
                await check_free(reading, slug)
        except Invalid as invalid:
            form.errors.update(invalid.errors)
        form.check()
        await guessing.count("signup", client_address(request))
        async with counting_mail(mailing, email, settings):
            password_hash = await hash_password(password)
            async with database.write() as transaction:
                member = await create_workspace(
                    transaction,
                    slug=slug,
                    name=name,
                    language=form["language"],
                    owner=owner,
                    email=email,
                    password_hash=password_hash,
                    time_zone=form["time_zone"],
                    mail_confirmed=not settings.smtp_url,
                )
                if settings.smtp_url:
                    await mail_confirmation(transaction, member)
                token = await make_token(transaction, member, "enter")
    except Invalid as invalid:
        form.errors = invalid.errors
        return render_signup(request, settings, form, status=422)
    return lead_on(request, settings.workspace_url(slug, f"/enter?token={token}"))


@get("/certificate", media_type=MediaType.TEXT)
async def may_have_certificate(database: Database, settings: Settings, domain: str = "") -> Response[str]:
    """Tell the proxy whether to get a certificate for a host: the central one, the gateway's, and those of workspaces
    that exist.

    Caddy asks so before it asks its authority (https://caddyserver.com/docs/automatic-https#on-demand-tls).
    """
    slug = domain.lower().removesuffix("." + str(urlsplit(settings.base_url).hostname))
    hostname = urlsplit(settings.base_url).hostname
    known = domain.lower() in (hostname, f"ws.{hostname}")
    if not known and slug != domain.lower() and SLUG.fullmatch(slug):
        async with database.read() as transaction:
            known = await transaction.find_tenant("slug", slug) is not None
    return Response("yes\n" if known else "no\n", status_code=200 if known else 404)


handlers = [
    may_have_certificate,
    show_central,
    choose_language,
    show_find,
    find_workspaces,
    go_to_workspace,
    show_signup,
    look_at_address,
    sign_up,
]
