"""The page of one app."""

from __future__ import annotations

from dataclasses import dataclass

from litestar import Response

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


@dataclass(frozen=True, slots=True)
class ShownOnce:
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
    said = [("origins", ", ".join(app.origins)), ("client_events", "yes" if app.client_events else "")]
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
        form=form or Form(said),
        pictured=pictured or Form(),
        hook=hook or Form([("address", app.hook_address), *(("kinds", each) for each in app.hook_kinds or HOOK_KINDS)]),
        hook_kinds=HOOK_KINDS,
        roles=ROLES,
        once=once,
        settings=describe_settings(settings, transaction.tenant, app),
    )
