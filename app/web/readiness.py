"""Whether this process can answer requests, and how what it stands on does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import structlog
from msgspec import Struct

from app.database import Database
from app.migration import read_newer

log = structlog.get_logger("web")


class Readiness(Struct):
    """What `/readyz` says beside the database: the state of the bus, and whether this process is about to end."""

    bus: Callable[[], str]
    draining: bool = False


async def check_parts(database: Database, *, bus: str) -> dict[str, str]:
    """What this process stands on, each 'ok' or what is wrong with it; the database has two seconds to answer."""
    parts = {"database": "ok", "tables": "ok", "bus": bus}
    try:
        async with asyncio.timeout(2):
            newer = await read_newer(database)
    except Exception as error:
        log.error("not ready", part="database", reason=repr(error))
        return parts | {"database": "not reachable", "tables": "not known"}
    if newer:
        reason = (
            f"a newer version of the program has brought them to {newer}, which this process doesn't know: restart it"
        )
        log.error("not ready", part="tables", reason=reason)
        parts["tables"] = "newer"
    return parts
