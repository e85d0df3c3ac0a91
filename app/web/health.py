"""Addresses for machines: alive, ready, metrics."""

from __future__ import annotations

import asyncio
from typing import Any

import structlog
from litestar import MediaType, Request, Response, get
from litestar.exceptions import NotFoundException
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from sqlalchemy import select

from app.database import Database, Tenant
from app.settings import Settings

log = structlog.get_logger("web")


@get("/healthz", media_type=MediaType.TEXT)
async def show_liveness() -> str:
    """The process answers."""
    return "ok\n"


async def check_parts(database: Database) -> dict[str, str]:
    """What this process stands on, each 'ok' or what is wrong with it; the database has two seconds to answer."""
    parts = {"database": "ok", "bus": "in-process"}
    try:
        async with asyncio.timeout(2), database.read() as transaction:
            await transaction.execute(select(Tenant.id).limit(1))
    except Exception as error:
        log.error("not ready", part="database", reason=repr(error))
        parts["database"] = "not reachable"
    return parts


@get("/readyz")
async def show_readiness(database: Database) -> Response[dict[str, str]]:
    """The database answers too."""
    parts = await check_parts(database)
    return Response(parts, status_code=200 if parts["database"] == "ok" else 503)


@get("/metrics", media_type=MediaType.TEXT)
async def show_metrics(request: Request[Any, Any, Any], settings: Settings) -> Response[bytes]:
    """Prometheus' text format, for METRICS_NETWORKS only."""
    if request.client is None or not settings.may_read_metrics(request.client.host):
        raise NotFoundException
    return Response(generate_latest(), media_type=CONTENT_TYPE_LATEST)
