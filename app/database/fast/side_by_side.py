"""What is read side by side: parts of a page that know nothing of each other, each with selects of its own.

The parts are coroutines. Each runs until it needs rows; what all of them need by then is one statement, and then each
goes on. So a page takes PostgreSQL as many trips as its longest part, and not as many as all parts together. On SQLite,
which is asked without a trip, one part comes after the other.

Earns: a quarter to a half of a page's time of the processor on PostgreSQL (bench/shortcuts.py on 2026-11-30).

Written against: SQLAlchemy 2.1.9, asyncpg 0.32.0.

Tested by: tests/database/fast/test_side_by_side.py.

Used by: database/transaction.py.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Coroutine, Generator, Sequence
from functools import lru_cache
from types import coroutine
from typing import Any, TypeGuard

from sqlalchemy import Connection

from app.database.fast.compiled import ForPostgresql, StatementResult
from app.database.fast.queries import PreparedSelect, PreparedStatement
from app.database.fast.rows import flush_and_connect
from app.database.tenancy import TenantSession

# A prepared select with its parameters.
AskedSelect = tuple[PreparedSelect[*tuple[Any, ...]], dict[str, Any]]
# More are not asked at once: their statement would be kept for few pages.
MOST_JOINED = 16


class Questions:
    """What a coroutine waits for: the answers to some questions, in their order."""

    def __init__(self, questions: list[AskedSelect]) -> None:
        self.questions = questions

    def __await__(self) -> Generator[Questions, list[StatementResult], list[StatementResult]]:
        return (yield self)


async def run_in_turn(parts: Sequence[Coroutine[Any, Any, Any]]) -> list[Any]:
    """Run some parts one after the other; what each has come to."""
    try:
        return [await part for part in parts]
    finally:
        for part in parts:  # those that were not begun
            part.close()


@coroutine
def run_side_by_side(
    parts: Sequence[Coroutine[Any, Any, Any]],
    answer: Callable[[list[AskedSelect]], Awaitable[list[StatementResult]]],
) -> Generator[Any, Any, list[Any]]:
    """Run some parts in this task until each has come to its end; what each has come to.

    What another one than the first raises is raised as it is, and all others end where they are.
    """
    ended: dict[int, Any] = {}
    going: list[tuple[int, Any]] = [(place, None) for place in range(len(parts))]
    try:
        while going:
            asked: list[tuple[int, list[AskedSelect]]] = []
            for place, given in going:
                wanted = yield from run_until_question(parts[place], given)
                if isinstance(wanted, Questions):
                    asked.append((place, wanted.questions))
                else:
                    ended[place] = wanted
            questions = [each for _, those in asked for each in those]
            answers = iter((yield from answer(questions).__await__()) if questions else ())
            going = [(place, [next(answers) for _ in those]) for place, those in asked]
    finally:
        for part in parts:
            part.close()
    return [ended[place] for place in range(len(parts))]


def run_until_question(part: Coroutine[Any, Any, Any], given: Any) -> Generator[Any, Any, Any]:
    """Run a part until it asks something, or to its end: what it asks, or has come to. Whatever else it waits for, this
    task waits for."""
    go_on: Callable[[Any], Any] = part.send
    while True:
        try:
            wanted = go_on(given)
        except StopIteration as end:
            return end.value
        if isinstance(wanted, Questions):
            return wanted
        try:
            given = yield wanted
            go_on = part.send
        except BaseException as error:  # it is the part's, which may be cancelled
            given, go_on = error, part.throw


def can_be_joined(prepared: PreparedStatement) -> TypeGuard[PreparedSelect[*tuple[Any, ...]]]:
    """Whether a statement can be part of another one: a select that locks no rows can."""
    return isinstance(prepared, PreparedSelect) and prepared.statement._for_update_arg is None


def execute_side_by_side(session: TenantSession, questions: Sequence[AskedSelect]) -> list[StatementResult]:
    """Execute selects for a session that is confined to a tenant, in one trip where the database is elsewhere; what
    several ask is asked once."""
    places: list[int] = []
    asked: list[AskedSelect] = []
    for each in questions:
        if each not in asked:
            asked.append(each)
        places.append(asked.index(each))
    if len(asked) == 1 or session.tenant_id is None:
        found = [prepared.execute(session, parameters) for prepared, parameters in asked]
    else:
        connection = flush_and_connect(session)
        found = []
        for first in range(0, len(asked), MOST_JOINED):
            found += execute_joined(session, connection, asked[first : first + MOST_JOINED])
    return [found[place] for place in places]


def execute_joined(
    session: TenantSession, connection: Connection, questions: Sequence[AskedSelect]
) -> list[StatementResult]:
    """Execute selects in one statement, but those of long lists, of which none is kept."""
    filled: list[tuple[ForPostgresql, tuple[Any, ...]]] = []
    for prepared, parameters in questions:
        parameters = {**parameters, "confined_to": session.tenant_id}
        lengths = prepared.confined.fill_lists(parameters)
        if lengths is None:
            return [each.execute(session, given) for each, given in questions]
        compiled = prepared.confined.compile_for_postgresql(lengths, connection.dialect)
        filled.append((compiled, compiled.encode_row(parameters)))
    joined = join_selects(tuple(compiled for compiled, _ in filled))
    values = tuple(value for _, given in filled for value in given)
    ((row,), _) = joined.fetch(connection, values)
    return [
        StatementResult([compiled.read(each) for each in rows], len(rows))
        for (compiled, _), rows in zip(filled, row, strict=True)
    ]


class JoinedSelects(ForPostgresql):
    """One select of several: the rows of each, as an array of records."""

    def __init__(self, selects: Sequence[ForPostgresql]) -> None:
        parts = []
        before = 0
        for place, each in enumerate(selects):
            words = count_parameters_from(before, each.words)
            parts.append(f"ARRAY(SELECT found_{place} FROM ({words}) AS found_{place})")  # noqa: S608  (compiled)
            before += len(each.constants)
        self.is_insert = False
        self.words = f"SELECT {', '.join(parts)}"


def count_parameters_from(first: int, words: str) -> str:
    """A statement in PostgreSQL's words whose parameters are counted from another number on."""
    return re.sub(r"\$(\d+)", lambda found: f"${int(found[1]) + first}", words)


@lru_cache(maxsize=1000)
def join_selects(selects: tuple[ForPostgresql, ...]) -> JoinedSelects:
    """The one select of several."""
    return JoinedSelects(selects)
