"""Whether this process can answer requests, and how what it stands on does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from sqlalchemy import select

from app.database import Database, Tenant

log = structlog.get_logger("web")


@dataclass(slots=True)
class Readiness:
    """What `/readyz` says beside the database: the state of the bus, and whether this process is about to end."""

    bus: Callable[[], str]
    draining: bool = False


async def check_parts(database: Database, *, bus: str) -> dict[str, str]:
    """What this process stands on, each 'ok' or what is wrong with it; the database has two seconds to answer."""
    parts = {"database": "ok", "bus": bus}
    try:
        async with asyncio.timeout(2), database.read() as transaction:
            await transaction.execute(select(Tenant.id).limit(1))
    except Exception as error:
        log.error("not ready", part="database", reason=repr(error))
        parts["database"] = "not reachable"
    return parts
