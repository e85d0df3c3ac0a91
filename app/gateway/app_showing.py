"""The page of one app."""

from __future__ import annotations

from litestar import Response
from msgspec import Struct

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.program_tokens import list_tokens
from app.accounts.shell import render_page
from app.database import Tenant, Transaction
from app.gateway.app_webhooks import HOOK_KINDS
from app.gateway.apps import GatewayApp
from app.settings import Settings
from app.tenants.roles import ROLES
from app.web.forms import Form
from app.web.seen_forms import show_as_saved
from app.web.texts import Text, _l


class ShownOnce(Struct, frozen=True):
    """What is shown of an app this once: the settings of its server, with the secret, and the token of its bot if that
    was made as well."""

    settings: str
    token: str = ""


def describe_settings(settings: Settings, tenant: Tenant, app: GatewayApp, secret: str = "") -> str:
    """What a server and a front end are told of an app, as Laravel's settings have it."""
    host, _, port = settings.workspace_url(tenant.slug, "").partition("://")[2].partition(":")
    lines = [f"REVERB_APP_ID={app.id}", f"REVERB_APP_KEY={app.key}"]
    lines += [f"REVERB_APP_SECRET={secret}"] if secret else []
    port = port or ("443" if settings.secure else "80")
    return "\n".join([*lines, f"REVERB_HOST={host}", f"REVERB_PORT={port}", f"REVERB_SCHEME={settings.scheme}"])


def kept_app(app: GatewayApp) -> list[tuple[str, str]]:
    """What the form has of an app."""
    return [("origins", ", ".join(app.origins)), ("client_events", "yes" if app.client_events else "")]


def say_app(form: Form, language: str) -> list[tuple[Text, str]]:
    """What a form says of an app, as people read it."""
    ticked = (_l("Yes") if form["client_events"] == "yes" else _l("No")).translate(language)
    origins = ", ".join(form["origins"].replace(",", " ").split())
    return [
        (_l("Pages that may connect"), origins),
        (_l("Its clients may send events to each other"), ticked),
    ]


def kept_hook(app: GatewayApp) -> list[tuple[str, str]]:
    """What the form has of an app's webhook; of one that tells nothing, all that it can."""
    return [("address", app.hook_address), *(("kinds", each) for each in app.hook_kinds or HOOK_KINDS)]


def say_hook(form: Form, language: str) -> list[tuple[Text, str]]:
    """What a form says of an app's webhook, as people read it."""
    kinds = [HOOK_KINDS[each].translate(language) for each in HOOK_KINDS if each in form.values.get("kinds", [])]
    return [(_l("Address"), form["address"].strip()), (_l("Events"), ", ".join(kinds))]


async def render_app(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    app: GatewayApp,
    bot: Member,
    form: Form | None = None,
    *,
    hook: Form | None = None,
    pictured: Form | None = None,
    once: ShownOnce | None = None,
    status: int = 200,
) -> Response[str]:
    """One app: whose pages may connect, its picture, its secrets, what its server is told, and what its bot has."""
    settings: Settings = request.app.state.settings
    return await render_page(
        request,
        transaction,
        member,
        "gateway/app.html",
        status=status,
        app=app,
        bot=bot,
        tokens=await list_tokens(transaction, bot),
        form=form or show_as_saved(kept_app(app)),
        pictured=pictured or Form(),
        hook=hook or show_as_saved(kept_hook(app)),
        hook_kinds=HOOK_KINDS,
        roles=ROLES,
        once=once,
        settings=describe_settings(settings, transaction.tenant, app),
    )
