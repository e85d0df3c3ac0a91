"""What was typed and not saved can be read and copied, also where nobody can go on with it."""

from __future__ import annotations

import html
import re
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from tests.conftest import Server

WORDS = {"f1": "A title that was typed", "f7": "Two lines\r\nto be copied"}


def shown(answer: httpx.Response) -> str:
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


async def type_over(client: httpx.AsyncClient, number: int) -> None:
    """Begin to edit a record, type into it, and leave it."""
    edit = (await client.get(f"/c/books/{number}/edit")).text
    token = re.findall(r'name="lock-token" value="([^"]+)"', edit)[0]
    author = re.findall(r'id="field-f2"[^>]* value="([^"]+)"', edit)[0]
    typed = {"version": "1", "lock-token": token, "f2": html.unescape(author), **WORDS}
    assert (await client.post(f"/c/books/{number}/lock/release", data=typed)).status_code == 303


CLOSED: dict[str, tuple[str, dict[str, Any]]] = {
    "archived": ("/c/books/archive", {"archived": "yes"}),
    "in the bin": ("/c/books/5/delete", {"version": "1"}),
    "not theirs any more": ("/c/books/permissions", {"member-browse": "yes", "member-read": "yes"}),
}


@pytest.mark.parametrize("closed", CLOSED)
async def test_what_was_typed_over_a_record_can_be_read_when_it_cant_be_edited(server: Server, closed: str) -> None:
    async with (
        aclosing(server.let_in("acme", "ana@acme.test")) as ana,
        aclosing(server.let_in("acme", "carla@acme.test")) as carla,
    ):
        await type_over(carla, 5)
        path, form = CLOSED[closed]
        answer = await ana.post(path, data=form)
        assert answer.status_code == 303, answer.text
        assert 'href="/c/books/5/draft"' in shown(await carla.get("/c/books/5"))
        page = shown(await carla.get("/c/books/5/draft"))
        assert WORDS["f1"] in page
        assert "Two lines\nto be copied" in page.replace("\r\n", "\n")
        assert "<dt>Author</dt>" not in page, "what is saved anyway is not shown"
        assert (await ana.get("/c/books/5/draft")).headers["location"] == "/c/books/5", "it is another's"
        if closed != "in the bin":
            led = await carla.get("/c/books/5/edit")
            assert led.headers["location"] == "/c/books/5/draft"
            assert (await carla.get("/c/books/6/edit")).status_code == 403, "nothing was typed there"


async def test_what_was_typed_of_a_new_record_can_be_read_when_none_can_be_added(server: Server) -> None:
    async with (
        aclosing(server.let_in("acme", "ana@acme.test")) as ana,
        aclosing(server.let_in("acme", "carla@acme.test")) as carla,
    ):
        assert (await carla.post("/c/books/new/draft", data={"draft-version": "0", **WORDS})).status_code == 204
        assert (await ana.post("/c/books/archive", data={"archived": "yes"})).status_code == 303
        led = await carla.get("/c/books/new")
        assert led.headers["location"] == "/c/books/new/draft"
        assert WORDS["f1"] in shown(await carla.get("/c/books/new/draft"))
        assert (await ana.get("/c/books/new")).status_code == 403
        assert (await ana.get("/c/books/new/draft")).headers["location"] == "/c/books"
