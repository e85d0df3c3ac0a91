"""What follows from the facts of apps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from app.database import Partial, Shown, Tenant
from app.gateway.facts import AppMade
from app.tenants.channels import show_members, show_pictures


def show_bots(tenant: Tenant, facts: Sequence[Any]) -> Iterator[Partial]:
    """There is a bot: it is in lists of members, and marked wherever it is shown."""
    yield from show_members(tenant, facts)
    yield from show_pictures(tenant, facts)


bots_shown = Shown(show_bots, (AppMade,))
