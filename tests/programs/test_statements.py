"""No call makes or compiles a statement that was made before."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from app.accounts.members import find_member
from app.accounts.program_tokens import WantedToken, make_program_token
from app.accounts.scopes import SCOPES
from app.database import Database
from app.features import open_database
from app.server.asgi import create_app
from tests.databases import Store
from tests.plenty import Plenty
from tests.programs.test_matrix import CALLS, VALUES, add_things
from tests.statements import noting_statements
from tests.test_isolation import SETTINGS
from tests.test_statements import STILL_MADE, TOLERATED, made, undoing  # noqa: F401  (a fixture)

ACME = 1
# Where somebody has something unread, it is counted for all at once: some more than are tolerated, however many.
MORE = {"POST /collections/{slug:str}/records/{number:int}/discussion/messages": 3, "PATCH /rooms/{slug:str}": 3}


def make_program(database: Database, store: Store, directory: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """The program over a database that is open already."""
    monkeypatch.setattr("app.server.asgi.open_database", lambda _: database)
    return create_app(replace(SETTINGS, database_url=store.url, data_dir=directory, secret_key="x" * 40))


def program_of(application: Any, secret: str) -> httpx.AsyncClient:
    """A client that shows a token."""
    return httpx.AsyncClient(
        transport=httpx.ASGITransport(app=application),
        base_url=f"http://acme.{SETTINGS.base_host}",
        headers={"authorization": f"Bearer {secret}"},
    )


async def test_no_call_makes_or_compiles_a_statement_that_was_made_before(
    store: Store,
    tmp_path: Path,
    made: Counter[str],  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = open_database(store.url)
    async with database.write(ACME) as transaction:
        ana = await find_member(transaction, "ana@acme.test")
        assert ana
        _, secret = await make_program_token(transaction, ana, WantedToken("nightly", list(SCOPES)))
    application = make_program(database, store, tmp_path, monkeypatch)
    found: dict[str, list[str]] = {}
    async with program_of(application, secret) as client:
        monkeypatch.setattr("tests.programs.test_matrix.VALUES", VALUES | await add_things(client))
        for call in CALLS:
            for _ in range(2):
                made.clear()
                with undoing():
                    answer = await call.make(client, 3)
                assert answer.status_code < 500, answer.text
            for maker in made:
                if not maker.startswith(STILL_MADE):
                    found.setdefault(maker, []).append(call.name)
    await database.close()
    assert found == {}, "\n".join(f"{maker}: {', '.join(calls)}" for maker, calls in sorted(found.items()))


async def test_a_call_takes_as_many_statements_for_a_hundred_of_everything_as_for_one(
    seeded: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    counted: list[dict[str, int]] = []
    for count in (1, 100):
        directory = tmp_path / str(count)
        directory.mkdir()
        store = seeded.copy_to(directory)
        database = open_database(store.url)
        async with database.write(ACME) as transaction:
            values, _ = await Plenty(transaction, count).fill()
            carla = await find_member(transaction, "carla@acme.test")
            assert carla
            _, secret = await make_program_token(transaction, carla, WantedToken("nightly", list(SCOPES)))
        application = make_program(database, store, directory, monkeypatch)
        async with program_of(application, secret) as client:
            found = {}
            for call in CALLS:
                with noting_statements() as asked, undoing():
                    place = {} if "/rooms/" in call.path else {"slug": values["slug"], "number": values["number"]}
                    answer = await call.make(client, **place)
                assert answer.status_code < 500, answer.text
                found[call.name] = len(asked)
            counted.append(found)
        await database.close()
        store.drop()
    few, many = counted
    grown = {name: (few[name], many[name]) for name in few if many[name] > few[name] + TOLERATED + MORE.get(name, 0)}
    assert grown == {}
