"""Webhooks of apps, as Pusher has them: where an app's server is told who comes to its channels and goes."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct
from sqlalchemy import bindparam, select

from app.accounts.members import Member, is_active
from app.accounts.rights import require
from app.database import PreparedSelect, Transaction
from app.gateway.app_told import forget_kinds
from app.gateway.app_turns import send_waiting_anew
from app.gateway.apps import GatewayApp
from app.gateway.facts import AppWebhookChanged
from app.gateway.secrets import AppSecrets
from app.settings import Settings
from app.tenants.members import acting
from app.web.forms import Form, Invalid
from app.web.outgoing_addresses import check_outgoing_address
from app.web.texts import _l

# What an app's server may be told of, by the names that Pusher's documentation has for kinds and for events.
HOOK_KINDS = {
    "channel_existence": _l("Channels become active or empty"),
    "presence": _l("People join or leave presence channels"),
    "client_events": _l("Events sent by clients"),
    "cache_misses": _l("Cache misses"),
}
KIND_OF_EVENT = {
    "channel_occupied": "channel_existence",
    "channel_vacated": "channel_existence",
    "member_added": "presence",
    "member_removed": "presence",
    "client_event": "client_events",
    "cache_miss": "cache_misses",
}
FIND_HOOKED = PreparedSelect(
    lambda: (
        select(GatewayApp)
        .join(Member, (Member.id == GatewayApp.member_id) & (Member.tenant_id == GatewayApp.tenant_id))
        .where(GatewayApp.id == bindparam("id"), GatewayApp.ended_at.is_(None), *is_active())
    )
)


class KnownHook(Struct, frozen=True):
    """Where an app's server is told something, and by which secrets it knows that it is told from here."""

    key: str
    address: str
    kinds: frozenset[str]
    secrets: AppSecrets


async def find_hook(transaction: Transaction, app_id: int, secret_key: str) -> KnownHook | None:
    """The webhook of an app; None where it has none, has ended, or its workspace is suspended."""
    if transaction.tenant.suspended_at is not None:
        return None
    app = await transaction.value(FIND_HOOKED, id=app_id)
    if app is None or not app.hook_address:
        return None
    return KnownHook(app.key, app.hook_address, frozenset(app.hook_kinds), app.secrets(secret_key))


def read_hook_form(form: Form) -> tuple[str, list[str]]:
    """What a form says of an app's webhook: its address, or '', and what it is told."""
    return form["address"].strip(), [kind for kind in form.values.get("kinds", []) if kind]


async def change_app_webhook(
    transaction: Transaction,
    settings: Settings,
    actor: Member | None,
    app: GatewayApp,
    bot: Member,
    address: str,
    kinds: Sequence[str],
) -> None:
    """Have an app's server told of some kinds of things at an address, or at none (''). Raises Invalid."""
    require(actor, "manage", "apps")
    if address:
        check_outgoing_address(settings, address)
        if not kinds or not set(kinds) <= HOOK_KINDS.keys():
            raise Invalid(kinds=_l("Choose at least one."))
    app.hook_address, app.hook_kinds = address, sorted(set(kinds)) if address else []
    await forget_kinds(transaction, app.id, app.hook_kinds)
    await send_waiting_anew(transaction, app.id)
    by = acting(transaction, actor)
    transaction.note(AppWebhookChanged(by=by, app_id=app.id, name=bot.name, bot_id=bot.id))
