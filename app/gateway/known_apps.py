"""Apps as the gateway's sockets and calls know them: what was read of one, with the secrets that it has now."""

from __future__ import annotations

from msgspec import Struct

from app.database import Transaction
from app.gateway.apps import find_app, workspace_of_key
from app.gateway.messages import APP_DISABLED, SocketRefused
from app.gateway.secrets import AppSecrets


class KnownApp(Struct, frozen=True):
    """An app as its sockets know it."""

    id: int
    key: str
    tenant_id: int
    slug: str
    cursor: int
    origins: tuple[str, ...]
    client_events: bool
    secrets: AppSecrets


async def read_app(transaction: Transaction, key: str, slug: str, secret_key: str) -> KnownApp | None:
    """The app of a key, where the workspace of a host has it, or any if it is the central one ('')."""
    tenant_id = workspace_of_key(key)
    tenant = await transaction.find_tenant("id", tenant_id) if tenant_id else None
    if tenant is None or slug not in ("", tenant.slug):
        return None
    if tenant.suspended_at is not None:
        raise SocketRefused(APP_DISABLED)
    transaction.enter(tenant)
    found = await find_app(transaction, key)
    if found is None:
        return None
    app, _ = found
    return KnownApp(
        app.id,
        app.key,
        tenant.id,
        tenant.slug,
        tenant.cursor,
        tuple(app.origins),
        app.client_events,
        app.secrets(secret_key),
    )
