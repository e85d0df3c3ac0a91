"""Apps, for admins: making them, their secrets, and whose pages may connect."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.ended_forms import keep_end
from app.accounts.form_answers import find_answer, keep_answer
from app.accounts.members import Member
from app.accounts.questions import Question, asked, asks_first
from app.accounts.reauthentication import dangerous
from app.accounts.rights import may, require
from app.accounts.scopes import SCOPES
from app.accounts.shell import notice, render_page
from app.accounts.tabs import tab
from app.database import Transaction
from app.gateway.app_showing import (
    ShownOnce,
    describe_settings,
    kept_app,
    kept_hook,
    render_app,
    say_app,
    say_hook,
)
from app.gateway.app_webhooks import change_app_webhook, read_hook_form
from app.gateway.apps import (
    BOT_ROLES,
    WantedApp,
    change_app,
    drop_old_secret,
    end_app,
    get_app,
    list_apps,
    make_app,
    make_app_secret,
    make_bot_token,
    read_origins,
    read_wanted_app,
)
from app.settings import Settings
from app.tenants.roles import ROLES, GivenRole
from app.web.forms import Form, Invalid
from app.web.paging import page_of
from app.web.redirects import see_other
from app.web.seen_forms import refuse_unseen, take_saved
from app.web.texts import _l

tab("settings", _l("Apps"), "/settings/apps", icon="link", order=40, right=("manage", "apps"))

notice("app-ended", _l("App deleted."))
notice(
    "app-made",
    _l("The app was already created, and its secret is shown only once. If you did not store it, create another."),
)
notice("app-changed", _l("App saved."))
notice("secret-dropped", _l("The old secret no longer works."))

PLAIN_SCOPES = [scope for scope in SCOPES if scope != "admin"]


async def render_apps(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    form: Form | None = None,
    *,
    once: ShownOnce | None = None,
    page: str = "",
    status: int = 200,
) -> Response[str]:
    """The apps, and the form of a new one; the one that was just made, this once."""
    new = [("role", "member"), ("client_events", "yes"), *(("scopes", scope) for scope in PLAIN_SCOPES)]
    return await render_page(
        request,
        transaction,
        member,
        "gateway/apps.html",
        status=status,
        apps=page_of(await list_apps(transaction), page),
        form=form or Form(new),
        roles=ROLES,
        giveable=[role for role in BOT_ROLES if may(member, "give", GivenRole(role))],
        scopes=SCOPES,
        once=once,
    )


@get("/settings/apps")
async def show_apps(request: AnyRequest, transaction: Transaction, member: Member, page: str = "") -> Response[str]:
    """Which apps there are."""
    require(member, "manage", "apps")
    return await render_apps(request, transaction, member, page=page)


@post("/settings/apps", **dangerous(_l("You are about to create an app, whose secret lets a program act in its name.")))
async def add_app(request: AnyRequest, transaction: Transaction, member: Member, form: Form) -> Response[Any]:
    """Make an app, and show its secret, this once."""
    require(member, "manage", "apps")
    settings: Settings = request.app.state.settings
    try:
        if answer := await find_answer(request, transaction, member, form):
            return answer
        wanted = read_wanted_app(form)
        scopes = form.values.get("scopes", [])
        app, bot = await make_app(transaction, member, wanted)
        token = ""
        if scopes:
            token = await make_bot_token(transaction, app, bot, scopes)
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_apps(request, transaction, member, form, status=invalid.status)
    await keep_answer(request, transaction, member, form, "/settings/apps?done=app-made")
    secret = app.secrets(settings.secret_key).secrets[0]
    shown = ShownOnce(describe_settings(settings, transaction.tenant, app, secret), token)
    return await render_apps(request, transaction, member, once=shown)


@get("/settings/apps/{app_id:int}")
async def show_app(request: AnyRequest, transaction: Transaction, member: Member, app_id: int) -> Response[str]:
    """An app."""
    require(member, "manage", "apps")
    return await render_app(request, transaction, member, *await get_app(transaction, app_id))


@post("/settings/apps/{app_id:int}")
async def save_app(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form, app_id: int
) -> Response[Any]:
    """Let other pages connect for an app."""
    require(member, "manage", "apps")
    app, bot = await get_app(transaction, app_id)
    try:
        take_saved(form, kept_app(app))
        origins = read_origins(form)
        form.check()
        refuse_unseen(form, kept_app(app), lambda each: say_app(each, transaction.tenant.language))
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_app(request, transaction, member, app, bot, form, status=invalid.status)
    await change_app(
        transaction, member, app, bot, WantedApp(bot.name, bot.role, origins, form["client_events"] == "yes")
    )
    return see_other(f"/settings/apps/{app.id}?done=app-changed")


@post(
    "/settings/apps/{app_id:int}/secret",
    **dangerous(_l("You are about to create another secret. The old one works until you revoke it.")),
)
async def add_secret(request: AnyRequest, transaction: Transaction, member: Member, app_id: int) -> Response[Any]:
    """Make another secret, and show it, this once."""
    require(member, "manage", "apps")
    settings: Settings = request.app.state.settings
    app, bot = await get_app(transaction, app_id)
    await make_app_secret(transaction, member, app, bot)
    secret = app.secrets(settings.secret_key).secrets[0]
    shown = ShownOnce(describe_settings(settings, transaction.tenant, app, secret))
    return await render_app(request, transaction, member, app, bot, once=shown)


@post(
    "/settings/apps/{app_id:int}/webhook",
    **dangerous(_l("You are about to change where an app's events are sent.")),
)
async def save_app_webhook(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form, app_id: int, settings: Settings
) -> Response[Any]:
    """Tell an app's server something, or nothing any more."""
    require(member, "manage", "apps")
    app, bot = await get_app(transaction, app_id)
    try:
        refuse_unseen(form, kept_hook(app), lambda each: say_hook(each, transaction.tenant.language))
        await change_app_webhook(transaction, settings, member, app, bot, *read_hook_form(form))
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_app(request, transaction, member, app, bot, hook=form, status=invalid.status)
    return see_other(f"/settings/apps/{app.id}?done=app-changed")


