"""The columns of a list that somebody has chosen: their own, in their order."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest

from app.records.columns import put_in_order
from tests.conftest import Server

People = dict[str, httpx.AsyncClient]
ALL = ["Title", "Author", "Year", "ISBN", "Language", "Status"]


@pytest.fixture
async def people(server: Server) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(aclosing(server.let_in("acme", f"{name}@acme.test")))
            for name in ("ana", "carla")
        }


async def headings(client: httpx.AsyncClient, query: str = "") -> list[str]:
    page = (await client.get(f"/c/books{query}")).text
    found = re.findall(r'<th scope="col".*?<a [^>]*>([^<]*)', page)
    cells = page.partition("<tbody")[2].partition("</tr>")[0].count("<td")
    assert cells == len(found) + 2, "rows have the columns of the head"
    return found


async def choose(client: httpx.AsyncClient, *refs: str, **more: str) -> httpx.Response:
    data = {f"place-{ref}": str(at) for at, ref in enumerate(refs, 1)}
    return await client.post("/c/books/columns", data={**data, "column": list(refs), **more})


@pytest.mark.parametrize(
    ("typed", "chosen", "order"),
    [
        ("a1 b2 c3", "abc", "abc"),
        ("a1 b2 c1", "abc", "cab"),  # moved up
        ("a3 b2 c3", "abc", "bca"),  # moved down
        ("a2 b2 c3", "abc", "bac"),
        ("a1 b2 c d2", "abd", "adb"),  # ticked anew, with a place
        ("a1 b2 c d", "abcd", "abcd"),  # and without
        ("a1 b2 c3", "ca", "ac"),
        ("a9 bx c-1", "abc", "abc"),
    ],
)
def test_what_gets_another_place_is_moved_there(typed: str, chosen: str, order: str) -> None:
    assert put_in_order([(each[0], each[1:]) for each in typed.split()], chosen) == list(order)


async def test_a_member_sees_the_chosen_columns_in_their_order_and_nobody_else_does(people: People) -> None:
    assert await headings(people["carla"]) == ALL
    saved = await choose(people["carla"], "f6", "f3")
    assert (saved.status_code, saved.headers["location"]) == (303, "/c/books?done=columns")
    assert await headings(people["carla"]) == ["Title", "Status", "Year"]
    assert await headings(people["ana"]) == ALL
    page = (await people["carla"].get("/c/books/columns")).text
    assert re.findall(r'name="column" value="(\w+)"( checked)?', page) == [
        *(("f6", " checked"), ("f3", " checked")),
        *(("f2", ""), ("f4", ""), ("f5", "")),
    ]
    await choose(people["carla"], "f6", all="yes")
    assert await headings(people["carla"]) == ALL


async def test_a_list_shows_the_column_that_it_is_sorted_by(people: People) -> None:
    await choose(people["carla"], "f6")
    assert await headings(people["carla"], "?sort=-f3") == ["Title", "Status", "Year"]
    assert await headings(people["carla"], "?sort=f1") == ["Title", "Status"]
    await choose(people["carla"])
    assert await headings(people["carla"]) == ["Title"]


async def test_a_removed_field_is_no_column_any_more_and_what_is_no_field_never_was(people: People) -> None:
    await choose(people["carla"], "f3", "f99999", "f7", "f1", "x", "f6")
    assert await headings(people["carla"]) == ["Title", "Year", "Status"]
    await people["ana"].post("/c/books/fields/f3", data={"action": "remove", "sure": "yes"})
    assert "Year" not in await headings(people["ana"])
    assert await headings(people["carla"]) == ["Title", "Status"]
