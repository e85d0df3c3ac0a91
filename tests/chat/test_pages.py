"""Rooms' pages asked for what makes no sense: a clear answer, and never our fault."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest

from tests.conftest import Server

BEYOND = 2**63


@pytest.fixture
async def ana(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as client:
        yield client


@pytest.mark.parametrize("number", [BEYOND, 10**30])
@pytest.mark.parametrize(
    "path",
    ["/files/{}", "/files/{}/preview", "/chat/general/messages/{}/edit", "/chat/general/messages/{}/history"],
)
async def test_a_number_beyond_all_numbers_is_of_nothing(ana: httpx.AsyncClient, path: str, number: int) -> None:
    assert (await ana.get(path.format(number))).status_code == 404


@pytest.mark.parametrize("what", ["edit", "delete", "react"])
async def test_nothing_is_done_to_a_message_beyond_all_numbers(ana: httpx.AsyncClient, what: str) -> None:
    answer = await ana.post(f"/chat/general/messages/{BEYOND}/{what}", data={"text": "x", "emoji": "👍"})
    assert answer.status_code == 404


@pytest.mark.parametrize("query", ["at=99999", "after=9999", "before=1", "before=0", f"at={BEYOND}", "at=x", "at=-1"])
async def test_a_place_where_nothing_was_said_shows_what_is_nearest(ana: httpx.AsyncClient, query: str) -> None:
    answer = await ana.get(f"/chat/general?{query}")
    assert answer.status_code == 200
    assert 'class="message' in answer.text


async def test_an_empty_room_is_a_page(ana: httpx.AsyncClient) -> None:
    made = await ana.post("/chat/new", data={"name": "Nothing said"})
    for query in ("", "?at=5", "?after=5", "?before=5"):
        assert (await ana.get(made.headers["location"] + query)).status_code == 200


async def test_an_unknown_way_of_being_told_is_refused_beside_the_choice(ana: httpx.AsyncClient) -> None:
    answer = await ana.post("/chat/general/notify", data={"notify": "sometimes"})
    assert answer.status_code == 422
    assert "Choose one of these." in answer.text


@pytest.mark.parametrize("text", ["See #99999999999999999999", "See books#9223372036854775808"])
async def test_a_reference_beyond_all_numbers_stays_text(ana: httpx.AsyncClient, text: str) -> None:
    answer = await ana.post("/chat/general", data={"text": text, "key": f"beyond {text}"}, headers={"x-page": "1"})
    assert answer.status_code == 200
    assert text in (await ana.get("/chat/general")).text


async def test_a_search_goes_on_to_older_messages(ana: httpx.AsyncClient) -> None:
    made = await ana.post("/chat/new", data={"name": "Long"})
    for number in range(52):
        await ana.post(made.headers["location"], data={"text": f"saxophone {number}", "key": f"saxophone {number}"})
    first = await ana.get("/chat/search?q=saxophone")
    assert "Older messages" in first.text
    assert first.text.count('class="hit"') == 50
    link = first.text.split('href="/chat/search?q=saxophone&amp;')[1].split('"')[0].replace("&amp;", "&")
    older = await ana.get(f"/chat/search?q=saxophone&{link}")
    assert older.text.count('class="hit"') == 2
    assert "Older messages" not in older.text
