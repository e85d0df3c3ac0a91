"""A request's transaction ends with its answer, whatever the request comes to."""

from __future__ import annotations

import gc
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import text

from app.accounts import access
from app.database import Database, Transaction
from app.database.fairness import FairTurns
from app.demo import PASSWORD
from app.features import open_database
from app.server.asgi import create_app
from tests.databases import Store
from tests.test_isolation import SETTINGS

HOST = f"acme.{SETTINGS.base_host}"


@pytest.fixture(autouse=True)
def _uncollected() -> Iterator[None]:
    """What is forgotten stays: the garbage collector, which might put it right, does not come by."""
    gc.disable()
    yield
    gc.enable()


@pytest.fixture
async def made(store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Any, Database]]:
    """The program, and the database that it uses."""
    database = open_database(store.url)
    monkeypatch.setattr("app.server.asgi.open_database", lambda _: database)
    yield create_app(replace(SETTINGS, database_url=store.url, data_dir=tmp_path)), database
    await database.close()


async def ask_what_is_not_there(transaction: Transaction, _: str | None) -> None:
    """Fail as the database does when it can't."""
    await (await transaction.connection()).execute(text("SELECT * FROM nothing"))


async def test_a_request_that_fails_before_its_page_is_reached_keeps_no_turn(
    made: tuple[Any, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    application, database = made
    places = database.to_write.free
    origin = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}", headers=origin) as client:
        signed_in = await client.post("/login", data={"email": "ana@acme.test", "password": PASSWORD})
        cookie = {"cookie": signed_in.headers.get_list("set-cookie")[0].partition(";")[0]}
        client.cookies.clear()
        with monkeypatch.context() as patch:
            patch.setattr(access, "find_session", ask_what_is_not_there)
            for method, path in (("POST", "/c/books/new"), ("GET", "/c/books"), ("POST", "/chat/general")):
                failed = await client.request(method, path, headers=cookie)
                assert failed.status_code in (500, 503)
                assert (database.to_write.free, database.writing) == (places, 0)
        posted = await client.post("/chat/general", data={"text": "On", "key": "on"}, headers=cookie)
        assert posted.status_code == 303


async def test_whatever_is_asked_of_a_workspace_waits_in_its_line(
    made: tuple[Any, Database], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what does not know yet whose it is: a sign-in, a program's token."""
    application, _ = made
    lines: list[object] = []
    enter = FairTurns.enter

    async def note_and_enter(turns: FairTurns, whose: object, seconds: float) -> Any:
        lines.append(whose)
        return await enter(turns, whose, seconds)

    monkeypatch.setattr(FairTurns, "enter", note_and_enter)
    origin = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin"}
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}", headers=origin) as client:
        await client.post("/login", data={"email": "ana@acme.test", "password": PASSWORD})
        asked = (
            *(("GET", path) for path in ("/", "/c/books", "/join?token=x", "/password?token=x", "/login")),
            *(("POST", path) for path in ("/c/books/new", "/chat/general", "/password", "/join", "/logout")),
            *((method, "/api/v1/collections") for method in ("GET", "POST", "OPTIONS")),
        )
        for method, path in asked:
            await client.request(method, path, headers={"authorization": f"Bearer mut_{'x' * 49}"})
    assert len(lines) > len(asked)
    assert set(lines) == {"acme"}
