"""Sweeps: what has reached its end is deleted, every ten minutes, a part at a time so that nobody waits long to write.

Every table either has a sweep, registered where its model is, or says why its rows stay (tests/jobs/test_sweeps.py).
What a sweep changes on open pages it publishes, as whoever changes it by hand does.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any

import structlog
from msgspec import Struct
from sqlalchemy import delete, inspect, select, tuple_

from app.database import Base, Database, Tenant, Tenanted, Transaction, now
from app.database.leases import LeaseLost
from app.jobs.jobs import FUNCTIONS, ClaimedJob, Job, job
from app.jobs.steps import Steps
from app.settings import Settings

# How many rows one transaction deletes at the most; where each takes long, fewer.
BATCH = 500
FIRST_BATCH = 50
UNKNOWN_FOR = timedelta(days=30)

log = structlog.get_logger("sweep")

# Deletes at most so many rows, and says how many it was.
Step = Callable[[Transaction, int], Awaitable[int]]
StepWithSettings = Callable[[Transaction, int, Settings], Awaitable[int]]


class Sweep(Struct, frozen=True):
    """What deletes the rows of some tables that have reached their end; `last`, what goes with what others delete."""

    models: tuple[type[Base], ...]
    step: StepWithSettings
    last: bool = False

    @property
    def of_workspaces(self) -> bool:
        """Whether the rows belong to workspaces, and not to the installation."""
        return issubclass(self.models[0], Tenanted)


SWEEPS: list[Sweep] = []


def sweeps(*models: type[Base]) -> Callable[[Step], Step]:
    """Register a function that deletes rows of these tables which have reached their end."""

    def add(step: Step) -> Step:
        SWEEPS.append(Sweep(models, lambda transaction, limit, settings: step(transaction, limit)))
        return step

    return add


def sweeps_with_settings(*models: type[Base], last: bool = False) -> Callable[[StepWithSettings], StepWithSettings]:
    """Likewise a function that needs to know the settings, such as where files are. What goes with other things is
    swept after them (`last`): no page leads to it for another ten minutes."""

    def add(step: StepWithSettings) -> StepWithSettings:
        SWEEPS.append(Sweep(models, step, last))
        return step

    return add


async def delete_by_keys(
    transaction: Transaction, model: type[Base], *criteria: Any, limit: int, order_by: Any = None
) -> int:
    """Delete rows that meet criteria, at most `limit` of them and in an order if it matters; how many it was.

    Raises TypeError for a guarded model: its rows are deleted by statements of their own.
    """
    if model.guarded:
        raise TypeError(f"{model.__name__} is guarded")
    mapper = inspect(model)
    # Attributes, and not the table's columns: only a select of attributes is confined to the tenant.
    keys = [mapper.get_property_by_column(column).class_attribute for column in mapper.primary_key]
    key: Any = keys[0] if len(keys) == 1 else tuple_(*keys)
    found = select(*keys).where(*criteria).order_by(order_by if order_by is not None else keys[0]).limit(limit)
    statement = delete(model).where(key.in_(found))
    result: Any = await transaction.execute(statement)
    return int(result.rowcount)


@sweeps(Job)
async def delete_unknown(transaction: Transaction, limit: int) -> int:
    """Delete what an earlier or later version would have done, and nobody has for a month."""
    unknown = Job.name.not_in(list(FUNCTIONS)), Job.due_at < now() - UNKNOWN_FOR
    return await delete_by_keys(transaction, Job, *unknown, limit=limit)


@job("sweep", every=timedelta(minutes=10), seconds=60)
async def sweep(work: ClaimedJob) -> None:
    """Delete what has reached its end in the installation and in each workspace.

    However long that takes, it is this worker's, as it says after each part; when it dies, another goes on soon.
    """
    async with work.database.read() as transaction:
        tenants = list(await transaction.scalars(select(Tenant.id)))
    for tenant_id in (None, *tenants):
        await sweep_one(work.database, work.settings, tenant_id, work.keep)


async def sweep_one(
    database: Database, settings: Settings, tenant_id: int | None, keep: Callable[[], Awaitable[None]] | None = None
) -> None:
    """Delete what has reached its end in one workspace, or beside all of them.

    Each sweep has transactions of its own, with what it publishes: one that fails keeps neither the others nor other
    workspaces from theirs, and undoes nothing but its own last part. `keep` is called after each part.
    """
    for each in sorted(SWEEPS, key=lambda sweep: sweep.last):
        if each.of_workspaces == (tenant_id is not None):
            steps = Steps(first=FIRST_BATCH, most=BATCH)
            try:
                more = True
                while more:
                    more = await sweep_part(database, settings, tenant_id, each, steps)
                    if keep is not None:
                        await keep()
                    if more:
                        await steps.pause()
            except LeaseLost:
                raise
            except Exception as error:
                tables = ", ".join(model.__tablename__ for model in each.models)
                log.error("a sweep failed; it is tried again", tenant=tenant_id, tables=tables, reason=repr(error))


async def sweep_part(
    database: Database, settings: Settings, tenant_id: int | None, current: Sweep, steps: Steps
) -> bool:
    """Delete so many rows as one transaction may; whether there may be more."""
    async with database.write(tenant_id) as transaction:
        with steps.step():
            wanted = steps.size
            return await current.step(transaction, wanted, settings) >= wanted
