"""A transaction: one unit of work of one tenant, and what follows from it at its end."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any, Literal, Self, TypeVar

import structlog
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError, MultipleResultsFound, NoResultFound
from sqlalchemy.ext.asyncio import AsyncSession

from app.database import postgresql
from app.database.begun import note_begun, note_over
from app.database.by_key import select_by_ids, select_by_key, select_tenant
from app.database.facts import Actor, Fact, Facts, Followers, Partial, Showing
from app.database.fast import side_by_side
from app.database.fast.compiled import StatementResult
from app.database.fast.inline import InlineConnection
from app.database.fast.joined import WrittenPart, write_together
from app.database.fast.queries import Found, PreparedChange, PreparedSelect, PreparedStatement, straight_of
from app.database.fast.rows import change_row, insert_object, insert_rows, table_info_of
from app.database.steps import give_way
from app.database.tenancy import Tenant, Tenanted, TenantSession

Model = TypeVar("Model")
Value = TypeVar("Value")

log = structlog.get_logger("database")


def give_up(connections: list[Connection]) -> None:
    """Close connections that can't be used any more; the pool has others made."""
    for each in connections:
        if not each.closed:
            each.invalidate()
            each.close()


def ends_at_once(connection: Connection) -> bool:
    """Whether what a connection has begun is ended without waiting for anything."""
    if connection.closed or connection.invalidated:
        return False
    straight: Any = connection.connection.dbapi_connection
    return isinstance(straight, InlineConnection) and straight.ends_at_once


