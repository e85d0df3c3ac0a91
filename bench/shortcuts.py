"""What each shortcut past a library earns: requests with it and without, in turn, in milliseconds of the processor.

    TEST_DATABASE=postgresql TIMES=200 python bench/shortcuts.py [SHORTCUT…]

asks the program in this process, without a network, and prints for each shortcut and request what a quarter of them
stay under with it and without it, and how much more a request takes without. What goes past SQLAlchemy is compared
with SQLAlchemy at its best: statements that are made and confined once. `nothing` shows the machine's noise.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager, AsyncExitStack, nullcontext
from functools import cache, partial
from pathlib import Path
from typing import Any
from unittest import mock
from urllib.parse import urlencode

import structlog
from jinja2 import Environment
from jinja2.compiler import CodeGenerator
from sqlalchemy import event
from sqlalchemy.orm import ORMExecuteState

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from app.accounts.members import find_member  # noqa: E402
from app.accounts.sessions import add_session  # noqa: E402
from app.chat.limits import Pace, WritingLimit  # noqa: E402
from app.database import PreparedSelect, tenancy, transaction  # noqa: E402
from app.database.fast import inline, joined, queries  # noqa: E402
from app.database.fast.compiled import StatementResult  # noqa: E402
from app.database.fast.prepared import Prepared  # noqa: E402
from app.database.fast.rows import flush_and_connect  # noqa: E402
from app.features import open_database  # noqa: E402
from app.server.asgi import create_app  # noqa: E402
from app.server.gate import Gate  # noqa: E402
from app.settings import read_settings  # noqa: E402
from app.web import templates  # noqa: E402
from app.web.fast import late_arguments  # noqa: E402
from app.web.fast.compiled_templates import Constants, OneLanguage  # noqa: E402
from tests.databases import make_seed  # noqa: E402

TIMES = int(os.environ.get("TIMES", "60"))
HOST = "acme.hero.localhost"
REQUESTS = {
    "start": ("GET", "/"),
    "list": ("GET", "/c/books"),
    "record": ("GET", "/c/books/1"),
    "room": ("GET", "/chat/general"),
    "message": ("POST", "/chat/general"),
}


def execute_by_sqlalchemy(self: Prepared, connection: Any, parameters: dict[str, Any]) -> StatementResult:
    """What `Prepared.execute` does, by SQLAlchemy Core."""
    result = connection.execute(self.statement, parameters)
    if self.statement.is_insert:
        return StatementResult(added=result.inserted_primary_key[0])
    if result.returns_rows:
        return StatementResult(result.all())
    return StatementResult(changed=result.rowcount)


def execute_each_by_sqlalchemy(self: Prepared, connection: Any, values: Any) -> None:
    """What `Prepared.execute_each` does."""
    if values:
        connection.execute(self.statement, values)


def wait_for_it(*_: Any) -> None:
    """Do nothing at once."""


@cache
def confined_of(prepared: PreparedSelect[*tuple[Any, ...]]) -> Any:
    """The select of a prepared one for the ORM, confined once."""
    return prepared.statement.options(*queries.CRITERIA).execution_options(confined=True)


async def read_by_orm(self: Any, prepared: Any, **parameters: Any) -> list[tuple[Any, ...]]:
    """What `Transaction.rows` does, by the ORM."""

    def read(_: Any) -> list[tuple[Any, ...]]:
        session = self.sync_session
        flush_and_connect(session)
        confined = session.tenant_id is not None
        statement = confined_of(prepared) if confined else prepared.statement
        given = {**parameters, "confined_to": session.tenant_id} if confined else parameters
        return [tuple(row) for row in session.execute(statement, given)]

    return list(await self.run_sync(read))


def insert_by_orm(session: Any, instance: Any) -> None:
    """What `insert_object` does."""
    session.add(instance)
    session.flush()


def insert_rows_by_orm(session: Any, model: Any, values: list[dict[str, Any]]) -> None:
    """What `insert_rows` does."""
    session.add_all([model(**each) for each in values])
    session.flush()


def change_by_orm(session: Any, instance: Any, values: dict[str, Any]) -> None:
    """What `change_row` does."""
    for name, value in values.items():
        setattr(instance, name, value)
    session.flush()


def write_by_orm(session: Any, parts: Any) -> None:
    """What `write_together` does."""
    with mock.patch.multiple(
        joined, insert_object=insert_by_orm, insert_rows=insert_rows_by_orm, change_row=change_by_orm
    ):
        joined.write_in_turn(session, parts)


def confine_unless_confined(state: ORMExecuteState) -> None:
    """The first wall, but for statements that have it already."""
    if not state.execution_options.get("confined"):
        tenancy.confine(state)


def without_preparing() -> AbstractContextManager[Any]:
    """Statements that are executed by SQLAlchemy."""
    return mock.patch.multiple(
        Prepared,
        execute=execute_by_sqlalchemy,
        execute_each=execute_each_by_sqlalchemy,
        execute_at_once=wait_for_it,
    )


def without_haste() -> AbstractContextManager[Any]:
    """Statements that are waited for in a greenlet, each of them."""
    return mock.patch.object(queries.PreparedStatement, "execute_at_once", wait_for_it)


def without_joining() -> AbstractContextManager[Any]:
    """A trip for each table that is written."""
    return mock.patch.object(transaction, "write_together", joined.write_in_turn)


def in_turn() -> AbstractContextManager[Any]:
    """A trip for each select of a page."""

    async def run(self: Any, *parts: Any) -> list[Any]:
        return [await part for part in parts]

    return mock.patch.object(transaction.Transaction, "together", run)


@cache
def bind_limits(words: str) -> tuple[str, list[tuple[int, int]]]:
    """A statement whose limits are parameters, and these with their places among all."""
    found = list(re.finditer(r"LIMIT (\d+)", words))
    places = [(words[: each.start()].count("?") + number, int(each[1])) for number, each in enumerate(found)]
    return re.sub(r"LIMIT \d+", "LIMIT ?", words), places


run_now = inline.InlineConnection.run_now


def run_with_bound_limits(self: Any, operation: str, parameters: tuple[Any, ...]) -> Any:
    """What `InlineConnection.run_now` does, with limits as parameters."""
    words, places = bind_limits(operation)
    values = list(parameters)
    for place, limit in places:
        values.insert(place, limit)
    return run_now(self, words, tuple(values))


def without_limits() -> AbstractContextManager[Any]:
    """Selects whose limits are parameters."""
    return mock.patch.object(inline.InlineConnection, "run_now", run_with_bound_limits)


class WithoutRows:
    """Rows that are read and written by the ORM."""

    def __enter__(self) -> None:
        self.patches = [
            mock.patch.object(transaction.Transaction, "rows", read_by_orm),
            mock.patch.multiple(
                transaction,
                insert_object=insert_by_orm,
                insert_rows=insert_rows_by_orm,
                change_row=change_by_orm,
                write_together=write_by_orm,
            ),
        ]
        for each in self.patches:
            each.start()

    def __exit__(self, *_: object) -> None:
        for each in self.patches:
            each.stop()


@cache
def plain_environment(language: str) -> Any:
    """Templates that ask for each text, address and part when they are rendered, and write values as Jinja does."""
    name = f"{Constants.__module__}.{Constants.__qualname__}"
    with (
        mock.patch.object(Constants, "filter_stream", lambda self, stream: stream),
        mock.patch.multiple(OneLanguage, _parse=Environment._parse, code_generator_class=CodeGenerator),
    ):
        made = templates.environment.__wrapped__(language)
        for each in made.list_templates(["html", "txt", "css"]):
            made.get_template(each)
    assert name in made.extensions
    return made


class Asked:
    """The program in this process, as one member asks it."""

    def __init__(self, gate: Gate, token: str) -> None:
        self.gate = gate
        self.token = token

    async def ask(self, method: str, path: str) -> float:
        """The milliseconds of the processor that a request takes."""
        form = {"text": "A plain message", "key": secrets.token_urlsafe(8)} if method == "POST" else {}
        body = urlencode(form).encode()
        headers = {
            "host": HOST,
            "origin": f"http://{HOST}",
            "cookie": f"session={self.token}",
            "accept": "text/html",
            "content-type": "application/x-www-form-urlencoded",
            "content-length": str(len(body)),
        }
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
        }
        sent: list[Any] = []

        async def receive() -> dict[str, Any]:
            return {"type": "http.request", "body": body, "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        started = time.process_time()
        await self.gate(scope, receive, send)
        took = (time.process_time() - started) * 1000
        assert sent[0]["status"] == (303 if method == "POST" else 200), sent
        return took


async def compare(name: str, base: Asked, change: Asked, without: Callable[[], AbstractContextManager[Any]]) -> None:
    """Print what requests take with a shortcut and without it."""
    for kind, (method, path) in REQUESTS.items():
        took: dict[str, list[float]] = {"with": [], "without": []}
        for number in range(TIMES + 3):
            for which, asked, state in (("with", base, nullcontext), ("without", change, without)):
                with state():
                    milliseconds = await asked.ask(method, path)
                if number >= 3:
                    took[which].append(milliseconds)
        short, long = (statistics.quantiles(each, n=4)[0] for each in took.values())
        print(f"{name:12} {kind:8} {short:6.2f} {long:6.2f}  {long / short - 1:+.0%}", flush=True)


def connect_as_ever(*_: Any, reads: bool) -> None:
    """Leave it to SQLAlchemy."""


async def count_nothing(*_: Any) -> Pace:
    """No limit on how many messages somebody posts."""
    return Pace(None, 1)


async def main() -> None:
    """Measure."""
    WritingLimit.count = count_nothing  # type: ignore[method-assign]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    event.remove(tenancy.TenantSession, "do_orm_execute", tenancy.confine)
    event.listen(tenancy.TenantSession, "do_orm_execute", confine_unless_confined)
    with tempfile.TemporaryDirectory() as directory:
        seed = await make_seed(Path(directory))
        database = open_database(seed.url)
        async with database.write(1) as written:
            ana = await find_member(written, "ana@acme.test")
            assert ana is not None
            token = await add_session(written, ana, address="192.0.2.1", agent="")
        await database.close()
        environment = {"DATA_DIR": directory, "BASE_URL": "http://hero.localhost", **seed.environment}
        settings = read_settings(environment)
        patches: dict[str, Any] = {
            "base": nullcontext(),
            "inline": mock.patch.object(inline, "connect", connect_as_ever),
            "in turn": mock.patch.object(late_arguments, "resolve_in_turn", return_value=None),
        }
        asked = {}
        async with AsyncExitStack() as stack:
            for name, patch in patches.items():
                with patch:
                    gate = create_app(settings)
                await stack.enter_async_context(gate.sites.workspace.lifespan())  # type: ignore[attr-defined]
                asked[name] = Asked(gate, str(token))
            base = asked["base"]
            plain = partial(mock.patch.object, templates, "environment", plain_environment)
            plain_environment("en")
            print("shortcut     request    with   without   (ms of the processor, first quartile)")
            without: dict[str, tuple[Asked, Callable[[], AbstractContextManager[Any]]]] = {
                "nothing": (base, nullcontext),
                "rows": (base, WithoutRows),
                "prepared": (base, without_preparing),
                "at once": (base, without_haste),
                "limits": (base, without_limits),
                "together": (base, without_joining),
                "side by side": (base, in_turn),
                "inline": (asked["inline"], nullcontext),
                "in turn": (asked["in turn"], nullcontext),
                "compiled": (base, plain),
            }
            for name in sys.argv[1:] or without:
                await compare(name, base, *without[name])
        seed.drop()


if __name__ == "__main__":
    asyncio.run(main())
