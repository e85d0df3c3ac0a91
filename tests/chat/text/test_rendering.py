"""What is typed is rendered before its transaction, and once more only where what it refers to has changed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.accounts.mentions import OPEN
from app.chat.limits import Pace, TooFast
from app.chat.memberships import get_room
from app.chat.messages import Message
from app.chat.posting import post_message
from app.chat.text.markdown import Rendered
from app.chat.text.rendering import LONGEST_MESSAGE, SHORT, prepare_text, render_aside
from app.database import Database
from app.database.engine import check_holds_no_writer
from app.demo import PASSWORD
from app.server.asgi import create_app
from tests.chat.test_messages import ACME, people_of
from tests.databases import Store
from tests.test_isolation import SETTINGS

HOST = f"acme.{SETTINGS.base_host}"
LONG = "*Long*, for @Bruno, of #1 and http://example.org/ " * 4


@pytest.fixture
def rendered(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that were rendered."""
    texts: list[str] = []

    async def count(text: str, **options: Any) -> Rendered:
        texts.append(text)
        return await render_aside(text, **options)

    monkeypatch.setattr("app.chat.text.rendering.render_aside", count)
    return texts


@pytest.fixture
async def ana(
    database: Database, store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[httpx.AsyncClient]:
    """Ana's browser, and the program in this process."""
    monkeypatch.setattr("app.server.asgi.open_database", lambda _: database)
    application = create_app(replace(SETTINGS, database_url=store.url, data_dir=tmp_path))
    headers = {"origin": f"http://{HOST}", "sec-fetch-site": "same-origin", "x-page": "1"}
    transport = httpx.ASGITransport(app=application)
    async with httpx.AsyncClient(transport=transport, base_url=f"http://{HOST}", headers=headers) as client:
        await client.post("/login", data={"email": "ana@acme.test", "password": PASSWORD})
        yield client


@pytest.mark.parametrize("path", ["/chat/general", "/discussion/record-1", "/chat/general/messages/{number}/edit"])
async def test_no_long_text_is_rendered_while_others_wait_to_write(
    ana: httpx.AsyncClient, monkeypatch: pytest.MonkeyPatch, path: str
) -> None:
    posted = (await ana.post("/chat/general", data={"text": "Short", "key": "short"})).json()

    async def render_alone(text: str, **options: Any) -> Rendered:
        check_holds_no_writer()
        return await render_aside(text, **options)

    monkeypatch.setattr("app.chat.text.rendering.render_aside", render_alone)
    path = path.format(number=posted["number"])
    answer = await ana.post(path, data={"text": LONG, "key": "long"})
    assert answer.status_code in (200, 204), answer.text
    shown = await ana.get("/c/books/1" if "discussion" in path else "/chat/general")
    assert "<em>Long</em>" in shown.text


async def test_what_was_rendered_before_is_taken_as_long_as_it_is_true(database: Database, rendered: list[str]) -> None:
    text = LONG.strip()
    prepared = await prepare_text(database, Pace(None, ACME), text, "")
    assert rendered == [text]
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await get_room(transaction, people.ana, "general")
        await post_message(transaction, room, people.ana, key="one", text=prepared)
        assert rendered == [text]
        people.bruno.name = "Somebody else"
        await transaction.flush()
        await post_message(transaction, room, people.ana, key="two", text=prepared)
        assert rendered == [text, text], "Bruno is called something else by now"
    async with database.read(ACME) as transaction:
        two, one = (await transaction.scalars(select(Message).order_by(Message.id.desc()).limit(2))).all()
        assert [OPEN in each.text for each in (one, two)] == [True, False]


@pytest.mark.parametrize(
    "pace", [Pace(None), Pace(TooFast(2.5), ACME)], ids=["who is not signed in", "who is too fast"]
)
async def test_nothing_is_rendered_for_who_may_not_write(database: Database, rendered: list[str], pace: Pace) -> None:
    await prepare_text(database, pace, LONG, "")
    assert rendered == []


@pytest.mark.parametrize("length", [1, SHORT, LONGEST_MESSAGE + 1])
async def test_nothing_is_rendered_before_that_takes_no_time_or_is_refused(
    database: Database, rendered: list[str], length: int
) -> None:
    await prepare_text(database, Pace(None, ACME), "*" * length, "")
    assert rendered == []