class Transaction(AsyncSession):
    """One unit of work: a session, the tenant it is confined to, who acts, and what is still to be done at its end.

    `partials` is what pages get of it so far, and `batch` what it has added to the log (`live/log.py`). `after_commit`
    is done when nothing can be undone any more, such as deleting a file. `due` says that it brings jobs or mails, so
    that who does them looks at once.
    """

    sync_session_class = TenantSession
    sync_session: TenantSession

    def __init__(self, *args: Any, writes: bool, followers: Followers, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.writes = writes
        self.due = False
        self.actor = Actor()
        self.facts = self.sync_session.info["facts"] = Facts(followers)
        self.after_commit: list[Callable[[], Awaitable[None]]] = []
        self.partials: list[Partial] = []
        self.batch: Any = None
        self._tenant: Tenant | None = None
        self._side_by_side = False

    async def __aenter__(self) -> Self:
        """Begin, and be known by the task that does."""
        self.begun_in = note_begun()
        return await super().__aenter__()

    async def __aexit__(self, *raised: Any) -> None:
        """End, and be known no more, whatever becomes of it.

        What was to be kept is by now, and what is still to be undone, the database undoes itself when it loses the
        connection. So a connection that is lost at the end takes away nothing that was read or kept, nor what went
        wrong before.
        """
        begun: Any = self.sync_session.get_transaction()
        connections = [each[0] for each in set(begun._connections.values())] if begun is not None else []
        try:
            if all(ends_at_once(each) for each in connections):
                self.sync_session.close()
            else:
                await super().__aexit__(*raised)
        except (DBAPIError, OSError) as error:  # TimeoutError is an OSError
            log.warning("a transaction's connection was lost at its end", reason=repr(error))
            await self.run_sync(lambda _: give_up(connections))
        finally:
            note_over(self.begun_in)

    @property
    def tenant(self) -> Tenant:
        """The tenant this transaction is confined to, as it was when it began."""
        if self._tenant is None:
            raise LookupError("this transaction has no tenant")
        return self._tenant

    async def find_tenant(self, name: Literal["id", "slug"], value: int | str) -> Tenant | None:
        """The workspace to enter, by its id or slug; a writing transaction has it for itself from here to its end.

        This lock is the first thing that a writing transaction takes, and the only one that it waits for: writers of
        a workspace come one after another, each sees all that the ones before have done, and no two wait for each
        other. SQLite has one writer at a time anyway.

        It is also the first thing that is asked of a connection, which may have died since it was used last, or have
        prepared it for a table that has changed: then it is asked once more.
        """
        behind_wall = self.get_bind().dialect.name == "postgresql"
        selected = select_tenant(name, locks=self.writes, behind_wall=behind_wall)
        try:
            found = await self.find(selected, value=value)
        except DBAPIError as error:
            if not error.connection_invalidated and not postgresql.is_stale_statement(error):
                raise
            await self.rollback()
            found = await self.find(selected, value=value)
        if found is None:
            return None
        if behind_wall:
            self.sync_session.note_rls_tenant(found[0].id)
        tenant: Tenant = found[0]
        return tenant

    def enter(self, tenant: Tenant) -> None:
        """Confine this transaction to one tenant, for good."""
        self.sync_session.enter(tenant.id)
        self._tenant = tenant

    def acting(self, member_id: int | None) -> Actor:
        """Who acts, where an operation is told which member it is: by the way in of this transaction."""
        return self.actor if self.actor.member_id == member_id else replace(self.actor, member_id=member_id)

    def note(self, fact: Fact) -> None:
        """Note what an operation has done, after the statement that did it has succeeded."""
        self.facts.note(fact)

    def show(self, *showings: Showing) -> None:
        """Note what pages are to be shown as it is at the end of this transaction."""
        for showing in showings:
            self.facts.show(showing)

    async def find_all(self, model: Any, ids: Iterable[int]) -> dict[int, Any]:
        """The rows of some ids, as far as they are there: those that are at hand without a statement, others in one."""
        info = table_info_of(model)
        known = {each: info.find(self.sync_session, (each,)) for each in ids}
        missing = [each for each, instance in known.items() if instance is None]
        if missing:
            known |= {row.id: row for (row,) in await self.rows(select_by_ids(model), ids=missing)}
        return {each: instance for each, instance in known.items() if instance is not None}

    async def get(self, entity: type[Model], ident: Any, **options: Any) -> Model | None:  # type: ignore[override]
        """The object with a primary key, without a statement where it is at hand. None if there is none."""
        if options:
            return await super().get(entity, ident, **options)
        model: Any = entity
        info = table_info_of(model)
        if isinstance(ident, dict):
            ident = tuple(ident[name] for name in info.key)
        key = ident if isinstance(ident, tuple) else (ident,)
        known: Model | None = info.find(self.sync_session, key)
        if known is not None:
            return known
        found = await self.find(select_by_key(model), **dict(zip(info.key, key, strict=True)))
        return found and found[0]

    async def get_one(self, entity: type[Model], ident: Any, **options: Any) -> Model:  # type: ignore[override]
        """Likewise. Raises NoResultFound if there is none."""
        found = await self.get(entity, ident, **options)
        if found is None:
            raise NoResultFound(f"there is no {entity.__name__} {ident}")
        return found

    def keep(self, *instances: object) -> None:
        """Hold objects to the end: the session forgets what nobody refers to, and would read it again."""
        self.info.setdefault("kept", []).extend(instances)

    async def find(self, prepared: PreparedSelect[*Found], **parameters: object) -> tuple[*Found] | None:
        """The objects of the one row that a prepared select finds, or None. Raises MultipleResultsFound."""
        rows = await self.rows(prepared, **parameters)
        if len(rows) > 1:
            raise MultipleResultsFound(f"{len(rows)} rows were found where there should be one")
        return rows[0] if rows else None

    async def rows(self, prepared: PreparedSelect[*Found], **parameters: object) -> Sequence[tuple[*Found]]:
        """The objects and columns of each row that a prepared select finds."""
        return prepared.load(self.sync_session, await self.apply(prepared, **parameters))

    async def column(self, prepared: PreparedSelect[Value], **parameters: object) -> list[Value]:
        """What each row has, where a prepared select is of one thing."""
        return [value for (value,) in await self.rows(prepared, **parameters)]

    async def value(self, prepared: PreparedSelect[Value], **parameters: object) -> Value | None:
        """What the first row has, likewise. None if there is none."""
        return next(iter(await self.column(prepared, **parameters)), None)

    async def apply(self, prepared: PreparedStatement, **parameters: object) -> StatementResult:
        """Execute a prepared statement, such as a change: how many rows it has changed, and what it returns of them."""
        done = prepared.execute_at_once(self.sync_session, parameters)
        if done is not None:
            await give_way()
        elif self._side_by_side and side_by_side.can_be_joined(prepared):
            (done,) = await side_by_side.Questions([(prepared, parameters)])
        if done is None:
            done = await self.run_sync(lambda _: prepared.execute(self.sync_session, parameters))
        return done

    async def together(self, *parts: Coroutine[Any, Any, Any]) -> list[Any]:
        """What some parts come to that only read, and know nothing of each other: what they need at the same time is
        read in one trip to a server (`database/fast/side_by_side.py`)."""
        if self.get_bind().dialect.name != "postgresql":
            return await side_by_side.run_in_turn(parts)
        if self._side_by_side:  # the parts of a part are read with the other parts
            return await side_by_side.run_side_by_side(parts, side_by_side.Questions)
        self._side_by_side = True
        try:
            return await side_by_side.run_side_by_side(parts, self._answer)
        finally:
            self._side_by_side = False

    async def _answer(self, questions: list[side_by_side.AskedSelect]) -> list[StatementResult]:
        return await self.run_sync(lambda _: side_by_side.execute_side_by_side(self.sync_session, questions))

    async def apply_each(self, prepared: PreparedChange, *rows: dict[str, Any]) -> None:
        """Execute a prepared change with the values of each row, in one trip to a database elsewhere."""
        if rows:
            await self.run_sync(lambda _: prepared.execute_each(self.sync_session, rows))

    async def insert(self, instance: object) -> None:
        """Write the row of a new object at once, in a third of the time that `add` and a flush take.

        It is the session's afterwards. What waits to be flushed is written first.
        """
        await self._write(insert_object, instance)

    async def insert_rows(self, model: type[Tenanted], *rows: dict[str, Any]) -> None:
        """Write rows that nobody needs as objects."""
        await self._write(insert_rows, model, list(rows))

    async def write_together(self, *parts: WrittenPart) -> None:
        """Write rows of several tables, in one statement where each is a trip to a server (`database/fast/joined.py`).
        What waits to be flushed is written first."""
        await self._write(write_together, parts)

    async def change(self, instance: object, **values: object) -> None:
        """Write some attributes of an object's row at once, likewise."""
        await self._write(change_row, instance, values)

    async def _write(self, work: Callable[..., None], *given: Any) -> None:
        """Write rows: at once where nothing has to be waited for, as making a greenlet takes as long as a row."""
        if straight_of(self.sync_session) is not None:
            work(self.sync_session, *given)
        else:
            await self.run_sync(lambda _: work(self.sync_session, *given))

    @property
    def cursor(self) -> int:
        """The workspace's cursor, with what this transaction would log if it ended now."""
        logged = sum(fact.log_entry is not None for fact in self.facts.noted)
        return self.tenant.cursor + logged + len(self.partials)

    async def settle(self) -> None:
        """Do what follows from what was done so far: a page that is made in this transaction shows it, and counts it.

        What is done after it follows at the end.
        """
        await self._follow()
        self.facts.open()

    async def complete(self) -> None:
        """Do what follows from what was done, in four steps: change rows, read what is shown of them, render it, and
        log it; then commit."""
        await self._follow()
        if self.facts.followers.log is not None and (self.facts.noted or self.partials):
            await self.facts.followers.log(self)
        await self.commit()

    async def _follow(self) -> None:
        await self.facts.follow(self)
        for render in await self.facts.read(self):
            self.partials.extend(render(self.tenant))
