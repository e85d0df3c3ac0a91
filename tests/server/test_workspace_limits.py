"""Whoever runs an installation may say how much one workspace may ask for; the others go on."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import pytest

from app.settings import SettingsError, read_settings
from tests.conftest import Server, end_server, start_server
from tests.databases import Store
from tests.live.test_socket import hello, read_refusal


@pytest.fixture
def limited(seeded: Store, tmp_path: Path) -> Iterator[Server]:
    limits = {"WORKSPACE_REQUESTS": "30", "WORKSPACE_WRITES": "5", "WORKSPACE_SOCKETS": "2"}
    made = start_server(seeded, tmp_path, **limits)
    yield made
    end_server(made)


async def test_a_workspace_that_asks_for_more_than_it_may_is_told_when_it_may_again(limited: Server) -> None:
    async with limited.client("acme") as client, limited.client("globex") as other:
        writes = [await client.post("/login", data={"email": "a@b.c", "password": "wrong"}) for _ in range(6)]
        assert [answer.status_code == 429 for answer in writes] == [False] * 5 + [True]
        assert 1 <= int(writes[-1].headers["retry-after"]) <= 60
        reads = [await client.get("/login") for _ in range(40)]
        statuses = [answer.status_code for answer in reads]
        assert statuses[0] == 200
        assert statuses[-1] == 429
        assert "try again in a moment" in reads[-1].text
        assert "Biblioteca Acme</p>" in reads[-1].text, "it is the page of the workspace all the same"
        program = await client.get("/api/v1/collections")
        assert (program.status_code, program.headers["content-type"]) == (429, "application/problem+json")
        assert (await client.get("/static/none.css")).status_code == 404, "what is the same for all is not counted"
        assert (await other.get("/login")).status_code == 200
        assert (await other.post("/login", data={"email": "a@b.c", "password": "wrong"})).status_code < 429


async def test_the_pages_of_a_workspace_that_are_one_too_many_try_again_later(limited: Server) -> None:
    async with AsyncExitStack() as stack:
        ana = await stack.enter_async_context(aclosing(await limited.sign_in("acme", "ana@acme.test")))
        gil = await stack.enter_async_context(aclosing(await limited.sign_in("globex", "gil@globex.test")))
        for slug, client in (("acme", ana), ("acme", ana), ("globex", gil)):
            socket = await stack.enter_async_context(limited.connect(slug, client))
            assert await hello(socket, "tenant", 0)
        late = await stack.enter_async_context(limited.connect("acme", ana))
        assert (await read_refusal(late))[:2] == (1013, "too many pages")


def test_a_limit_is_a_whole_number(tmp_path: Path) -> None:
    environment = {"DATA_DIR": str(tmp_path), "WORKSPACE_SOCKETS": "many"}
    with pytest.raises(SettingsError, match="WORKSPACE_SOCKETS"):
        read_settings(environment)
    assert read_settings({"DATA_DIR": str(tmp_path)}).workspace_sockets == 0
