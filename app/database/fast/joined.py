"""Rows that are written together: those of the log with the cursor that counts them, and an activity with its
notifications.

On PostgreSQL, where each statement is a trip to a server and back, both are one statement, in which rows are given as a
list of values for each column. On SQLite they are the two of rows.py.

Earns: two of ten trips at the end of a save, one of two at that of a message: 0.2 ms of the processor each on
PostgreSQL (bench/endings.py, on 2026-11-29).

Written against: SQLAlchemy 2.1.9.

Tested by: tests/database/fast/test_joined.py.

Used by: database/transaction.py.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from sqlalchemy import ARRAY, FromClause, bindparam, column, func, insert, select, true, update
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from app.database.fast.rows import (
    TableInfo,
    change_row,
    fill_rows,
    flush_and_connect,
    insert_object,
    insert_rows,
    own_instance,
    table_info_of,
)
from app.database.tenancy import TenantSession, check_instance


def list_columns(info: TableInfo, *others: str) -> FromClause:
    """Rows of a table as PostgreSQL is given them, a list of values for each column, without those that `others` give.

    The parameters are called `all_` and the column.
    """
    columns = [each for each in info.table.columns if each.key != info.generated and each.key not in others]
    lists = func.unnest(*(bindparam(f"all_{each.key}", type_=ARRAY(each.type)) for each in columns))
    return lists.table_valued(*(column(each.key, each.type) for each in columns), name="given").render_derived()


def by_columns(rows: list[dict[str, Any]], given: FromClause) -> dict[str, Any]:
    """Rows as the parameters of `list_columns`."""
    return {f"all_{each.key}": [row[each.key] for row in rows] for each in given.columns}


@cache
def insert_and_count_of(model: Any, counting: Any, names: tuple[str, ...]) -> tuple[Any, FromClause]:
    """PostgreSQL's statement that adds rows, given by columns, if there is the row that counts them, and changes some
    columns of that."""
    counted, given = table_info_of(counting), list_columns(table_info_of(model))
    (key,) = counted.key
    changed = (
        update(counted.table)
        .where(counted.table.c[key] == bindparam(f"key_{key}"))
        .values({name: bindparam(f"new_{name}") for name in names})
        .returning(counted.table.c[key])
        .cte("counted")
    )
    rows = select(*given.columns).select_from(given.join(changed, true()))
    return insert(table_info_of(model).table).from_select(given.columns.keys(), rows), given


def insert_counted(
    session: TenantSession, model: Any, rows: list[dict[str, Any]], by: Any, values: dict[str, Any]
) -> None:
    """Write rows as `insert_rows`, and some attributes of the object that counts them as `change_row`: at once where
    each statement is a trip to a server. Raises StaleDataError when that object's row is gone."""
    connection = flush_and_connect(session)
    if connection.dialect.name != "postgresql":
        change_row(session, by, values)
        insert_rows(session, model, rows)
        return
    check_instance(by, session.tenant_id)
    counting: Any = type(by)
    (key,) = table_info_of(counting).key
    statement, given = insert_and_count_of(model, counting, tuple(values))
    parameters = by_columns(fill_rows(session, model, rows), given) | {f"key_{key}": by.__dict__[key]}
    parameters |= {f"new_{name}": value for name, value in values.items()}
    if connection.execute(statement, parameters).rowcount != len(rows):
        raise StaleDataError(f"the row that counts those of {model.__name__} is gone")
    for name, value in values.items():
        set_committed_value(by, name, value)


@cache
def insert_both_of(model: Any, referring: Any, link: str) -> tuple[Any, FromClause]:
    """PostgreSQL's statement that adds a row, and rows that refer to it by a column; it gives the new row's id."""
    info, others = table_info_of(model), table_info_of(referring)
    key, given = info.table.c[info.key[0]], list_columns(others, link)
    new: dict[str, Any] = {name: bindparam(f"new_{name}") for name in info.defaults}
    made = insert(info.table).values(new).returning(key).cte("made")
    rows = select(*made.columns, *given.columns).select_from(given.join(made, true()))
    names = [link, *given.columns.keys()]
    return insert(others.table).from_select(names, rows).returning(others.table.c[link]), given


def insert_both(session: TenantSession, instance: Any, referring: Any, rows: list[dict[str, Any]], link: str) -> None:
    """Write the row of a new object as `insert_object`, and at least one row that refers to it by `link` as
    `insert_rows`: at once where each statement is a trip to a server."""
    connection = flush_and_connect(session)
    model: Any = type(instance)
    info = table_info_of(model)
    if connection.dialect.name != "postgresql" or info.generated is None:
        insert_object(session, instance)
        insert_rows(session, referring, [{**row, link: getattr(instance, info.key[0])} for row in rows])
        return
    own_instance(session, instance)
    statement, given = insert_both_of(model, referring, link)
    parameters = by_columns(fill_rows(session, referring, rows), given)
    parameters |= {f"new_{name}": value for name, value in info.complete(instance).items()}
    set_committed_value(instance, info.generated, connection.execute(statement, parameters).scalars().first())
    make_transient_to_detached(instance)
    session.add(instance)
