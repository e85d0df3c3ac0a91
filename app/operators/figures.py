"""Figures of the processes: each writes its own to a row, and whoever shows them adds the rows up."""

from __future__ import annotations

import math
from collections import Counter, deque
from datetime import datetime, timedelta
from typing import Any

from msgspec import Struct
from prometheus_client import REGISTRY
from sqlalchemy import JSON, String, bindparam, delete, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, PreparedSelect, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys, sweeps
from app.mail.outbox import FailedMail, count_waiting, list_failures
from app.tenants.usage import measure_installation

STALE = timedelta(seconds=45)
RATE_SECONDS = 10.0
# How many of the mails that were given up are shown.
MOST_FAILURES = 20
DELAY_SECONDS = 60.0
DELAY = "mutirao_publish_to_written_seconds"


class NodeFigures(Base):
    """A process: `id` is made at its start, `seen_at` is when it last wrote its figures."""

    __tablename__ = "node"

    id: Mapped[str] = mapped_column(String(32), primary_key=True)
    started_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    seen_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    figures: Mapped[dict[str, Any]] = mapped_column(JSON)


class Recorder:
    """Turns this process's counters into rates: events and calls a second over 10 s, delays over a minute."""

    def __init__(self) -> None:
        self.samples: deque[tuple[float, float, dict[str, float], float]] = deque()

    def read(self, moment: float) -> dict[str, Any]:
        """Look at the counters; `moment` is in seconds of a clock that never goes back."""
        events = REGISTRY.get_sample_value("mutirao_events_total") or 0.0
        calls = REGISTRY.get_sample_value("mutirao_program_calls_total") or 0.0
        self.samples.append((moment, events, read_buckets(), calls))
        while len(self.samples) > 2 and self.samples[1][0] <= moment - DELAY_SECONDS:
            self.samples.popleft()
        recent = next(sample for sample in self.samples if sample[0] >= moment - RATE_SECONDS)
        if recent[0] == moment and len(self.samples) > 1:
            recent = self.samples[-2]
        elapsed = moment - recent[0]
        first, last = self.samples[0][2], self.samples[-1][2]
        return {
            "events": (events - recent[1]) / elapsed if elapsed else 0.0,
            "calls": (calls - recent[3]) / elapsed if elapsed else 0.0,
            "delays": {bound: last[bound] - first.get(bound, 0.0) for bound in last},
            "slow": int(REGISTRY.get_sample_value("mutirao_slow_closes_total") or 0),
        }


def read_buckets() -> dict[str, float]:
    """The histogram of delays: how many there were up to each bound in seconds, '+Inf' for all."""
    return {
        sample.labels["le"]: sample.value
        for metric in REGISTRY.collect()
        if metric.name == DELAY
        for sample in metric.samples
        if sample.name == f"{DELAY}_bucket"
    }


def find_quantile(delays: dict[str, float], share: float) -> float | None:
    """The delay in seconds that a share of events kept to, between the bounds of its bucket; None without events.

    What lies beyond the last bound counts as that bound, as in Prometheus' histogram_quantile.
    """
    buckets = sorted((float(bound), count) for bound, count in delays.items())
    total = buckets[-1][1] if buckets else 0
    if not total:
        return None
    lower, below = 0.0, 0.0
    for bound, count in buckets:
        if count >= share * total:
            if math.isinf(bound):
                return lower
            return lower + (bound - lower) * (share * total - below) / (count - below) if count > below else bound
        lower, below = bound, count
    return lower


class Installation(Struct, frozen=True):
    """What all processes together say. `p50` and `p99` are in milliseconds, None when nothing was published."""

    nodes: list[NodeFigures]
    sockets: int
    streams: int
    events: float
    calls: float
    p50: float | None
    p99: float | None
    slow: int
    locks: int
    mails: int
    failures: list[tuple[FailedMail, str]]


def add_up(nodes: list[NodeFigures], *, locks: int, mails: int, failures: list[tuple[FailedMail, str]]) -> Installation:
    """Add up the rows of the processes."""
    delays: dict[str, float] = {}
    for node in nodes:
        for bound, count in node.figures["delays"].items():
            delays[bound] = delays.get(bound, 0.0) + count
    p50, p99 = find_quantile(delays, 0.5), find_quantile(delays, 0.99)
    return Installation(
        nodes=nodes,
        sockets=sum(node.figures["sockets"] for node in nodes),
        # A process of the version before does not say these.
        streams=sum(node.figures.get("streams", 0) for node in nodes),
        events=sum(node.figures["events"] for node in nodes),
        calls=sum(node.figures.get("calls", 0.0) for node in nodes),
        p50=None if p50 is None else p50 * 1000,
        p99=None if p99 is None else p99 * 1000,
        slow=sum(node.figures["slow"] for node in nodes),
        locks=locks,
        mails=mails,
        failures=failures,
    )


async def read_installation(transaction: Transaction) -> Installation:
    """What all processes say, and what waits in the database, in a counting transaction."""
    return add_up(
        await list_nodes(transaction),
        locks=await measure_installation(transaction, "locks"),
        mails=await count_waiting(transaction),
        failures=await list_failures(transaction, MOST_FAILURES),
    )


def sockets_of_workspaces(nodes: list[NodeFigures]) -> dict[int, int]:
    """The open sockets of each workspace."""
    found: Counter[int] = Counter()
    for node in nodes:
        found.update({int(tenant): count for tenant, count in node.figures["workspaces"].items()})
    return dict(found)


LIST_NODES = PreparedSelect(
    lambda: (
        select(NodeFigures)
        .where(NodeFigures.seen_at > bindparam("oldest"))
        .order_by(NodeFigures.started_at, NodeFigures.id)
    )
)


async def list_nodes(transaction: Transaction) -> list[NodeFigures]:
    """The processes that were seen lately, the oldest first."""
    return await transaction.column(LIST_NODES, oldest=now() - STALE)


@sweeps(NodeFigures)
async def forget_gone(transaction: Transaction, limit: int) -> int:
    """Delete the rows of processes that are gone."""
    return await delete_by_keys(transaction, NodeFigures, NodeFigures.seen_at <= now() - STALE, limit=limit)


async def write_figures(transaction: Transaction, node_id: str, started_at: datetime, figures: dict[str, Any]) -> None:
    """Write this process's row. Those of processes that are gone count no more, and are swept."""
    moment = now()
    statement = update(NodeFigures).where(NodeFigures.id == node_id).values(seen_at=moment, figures=figures)
    result: Any = await transaction.execute(statement)
    if not result.rowcount:
        transaction.add(NodeFigures(id=node_id, started_at=started_at, seen_at=moment, figures=figures))


async def forget_node(transaction: Transaction, node_id: str) -> None:
    """Delete the row of a process that ends."""
    await transaction.execute(delete(NodeFigures).where(NodeFigures.id == node_id))
