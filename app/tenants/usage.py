"""What a workspace uses, in numbers: features say what there is to count, operators see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta

from sqlalchemy import Select, func, select, union_all

from app.accounts.members import Member
from app.database import Transaction, now
from app.files.quota import FILE_SIZES
from app.live.log import LoggedEvent

# A measure makes a statement of two columns, the tenant and a number, grouped by the tenant.
Measure = Callable[[], Select[int, int]]
MEASURES: dict[str, Measure] = {}


def measure(name: str) -> Callable[[Measure], Measure]:
    """Register a measure; its statement runs in a counting transaction, which refuses everything but numbers."""

    def add(make: Measure) -> Measure:
        MEASURES[name] = make
        return make

    return add


async def measure_workspaces(transaction: Transaction, name: str, tenants: Iterable[int]) -> dict[int, int]:
    """A number for each of some workspaces, in one statement; 0 is left out."""
    statement = MEASURES[name]()
    column = statement.selected_columns[0]
    rows = await transaction.execute(statement.where(column.in_(list(tenants))))
    return {tenant_id: int(number) for tenant_id, number in rows}


async def measure_installation(transaction: Transaction, name: str) -> int:
    """The number of all workspaces together."""
    counted = MEASURES[name]().subquery()
    return int(await transaction.scalar(select(func.sum(counted.c[1]))) or 0)


@measure("members")
def count_members() -> Select[int, int]:
    """People with an account, suspended ones too."""
    statement = select(Member.tenant_id, func.count(Member.id)).where(Member.removed_at.is_(None))
    return statement.group_by(Member.tenant_id)


@measure("events")
def count_events() -> Select[int, int]:
    """Rows that the log got in the last hour: facts and partials."""
    recent = LoggedEvent.created_at > now() - timedelta(hours=1)
    return (
        select(LoggedEvent.tenant_id, func.count(LoggedEvent.tenant_id)).where(recent).group_by(LoggedEvent.tenant_id)
    )


@measure("storage")
def count_storage() -> Select[int, int]:
    """Bytes of files, whatever they belong to."""
    sizes = union_all(*(select(column.class_.tenant_id, column.label("size")) for column in FILE_SIZES)).subquery()
    return select(sizes.c.tenant_id, func.sum(sizes.c.size)).group_by(sizes.c.tenant_id)
