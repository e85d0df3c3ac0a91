"""Addresses for machines: alive, ready, metrics."""

from __future__ import annotations

from typing import Any

import structlog
from litestar import MediaType, Request, Response, get
from litestar.exceptions import NotFoundException
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from app.database import Database
from app.settings import Settings
from app.web.calls import retry_after
from app.web.errors import SOON
from app.web.metrics import read_counters
from app.web.readiness import Readiness, check_parts

log = structlog.get_logger("web")


@get("/healthz", media_type=MediaType.TEXT)
async def show_liveness() -> str:
    """The process answers."""
    return "ok\n"


@get("/readyz")
async def show_readiness(database: Database, readiness: Readiness) -> Response[dict[str, str]]:
    """The database answers too, within two seconds, with tables that this program knows, and the process goes on.

    A bus that can't be reached does not make a process unready: events are delivered from the log.
    """
    parts = await check_parts(database, bus=readiness.bus())
    parts["serving"] = "draining" if readiness.draining else "ok"
    ready = parts["database"] == parts["tables"] == "ok" and not readiness.draining
    return Response(parts) if ready else Response(parts, status_code=503, headers=retry_after(SOON))


@get("/metrics", media_type=MediaType.TEXT)
async def show_metrics(request: Request[Any, Any, Any], settings: Settings) -> Response[bytes]:
    """Prometheus' text format, for METRICS_NETWORKS only."""
    if request.client is None or not settings.may_read_metrics(request.client.host):
        raise NotFoundException
    return Response(generate_latest(read_counters()), media_type=CONTENT_TYPE_LATEST)
