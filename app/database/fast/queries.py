"""Statements that are made, confined and compiled once, and executed by every request.

Made anew each time, a statement takes SQLAlchemy longer than SQLite takes to answer it, and the wall between tenants
(tenancy.py) is put around it each time. The wall is the same here: statements are confined by the same criteria.

Earns: 53 % of a message's time of the processor on SQLite, 29 on PostgreSQL, and 27 to 51 % of a page's, over the ORM
with statements that are made and confined once (measured by bench/shortcuts.py on 2026-11-29).

Written against: SQLAlchemy 2.1.9.

Tested by: tests/database/fast/test_queries.py.

Used by: database/__init__.py, database/by_key.py, database/fast/side_by_side.py, database/leases.py,
database/transaction.py.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, Generic, TypeVar, TypeVarTuple

from sqlalchemy import BindParameter, Delete, Select, Table, Update, bindparam
from sqlalchemy.orm import with_loader_criteria
from sqlalchemy.sql import visitors

from app.database.fast.compiled import StatementResult
from app.database.fast.inline import InlineConnection
from app.database.fast.prepared import Prepared
from app.database.fast.rows import TableInfo, flush_and_connect, table_info_of
from app.database.tenancy import Tenant, Tenanted, TenantScopeError, TenantSession, check_counting, find_tenanted

Found = TypeVarTuple("Found")
Repeated = TypeVar("Repeated")

# As `criteria_of` in tenancy.py, with the tenant's number as a parameter, so that one statement does for all.
CRITERIA: Any = (
    with_loader_criteria(Tenanted, lambda model: model.tenant_id == bindparam("confined_to"), include_aliases=True),
    with_loader_criteria(Tenant, lambda model: model.id == bindparam("confined_to"), include_aliases=True),
)


class PreparedStatement:
    """A statement by `bindparam`s, made when it is needed first: no request makes one anew (tests/test_statements.py).

    What differs in more than values is a statement for each form, from a function that is `@cache`d.
    """

    inline = True

    def __init__(self, make: Callable[[], Any]) -> None:
        self.make = make

    @cached_property
    def statement(self) -> Any:
        """The statement, as it was written."""
        return self.make()

    @cached_property
    def executed(self) -> Any:
        """The statement, as it is executed."""
        return self.statement

    @cached_property
    def tenanted(self) -> str:
        """The first table of tenants that it names."""
        return find_tenanted(self.statement)

    @cached_property
    def prepared(self) -> Prepared:
        """It, for a session without a tenant."""
        return Prepared(self.executed, *name_parameters(self.statement), inline=self.inline)

    @cached_property
    def confined(self) -> Prepared:
        """It, for one tenant's rows."""
        names, lists = name_parameters(self.statement)
        return Prepared(self.executed.options(*CRITERIA), [*names, "confined_to"], lists, inline=self.inline)

    def execute(self, session: TenantSession, parameters: dict[str, Any]) -> StatementResult:
        """Execute it. Raises TenantScopeError where a tenant is needed and the session has none."""
        connection = flush_and_connect(session)
        if session.tenant_id is not None:
            return self.confined.execute(connection, {**parameters, "confined_to": session.tenant_id})
        if self.tenanted:
            raise TenantScopeError(f"{self.tenanted} belongs to tenants, and this session has none")
        return self.prepared.execute(connection, parameters)

    def execute_at_once(self, session: TenantSession, parameters: dict[str, Any]) -> StatementResult | None:
        """Execute it where nothing has to be waited for; None where it has, as the database is elsewhere, say.

        What is waited for runs in a greenlet, and making one takes longer than SQLite takes for a row.
        """
        straight = straight_of(session)
        if straight is None:
            return None
        return self.confined.execute_at_once(straight, {**parameters, "confined_to": session.tenant_id})


class PreparedSelect(PreparedStatement, Generic[*Found]):
    """A select of whole objects and columns. With `anew`, objects that the session has already are what their rows are
    now. One that may look through `many` rows is executed beside the event loop."""

    def __init__(self, make: Callable[[], Select[*Found]], *, anew: bool = False, many: bool = False) -> None:
        super().__init__(make)
        self.anew = anew
        self.inline = not many

    @cached_property
    def parts(self) -> list[TableInfo | None]:
        """What is known of each thing that a row has, if it is an object."""
        return [
            table_info_of(each["entity"]) if each["expr"] is each["entity"] else None
            for each in self.statement.column_descriptions
        ]

    @cached_property
    def plain(self) -> bool:
        """Whether rows have no objects."""
        return not any(self.parts)

    @cached_property
    def single(self) -> TableInfo | None:
        """What is known of the one kind of object of which it is."""
        return self.parts[0] if len(self.parts) == 1 else None

    @cached_property
    def executed(self) -> Any:
        """The select, of single columns."""
        if self.plain:
            return self.statement
        columns: list[Any] = []
        for each, info in zip(self.statement.column_descriptions, self.parts, strict=True):
            columns += [getattr(each["entity"], name) for name in info.names] if info else [each["expr"]]
        return self.statement.with_only_columns(*columns, maintain_column_froms=True)

    @cached_property
    def counted(self) -> Prepared:
        """It, for a session that counts. Raises TenantScopeError for one that does more than count."""
        check_counting(self.statement)
        return self.prepared

    def execute(self, session: TenantSession, parameters: dict[str, Any]) -> StatementResult:
        """Execute it. Raises TenantScopeError where a tenant is needed and the session has none."""
        if session.info.get("counting"):
            return self.counted.execute(session.tell_database(), parameters)
        return super().execute(session, parameters)

    def load(self, session: TenantSession, found: StatementResult) -> Sequence[tuple[*Found]]:
        """The objects and values of each row that was found."""
        rows: Any = found.rows
        if self.plain:
            loaded = rows
        elif self.single is not None:
            loaded = [(self.single.load(session, row, anew=self.anew),) for row in rows]
        else:
            loaded = [self.load_row(session, row) for row in rows]
        return loaded  # type: ignore[no-any-return]

    def load_row(self, session: TenantSession, row: Sequence[Any]) -> Any:
        """The objects and values of a row."""
        found: list[Any] = []
        place = 0
        for info in self.parts:
            if info is None:
                found.append(row[place])
                place += 1
            else:
                found.append(info.load(session, row[place : place + len(info.names)], anew=self.anew))
                place += len(info.names)
        return tuple(found)


