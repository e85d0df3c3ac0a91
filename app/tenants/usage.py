"""What a workspace uses, in numbers: features say what there is to count, operators see it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import timedelta
from functools import cache

from sqlalchemy import Select, bindparam, func, select, union_all

from app.accounts.members import Member
from app.database import PreparedSelect, Transaction, UtcDateTime, now
from app.files.quota import FILE_SIZES
from app.live.log import LoggedEvent

# A measure makes a statement of two columns, the tenant and a number, grouped by the tenant. It is made once: what is
# of the moment in it is a parameter.
Measure = Callable[[], Select[int, int]]
MEASURES: dict[str, Measure] = {}


def measure(name: str) -> Callable[[Measure], Measure]:
    """Register a measure; its statement runs in a counting transaction, which refuses everything but numbers."""

    def add(make: Measure) -> Measure:
        MEASURES[name] = make
        return make

    return add


@cache
def select_measured(name: str) -> PreparedSelect[int, int]:
    """The select of a number for each of some workspaces."""

    def make() -> Select[int, int]:
        measured = MEASURES[name]()
        return measured.where(measured.selected_columns[0].in_(bindparam("tenants")))

    return PreparedSelect(make)


@cache
def select_sum(name: str) -> PreparedSelect[int]:
    """The select of the number of all workspaces together."""
    return PreparedSelect(lambda: select(func.sum(MEASURES[name]().subquery().c[1])))


async def measure_workspaces(transaction: Transaction, name: str, tenants: Iterable[int]) -> dict[int, int]:
    """A number for each of some workspaces, in one statement; 0 is left out."""
    rows = await transaction.rows(select_measured(name), tenants=tenants)
    return {tenant_id: int(number) for tenant_id, number in rows}


async def measure_installation(transaction: Transaction, name: str) -> int:
    """The number of all workspaces together."""
    return int(await transaction.value(select_sum(name)) or 0)


@measure("members")
def count_members() -> Select[int, int]:
    """People with an account, suspended ones too."""
    statement = select(Member.tenant_id, func.count(Member.id)).where(Member.removed_at.is_(None), ~Member.bot)
    return statement.group_by(Member.tenant_id)


@measure("events")
def count_events() -> Select[int, int]:
    """Rows that the log got in the last hour: facts and partials."""
    hour_ago = bindparam("hour_ago", callable_=lambda: now() - timedelta(hours=1), type_=UtcDateTime())
    counted = select(LoggedEvent.tenant_id, func.count(LoggedEvent.tenant_id))
    return counted.where(LoggedEvent.created_at > hour_ago).group_by(LoggedEvent.tenant_id)


@measure("storage")
def count_storage() -> Select[int, int]:
    """Bytes of files, whatever they belong to."""
    sizes = union_all(*(select(column.class_.tenant_id, column.label("size")) for column in FILE_SIZES)).subquery()
    return select(sizes.c.tenant_id, func.sum(sizes.c.size)).group_by(sizes.c.tenant_id)
