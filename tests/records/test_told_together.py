"""Who would be told of many records at once is told once, and how many."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest

from tests.conftest import Server

People = dict[str, httpx.AsyncClient]


@pytest.fixture
async def people(server: Server) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        found = {
            name: await stack.enter_async_context(aclosing(server.let_in("acme", f"{name}@acme.test")))
            for name in ("ana", "bruno", "carla", "davi")
        }
        added = await found["ana"].post("/c/books/fields", data={"label": "Keeper", "kind": "person"})
        assert added.status_code == 303, added.text
        yield found


async def list_told(client: httpx.AsyncClient) -> list[str]:
    """What the rows of somebody's inbox say."""
    page = (await client.get("/notifications")).text
    rows = re.findall(r'<div class="what">\s*<a [^>]*>(.*?)</a>', page, re.DOTALL)
    return [" ".join(html.unescape(re.sub("<[^>]*>", "", row)).removeprefix("Unread: ").split()) for row in rows]


async def assign(server: Server, client: httpx.AsyncClient, keepers: dict[int, str]) -> None:
    """Import who keeps which book."""
    table = "\n".join(["#;Keeper", *(f"{number};{name}" for number, name in keepers.items())])
    versions = server.store.rows("SELECT number, version FROM record WHERE tenant_id = 1")
    seen = " ".join(f"{number}:{version}" for number, version in versions)
    imported = await client.post("/c/books/import", data={"table": table, "seen": seen})
    assert imported.status_code == 303, imported.text[-200:]


async def test_an_import_that_assigns_many_tells_each_person_once_how_many(server: Server, people: People) -> None:
    await assign(server, people["ana"], {number: "Davi" if number <= 39 else "Carla" for number in range(1, 43)})
    told = await list_told(people["davi"])
    assert [each for each in told if "assigned" in each] == ["Ana assigned 39 records in Books to you"]
    few = [each for each in await list_told(people["carla"]) if "assigned" in each]
    assert len(few) == 3, "of a few each is told by itself"
    assert not any("Books" in each for each in few)
    assert 'href="/c/books"' in (await people["davi"].get("/notifications")).text


async def test_many_that_are_deleted_and_restored_are_told_together(server: Server, people: People) -> None:
    of_bruno = (
        "SELECT r.number FROM record r JOIN revision v ON v.record_id = r.id JOIN member m ON m.id = v.member_id "
        "WHERE v.version = 1 AND m.email = 'bruno@acme.test'"
    )
    own = {number for (number,) in server.store.rows(of_bruno)}
    said = ["Carla deleted 12 records in Books", "24 changes to Books"]
    for path in ("/c/books/delete", "/c/books/bin/restore"):
        versions = sorted(server.store.rows("SELECT number, version FROM record WHERE tenant_id = 1"))
        of_others = [f"{number}:{version}" for number, version in versions if number not in own][:12]
        done = await people["carla"].post(path, data={"record": of_others})
        assert done.status_code == 303, done.text[-200:]
        told = await list_told(people["bruno"])
        assert said.pop(0) in told
        assert sum("Books" in each for each in told) == 1


async def test_who_wants_no_more_of_the_collection_is_not_told_together(server: Server, people: People) -> None:
    books = re.findall(r'data-subject="(collection-\d+)"', (await people["ana"].get("/c/books")).text)[0]
    muted = await people["ana"].post("/notifications/mute", data={"subject": books})
    assert muted.status_code == 303, muted.text
    await assign(server, people["carla"], dict.fromkeys(range(1, 21), "Davi"))
    assert not any("Books" in each for each in await list_told(people["ana"]))
    assert "Carla assigned 20 records in Books to you" in await list_told(people["davi"])