class PreparedChange(PreparedStatement):
    """An update or a delete of rows. Objects that are at hand are not told.

    A parameter has another name than a column that the update writes. One that may change `many` rows is executed
    beside the event loop: it can't be interrupted, as that would undo the whole transaction.
    """

    def __init__(self, make: Callable[[], Update | Delete], *, many: bool = False) -> None:
        super().__init__(make)
        self.inline = not many

    def execute_each(self, session: TenantSession, rows: Sequence[dict[str, Any]]) -> None:
        """Execute it with the values of each row. Raises TenantScopeError for a session without a tenant."""
        if session.tenant_id is None:
            raise TenantScopeError("what is changed row by row belongs to a tenant, and this session has none")
        connection = flush_and_connect(session)
        self.confined.execute_each(connection, [{**row, "confined_to": session.tenant_id} for row in rows])


class PreparedCopy(PreparedStatement):
    """An insert of a row for each that is found in another table of the same tenant, without bringing any here; but for
    those that are there already.

    `make` selects from that table alone, and names what it selects as the columns that it fills. It is executed beside
    the event loop.
    """

    def __init__(self, model: Any, make: Callable[[], Select[Any]]) -> None:
        super().__init__(make)
        self.model = model
        self.copies: dict[str, Any] = {}

    def copying(self, dialect: str) -> Any:
        """The insert, for a database of this name. Raises TenantScopeError where it could not be confined to one
        tenant, and TypeError for rows that are guarded."""
        if dialect in self.copies:
            return self.copies[dialect]
        if self.model.guarded:
            raise TypeError(f"{self.model.__name__} is guarded")
        tables = {each for each in visitors.iterate(self.statement) if isinstance(each, Table)}
        source = next(iter(tables))
        if len(tables) != 1 or "tenant_id" not in source.c:
            raise TenantScopeError("a copy is of one table of tenants")
        owner = bindparam("confined_to", type_=source.c.tenant_id.type)
        found = self.statement.where(source.c.tenant_id == owner).add_columns(owner.label("tenant_id"))
        columns, table = found.selected_columns.keys(), table_info_of(self.model).table
        insert = importlib.import_module(f"sqlalchemy.dialects.{dialect}").insert
        self.copies[dialect] = insert(table).from_select(columns, found).on_conflict_do_nothing()
        return self.copies[dialect]

    def execute(self, session: TenantSession, parameters: dict[str, Any]) -> StatementResult:
        """Execute it. Raises TenantScopeError for a session without a tenant."""
        if session.tenant_id is None:
            raise TenantScopeError("what is copied belongs to a tenant, and this session has none")
        connection = flush_and_connect(session)
        copying = self.copying(connection.dialect.name)
        result: Any = connection.execute(copying, {**parameters, "confined_to": session.tenant_id})
        return StatementResult(changed=result.rowcount)

    def execute_at_once(self, session: TenantSession, parameters: dict[str, Any]) -> StatementResult | None:
        """Never: it may write many rows."""
        return None


def straight_of(session: TenantSession) -> InlineConnection | None:
    """The connection of a session that is confined to a tenant, where its statements need not be waited for: SQLite is
    in this process, nothing waits to be flushed first, and no other statement is being executed."""
    rls_set = session.info.get("rls_set")
    if rls_set is None or session.info.get("counting") or rls_set[0] is not session.get_transaction():
        return None
    straight = rls_set[1].connection.dbapi_connection
    at_once = isinstance(straight, InlineConnection) and not straight.is_busy and session._is_clean()
    return straight if at_once else None


def fill_up(values: list[Repeated]) -> list[Repeated]:
    """Values with the last one so often that they are one, two, four or more: where a select has a criterion for each,
    few forms of it do for all."""
    wanted = 1 << (len(values) - 1).bit_length() if values else 0
    return values + values[-1:] * (wanted - len(values))


def name_parameters(statement: Any) -> tuple[list[str], list[str]]:
    """The parameters of a statement, and those of them that are lists."""
    binds = {
        each.key: each for each in visitors.iterate(statement) if isinstance(each, BindParameter) and each.required
    }
    return list(binds), [name for name, each in binds.items() if each.expanding]
