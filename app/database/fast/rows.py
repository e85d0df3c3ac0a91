"""Objects of rows, and rows written by statements that are made once.

Making a statement, confining it, executing it and making objects of what it finds takes SQLAlchemy's session many
times as long as SQLite takes for a row, and so does finding out what has changed of an object. What every request or
message needs goes this shorter way. The wall between tenants (tenancy.py) is the same: statements are confined by the
same criteria, and a transaction writes rows of its own tenant alone.

Earns: 53 % of a message's time of the processor on SQLite, 29 on PostgreSQL, and 27 to 51 % of a page's, over the ORM
with statements that are made and confined once (measured by bench/shortcuts.py on 2026-11-29).

Written against: SQLAlchemy 2.1.9.

Tested by: tests/database/fast/test_rows.py.

Used by: database/fast/joined.py, database/fast/queries.py, database/fast/side_by_side.py, database/transaction.py.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import Column, Connection, Table, bindparam, insert, inspect, update
from sqlalchemy.orm import make_transient_to_detached
from sqlalchemy.orm.attributes import instance_state, set_committed_value
from sqlalchemy.orm.exc import StaleDataError

from app.database.fast.prepared import Prepared
from app.database.tenancy import (
    Tenanted,
    TenantScopeError,
    TenantSession,
    check_instance,
)


class TableInfo:
    """What is known of a model: its columns, the statement that adds a row, and what a row has when nothing is said."""

    def __init__(self, model: Any) -> None:
        mapper: Any = inspect(model)
        if set(mapper.column_attrs.keys()) != set(mapper.local_table.columns.keys()):
            raise TypeError(f"{model.__name__} calls its attributes by other names than its table")
        self.table: Table = mapper.local_table
        self.names: list[str] = self.table.columns.keys()
        self.key: list[str] = [column.key for column in mapper.primary_key]
        self.places = [self.names.index(name) for name in self.key]
        self.owner = self.names.index("tenant_id") if issubclass(model, Tenanted) else None
        # As the session knows an object; `mapper.identity_key_from_primary_key` makes this of a key.
        self.mapped = mapper.class_
        self.make = mapper.class_manager.new_instance
        generated = self.table.autoincrement_column
        self.generated: str | None = generated.key if generated is not None else None
        self.defaults = {
            column.key: default_of(column) for column in self.table.columns if column.key != self.generated
        }
        self.insert = Prepared(insert(self.table), self.defaults)

    def find(self, session: TenantSession, key: tuple[Any, ...]) -> Any:
        """The object that the session has by a key already, if it has."""
        return session.identity_map.get((self.mapped, key, None))

    def load(self, session: TenantSession, values: Sequence[Any], *, anew: bool = False) -> Any:
        """The object of a row: the session's, if it has it already. None for an outer join that has found nothing."""
        key = tuple([values[place] for place in self.places])
        if key[0] is None:
            return None
        identity = (self.mapped, key, None)
        instance = session.identity_map.get(identity)
        if instance is None:
            instance = self.make()
            instance.__dict__.update(zip(self.names, values, strict=True))
            if self.owner is not None and values[self.owner] != session.tenant_id:
                check_instance(instance, session.tenant_id)
            # What the session does with an object that it has read.
            state = instance_state(instance)
            state.key, state.session_id = identity, session.hash_key
            session.identity_map.add(state)
        elif anew:
            for name, value in zip(self.names, values, strict=True):
                set_committed_value(instance, name, value)
        return instance

    def complete(self, instance: Any) -> dict[str, Any]:
        """The row of a new object, which gets the defaults of what it has not been given."""
        given = instance.__dict__
        row = self.fill(given)
        for name in row.keys() - given.keys():
            set_committed_value(instance, name, row[name])
        return row

    def fill(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """A whole new row, of which these values are given."""
        return {name: given[name] if name in given else make() for name, make in self.defaults.items()}


def default_of(column: Column[Any]) -> Callable[[], Any]:
    """What makes the value of a column that is not given one."""
    default: Any = column.default
    if default is None:
        return lambda: None
    return (lambda: default.arg(None)) if default.is_callable else lambda: default.arg


@cache
def table_info_of(model: Any) -> TableInfo:
    """What is known of a model's table, which is looked at once."""
    return TableInfo(model)


def info_of(instance: Any) -> TableInfo:
    """What is known of the table that an object is a row of."""
    model: Any = type(instance)
    return table_info_of(model)


@cache
def update_of(model: Any, names: tuple[str, ...]) -> Prepared:
    """The statement that changes some columns of one row, which is found by its key and its tenant."""
    info = table_info_of(model)
    key = {*info.key, *({"tenant_id"} & set(info.names))}
    found = update(info.table).where(*(info.table.c[name] == bindparam(f"key_{name}") for name in sorted(key)))
    named = [*(f"key_{name}" for name in key), *(f"new_{name}" for name in names)]
    return Prepared(found.values({name: bindparam(f"new_{name}") for name in names}), named)


def flush_and_connect(session: TenantSession) -> Connection:
    """Write what waits to be flushed, and give the connection. Raises TenantScopeError for a session that counts."""
    if session.info.get("counting"):
        raise TenantScopeError("a session that counts has statements of its own")
    if session.autoflush:
        session.flush()
    return session.tell_database()


def own_instance(session: TenantSession, instance: Any) -> None:
    """A new object is of the session's tenant. Raises TenantScopeError for one that is another's."""
    if isinstance(instance, Tenanted) and instance.__dict__.get("tenant_id") is None:
        instance.tenant_id = session.tenant_id
    check_instance(instance, session.tenant_id)


def insert_object(session: TenantSession, instance: Any) -> None:
    """Write the row of a new object. It is the session's afterwards."""
    connection = flush_and_connect(session)
    model: Any = type(instance)
    info = table_info_of(model)
    own_instance(session, instance)
    written = info.insert.execute(connection, info.complete(instance))
    if info.generated is not None:
        set_committed_value(instance, info.generated, written.added)
    make_transient_to_detached(instance)
    session.add(instance)


def insert_rows(session: TenantSession, model: Any, rows: list[dict[str, Any]]) -> None:
    """Write rows of this tenant that nobody needs as objects."""
    connection = flush_and_connect(session)
    table_info_of(model).insert.execute_each(connection, fill_rows(session, model, rows))


def fill_rows(session: TenantSession, model: Any, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Whole new rows of this tenant. Raises TenantScopeError where there is none."""
    if session.tenant_id is None:
        raise TenantScopeError(f"rows of {model.__name__} belong to a tenant, and this session has none")
    info = table_info_of(model)
    return [info.fill({**row, "tenant_id": session.tenant_id}) for row in rows]


def check_change(session: TenantSession, instance: Any, values: dict[str, Any]) -> dict[str, Any]:
    """The parameters of a change of an object's attributes. Raises TenantScopeError for what is another tenant's, and
    TypeError for what is changed under a lock and a version alone."""
    if instance.guarded:
        raise TypeError(f"a row of {type(instance).__name__} is changed by statements that check what they rely on")
    check_instance(instance, session.tenant_id)
    info = info_of(instance)
    parameters = {f"new_{name}": value for name, value in values.items()}
    return parameters | {f"key_{name}": instance.__dict__[name] for name in {*info.key, "tenant_id"} & {*info.names}}


def change_row(session: TenantSession, instance: Any, values: dict[str, Any]) -> None:
    """Write some attributes of an object of the session. Raises StaleDataError when its row is gone."""
    connection = flush_and_connect(session)
    parameters = check_change(session, instance, values)
    model: Any = type(instance)
    info = table_info_of(model)
    if update_of(model, tuple(values)).execute(connection, parameters).changed != 1:
        raise StaleDataError(f"a row of {info.table.name} is gone")
    for name, value in values.items():
        set_committed_value(instance, name, value)
