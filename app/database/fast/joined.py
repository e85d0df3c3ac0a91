"""What is written together: a message with its place in the index and the room that counts it, what is logged with the
cursor, an activity with its notifications.

On PostgreSQL, where each statement is a trip to a server and back, it is one statement, in which rows are given as a
list of values for each column. On SQLite it is a statement for each, those of rows.py.

Earns: three of eleven trips of a message, and two of those at the end of a save: 0.2 ms of the processor each on
PostgreSQL (bench/endings.py, on 2026-11-29).

Written against: SQLAlchemy 2.1.9.

Tested by: tests/database/fast/test_joined.py.

Used by: database/__init__.py, database/transaction.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any

from msgspec import Struct
from sqlalchemy import ARRAY, CTE, FromClause, bindparam, column, func, insert, select, true, update
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.attributes import set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from app.database.fast.prepared import Prepared
from app.database.fast.rows import (
    TableInfo,
    change_row,
    check_change,
    fill_rows,
    flush_and_connect,
    info_of,
    insert_object,
    insert_rows,
    own_instance,
    table_info_of,
)
from app.database.tenancy import TenantSession


class NewObject(Struct, frozen=True):
    """A new object, whose row is written; it is the session's afterwards. It has an id that the database gives."""

    instance: Any


class NewRows(Struct, frozen=True):
    """Rows of this tenant that nobody needs as objects. Those with a `link` refer by that column to the new object that
    is written with them."""

    model: Any
    rows: Sequence[dict[str, Any]]
    link: str = ""


class ChangedObject(Struct, frozen=True):
    """An object of the session, with the attributes that its row gets."""

    instance: Any
    values: dict[str, Any]


WrittenPart = NewObject | NewRows | ChangedObject
# What makes one statement of several another one: models, and names of columns.
PartForm = tuple[Any, ...]


def write_together(session: TenantSession, parts: Sequence[WrittenPart]) -> None:
    """Write all of it, of which one part at most is a new object: in this order, where each is a statement of its own.

    Raises StaleDataError when the row of a changed object is gone.
    """
    connection = flush_and_connect(session)
    if connection.dialect.name != "postgresql":
        write_in_turn(session, parts)
        return
    parameters: dict[str, Any] = {}
    for place, part in enumerate(parts):
        named = parameters_of_part(session, part)
        parameters |= {f"{name}_{place}": value for name, value in named.items()}
    (written,) = (
        join_statements(tuple(map(form_of_part, parts)), tuple(parameters)).execute(connection, parameters).rows
    )
    for part, done in zip(parts, written, strict=True):
        if isinstance(part, NewObject):
            set_committed_value(part.instance, info_of(part.instance).key[0], done)
            make_transient_to_detached(part.instance)
            session.add(part.instance)
        elif isinstance(part, ChangedObject):
            if done != 1:
                raise StaleDataError(f"a row of {type(part.instance).__name__} is gone")
            for name, value in part.values.items():
                set_committed_value(part.instance, name, value)


def write_in_turn(session: TenantSession, parts: Sequence[WrittenPart]) -> None:
    """Write each part by a statement of its own."""
    made: Any = None
    for part in parts:
        if isinstance(part, NewObject):
            insert_object(session, part.instance)
            made = getattr(part.instance, info_of(part.instance).key[0])
        elif isinstance(part, NewRows):
            insert_rows(session, part.model, [{**row, part.link: made} if part.link else row for row in part.rows])
        else:
            change_row(session, part.instance, part.values)


def form_of_part(part: WrittenPart) -> PartForm:
    """What the statement that writes a part depends on."""
    if isinstance(part, NewObject):
        return "object", type(part.instance)
    if isinstance(part, NewRows):
        return "rows", part.model, part.link
    return "change", type(part.instance), *part.values


def parameters_of_part(session: TenantSession, part: WrittenPart) -> dict[str, Any]:
    """The parameters of the statement that writes a part. Raises TenantScopeError for what is another tenant's."""
    if isinstance(part, NewObject):
        own_instance(session, part.instance)
        return {f"new_{name}": value for name, value in info_of(part.instance).complete(part.instance).items()}
    if isinstance(part, NewRows):
        rows = fill_rows(session, part.model, list(part.rows))
        columns = columns_of_rows(table_info_of(part.model), part.link)
        return {f"all_{each.key}": [row[each.key] for row in rows] for each in columns}
    return check_change(session, part.instance, part.values)


def columns_of_rows(info: TableInfo, link: str) -> list[Any]:
    """The columns of a table whose values are given for each row."""
    return [each for each in info.table.columns if each.key not in (info.generated, link)]


@cache
def join_statements(forms: tuple[PartForm, ...], names: tuple[str, ...]) -> Prepared:
    """PostgreSQL's statement that writes parts of these forms, by parameters of these names: each ends with the place
    of its part. It gives the new id of each part, or how many rows it has written.
    """
    written: list[CTE] = []
    given: list[Any] = []
    made: CTE | None = None
    for place, (kind, model, *columns) in enumerate(forms):
        info = table_info_of(model)
        if kind == "object":
            new: dict[str, Any] = {name: bindparam(f"new_{name}_{place}") for name in info.defaults}
            part = made = insert(info.table).values(new).returning(info.table.c[info.key[0]].label("id")).cte("made")
            given.append(select(made.c.id).scalar_subquery())
        else:
            change = rows_part(info, columns[0], place, made) if kind == "rows" else change_part(info, columns, place)
            part = change.returning(info.table.c["tenant_id" if kind == "rows" else info.key[0]]).cte(f"part_{place}")
            given.append(select(func.count()).select_from(part).scalar_subquery())
        written.append(part)
    return Prepared(select(*given).add_cte(*written), names)


def rows_part(info: TableInfo, link: str, place: int, made: CTE | None) -> Any:
    """The insert of rows that are given as a list of values for each column, with the id of what is made with them."""
    columns = columns_of_rows(info, link)
    lists = func.unnest(*(bindparam(f"all_{each.key}_{place}", type_=ARRAY(each.type)) for each in columns))
    table: FromClause = lists.table_valued(*(column(each.key, each.type) for each in columns), name="given")
    rows = table.render_derived()  # type: ignore[attr-defined]
    if not link or made is None:
        return insert(info.table).from_select(rows.columns.keys(), select(*rows.columns))
    linked = select(made.c.id, *rows.columns).select_from(rows.join(made, true()))
    return insert(info.table).from_select([link, *rows.columns.keys()], linked)


def change_part(info: TableInfo, names: Sequence[str], place: int) -> Any:
    """The update of one row, which is found by its key and its tenant."""
    key = {*info.key, *({"tenant_id"} & set(info.names))}
    found = update(info.table).where(*(info.table.c[name] == bindparam(f"key_{name}_{place}") for name in sorted(key)))
    return found.values({name: bindparam(f"new_{name}_{place}") for name in names})
