"""How fast one person may write and search, over HTTP."""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta

import httpx

from app.web.texts import speak
from tests.conftest import Server


async def write_until_refused(
    client: httpx.AsyncClient, text: str, path: str = "/chat/general", **headers: str
) -> tuple[int, httpx.Response]:
    """How many messages were taken, and the answer to the one that was not. Time goes on meanwhile, and lets some
    more through."""
    for number in range(1000):
        form = {"text": f"{text} {number}", "key": f"{text} {number}"}
        answer = await client.post(path, data=form, headers=headers)
        if answer.status_code == 429:
            return number, answer
        assert answer.status_code in (200, 303)
    raise AssertionError("nobody was too fast")


async def test_who_writes_too_fast_is_told_and_others_write_on(server: Server) -> None:
    async with (
        aclosing(await server.sign_in("acme", "ana@acme.test")) as ana,
        aclosing(await server.sign_in("acme", "carla@acme.test")) as carla,
    ):
        taken, answer = await write_until_refused(ana, "Fast", **{"x-page": "1"})
        assert taken >= 300
        assert answer.text == "That was too fast. Wait a moment, then send it again."
        assert 1 <= int(answer.headers["retry-after"]) <= 60
        taken, page = await write_until_refused(ana, "Kept in its box")
        assert "That was too fast." in page.text
        assert f">Kept in its box {taken}</textarea>" in page.text
        assert 1 <= int(page.headers["retry-after"]) <= 60
        taken, page = await write_until_refused(ana, "Kept there", "/discussion/record-1")
        assert f">Kept there {taken}</textarea>" in page.text
        assert 1 <= int(page.headers["retry-after"]) <= 60
        changed = await ana.post("/chat/general/messages/7/edit", data={"text": "Fast 0, mended"})
        assert changed.status_code == 303
        said = await carla.post("/chat/general", data={"text": "Slow", "key": "slow"})
        assert said.status_code == 303


async def search_until_refused(client: httpx.AsyncClient, **headers: str) -> tuple[int, httpx.Response]:
    """How often a search was answered, and the answer to the one that was not."""
    for number in range(1000):
        answer = await client.get("/chat/search", params={"q": "word"}, headers=headers)
        if answer.status_code == 429:
            return number, answer
        assert answer.status_code == 200
    raise AssertionError("nobody searched too often")


async def test_who_searches_without_end_is_told_to_wait_and_others_search_on(server: Server) -> None:
    async with (
        aclosing(await server.sign_in("acme", "ana@acme.test")) as ana,
        aclosing(await server.sign_in("acme", "carla@acme.test")) as carla,
    ):
        answered, page = await search_until_refused(ana)
        assert answered >= 60
        assert 1 <= int(page.headers["retry-after"]) <= 60
        assert "You have searched too often." in page.text
        assert "</html>" in page.text
        _, called = await search_until_refused(ana, **{"x-page": "1"})
        wait = timedelta(seconds=int(called.headers["retry-after"]))
        assert called.text == f"You have searched too often. Wait {speak(wait, 'en')}, then try again."
        assert (await ana.get("/chat/search")).status_code == 200, "the empty page searches for nothing"
        assert (await carla.get("/chat/search", params={"q": "word"})).status_code == 200