async def describe_drop(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What dropping the secret before does."""
    require(member, "manage", "apps")
    app, bot = await get_app(transaction, request.path_params["app_id"])
    return Question(
        what=_l("Revoke the old secret of “%(name)s”?", name=bot.name),
        consequences=[_l("Servers that still sign with it will be refused immediately. This can't be undone.")],
        button=_l("Revoke secret"),
        back=f"/settings/apps/{app.id}",
    )


@post("/settings/apps/{app_id:int}/secret/drop", **asked(describe_drop))
async def drop_secret(request: AnyRequest, transaction: Transaction, member: Member, app_id: int) -> Response[Any]:
    """Let the secret before be good for nothing any more."""
    require(member, "manage", "apps")
    app, bot = await get_app(transaction, app_id)
    await drop_old_secret(transaction, member, app, bot)
    return await keep_end(request, transaction, member, see_other(f"/settings/apps/{app.id}?done=secret-dropped"))


async def describe_app_end(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What ending an app does."""
    require(member, "manage", "apps")
    app, bot = await get_app(transaction, request.path_params["app_id"])
    return Question(
        what=_l("Delete the app “%(name)s”?", name=bot.name),
        consequences=[
            _l("Its clients will be disconnected immediately. Its secret and the tokens of its bot will stop working."),
            _l("What the bot wrote stays, with its name. This can't be undone."),
        ],
        button=_l("Delete app"),
        back=f"/settings/apps/{app.id}",
    )


@post("/settings/apps/{app_id:int}/end", **asked(describe_app_end))
async def end_this_app(request: AnyRequest, transaction: Transaction, member: Member, app_id: int) -> Response[Any]:
    """End an app."""
    require(member, "manage", "apps")
    app, bot = await get_app(transaction, app_id)
    await end_app(transaction, member, app, bot)
    return await keep_end(request, transaction, member, see_other("/settings/apps?done=app-ended"))


handlers = [
    show_apps,
    add_app,
    show_app,
    save_app,
    add_secret,
    save_app_webhook,
    asks_first("/settings/apps/{app_id:int}/secret/drop", describe_drop),
    drop_secret,
    asks_first("/settings/apps/{app_id:int}/end", describe_app_end),
    end_this_app,
]
