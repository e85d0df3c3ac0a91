"""Addresses for machines: alive, ready, metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import structlog
from litestar import MediaType, Request, Response, get
from litestar.exceptions import NotFoundException
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import select

from app.database import Database, Tenant
from app.settings import Settings
from app.web.calls import retry_after
from app.web.errors import SOON
from app.web.metrics import read_counters

log = structlog.get_logger("web")


@dataclass(slots=True)
class Readiness:
    """What `/readyz` says beside the database: the state of the bus, and whether this process is about to end."""

    bus: Callable[[], str]
    draining: bool = False


@get("/healthz", media_type=MediaType.TEXT)
async def show_liveness() -> str:
    """The process answers."""
    return "ok\n"


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


@get("/readyz")
async def show_readiness(database: Database, readiness: Readiness) -> Response[dict[str, str]]:
    """The database answers too, within two seconds, and the process goes on.

    A bus that can't be reached does not make a process unready: events are delivered from the log.
    """
    parts = await check_parts(database, bus=readiness.bus())
    parts["serving"] = "draining" if readiness.draining else "ok"
    ready = parts["database"] == "ok" and not readiness.draining
    return Response(parts) if ready else Response(parts, status_code=503, headers=retry_after(SOON))


@get("/metrics", media_type=MediaType.TEXT)
async def show_metrics(request: Request[Any, Any, Any], settings: Settings) -> Response[bytes]:
    """Prometheus' text format, for METRICS_NETWORKS only."""
    if request.client is None or not settings.may_read_metrics(request.client.host):
        raise NotFoundException
    return Response(generate_latest(read_counters()), media_type=CONTENT_TYPE_LATEST)
