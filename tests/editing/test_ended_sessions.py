"""A session that ends lets go of what was being edited and waited for with it, in the same moment."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from typing import Any

import httpx
import pytest

from tests.conftest import PASSWORD, Server
from tests.fields import NOTES

BOOK = "/c/books/40"


class People:
    """People of acme, who sign in when they are first needed; `phone` is Carla's second browser."""

    def __init__(self, server: Server, stack: AsyncExitStack) -> None:
        self.server = server
        self.stack = stack
        self.clients: dict[str, httpx.AsyncClient] = {}

    async def __call__(self, name: str) -> httpx.AsyncClient:
        if name not in self.clients:
            email = f"{'carla' if name == 'phone' else name}@acme.test"
            self.clients[name] = await self.stack.enter_async_context(
                aclosing(await self.server.sign_in("acme", email))
            )
        return self.clients[name]


@pytest.fixture
async def people(server: Server) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        yield People(server, stack)


async def open_to_edit(client: httpx.AsyncClient) -> str:
    """Open the edit page; the lock's token, or '' for whoever has to wait."""
    opened = await client.get(f"{BOOK}/edit")
    assert opened.status_code == 200
    found = re.search(r'id="record-form".*?name="lock-token" value="(\d+-[0-9a-f]{32})"', opened.text, re.DOTALL)
    return found[1] if found else ""


def lock(server: Server) -> tuple[Any, ...]:
    """Who has the lock, and whether it is only their turn."""
    ((name, offered),) = server.store.rows(
        "SELECT lock_name, lock_offered FROM record WHERE tenant_id = 1 AND number = 40"
        " AND collection_id = (SELECT id FROM collection WHERE tenant_id = 1 AND slug = 'books')"
    )
    return name, bool(offered)


def line(server: Server) -> list[str]:
    return [name for (name,) in server.store.rows("SELECT name FROM waiting ORDER BY id")]


def session_of(server: Server, name: str, which: int) -> int:
    """The id of somebody's first or second session."""
    found = server.store.rows(
        "SELECT s.id FROM session s JOIN member m ON m.id = s.member_id WHERE m.name = ? ORDER BY s.id", name
    )
    return int(found[which][0])


def id_of(server: Server, name: str) -> int:
    return int(server.store.rows("SELECT id FROM member WHERE name = ?", name)[0][0])


async def end(how: str, people: People, server: Server) -> None:
    """End the session that Carla edits with."""
    carla = await people("carla")
    if how == "signed out":
        answer = await carla.post("/logout")
    elif how == "ended from another device":
        answer = await (await people("phone")).post(f"/account/sessions/{session_of(server, 'Carla', 0)}/end")
    elif how == "all others ended":
        answer = await (await people("phone")).post("/account/sessions/end-others")
    elif how == "password changed":
        answer = await (await people("phone")).post(
            "/account/password", data={"password": PASSWORD, "new_password": "another-long-password"}
        )
    elif how == "signed in anew":
        answer = await carla.post("/login", data={"email": "carla@acme.test", "password": PASSWORD})
    elif how == "suspended":
        answer = await (await people("ana")).post(f"/members/{id_of(server, 'Carla')}/suspend")
    elif how == "removed":
        answer = await (await people("ana")).post(f"/members/{id_of(server, 'Carla')}/remove")
    else:
        assert server.run("workspace", "suspend", "acme").returncode == 0
        return
    assert answer.status_code == 303, answer.text


WAYS = (
    "signed out",
    "ended from another device",
    "all others ended",
    "password changed",
    "signed in anew",
    "suspended",
    "removed",
    "workspace suspended",
)


@pytest.mark.parametrize("how", WAYS)
async def test_a_session_that_ends_frees_its_lock_and_keeps_the_draft(people: People, server: Server, how: str) -> None:
    token = await open_to_edit(await people("carla"))
    typed = {"lock-token": token, "version": "1", "notes": "Not saved yet", "title": "Dom Casmurro"}
    assert (await (await people("carla")).post(f"{BOOK}/draft", data=typed)).status_code == 204
    assert lock(server) == ("Carla", False)
    await end(how, people, server)
    assert lock(server) == (None, False)
    statement = f"SELECT \"values\" ->> '{NOTES}' FROM draft WHERE member_id = ?"
    kept = server.store.rows(statement, id_of(server, "Carla"))
    assert kept == [("Not saved yet",)]
    if how != "workspace suspended":
        assert f'href="{BOOK}/edit"' in (await (await people("davi")).get(BOOK)).text
        assert await open_to_edit(await people("davi"))


async def test_it_is_the_turn_of_who_waits_and_not_of_whose_session_has_ended(people: People, server: Server) -> None:
    assert await open_to_edit(await people("bruno"))
    for name in ("carla", "davi"):
        assert not await open_to_edit(await people(name))
    assert line(server) == ["Carla", "Davi"]
    await end("suspended", people, server)
    assert line(server) == ["Davi"]
    assert (await (await people("ana")).post(f"/members/{id_of(server, 'Bruno')}/suspend")).status_code == 303
    assert lock(server) == ("Davi", True)


async def test_a_turn_passes_on_when_the_session_ends_of_whose_it_is(people: People, server: Server) -> None:
    token = await open_to_edit(await people("bruno"))
    for name in ("carla", "davi"):
        await open_to_edit(await people(name))
    assert (await (await people("bruno")).post(f"{BOOK}/lock/release", data={"lock-token": token})).status_code == 303
    assert lock(server) == ("Carla", True)
    await end("ended from another device", people, server)
    assert lock(server) == ("Davi", True)


@pytest.mark.parametrize("taken", ["opened", "asked for", "taken over", "renewed"])
async def test_a_lock_ends_with_the_session_that_has_it_and_with_no_other(
    people: People, server: Server, taken: str
) -> None:
    ana, bruno = await people("ana"), await people("bruno")
    if taken == "opened":
        await open_to_edit(bruno)
    elif taken == "asked for":
        assert (await bruno.post(f"{BOOK}/lock/ask")).status_code == 303
    elif taken == "taken over":
        token = await open_to_edit(await people("carla"))
        seen = token.partition("-")[0]
        assert (await bruno.post(f"{BOOK}/lock/take-over", data={"seen-lock": seen})).status_code == 303
    else:
        token = await open_to_edit(bruno)
        old = dict(bruno.headers)
        answer = await bruno.post("/login", data={"email": "bruno@acme.test", "password": PASSWORD})
        assert lock(server) == (None, False)
        bruno.headers["cookie"] = answer.headers["set-cookie"].partition(";")[0]
        assert old["cookie"] != bruno.headers["cookie"]
        version = server.store.rows("SELECT version FROM record WHERE number = 40 AND tenant_id = 1")[0][0]
        renewed = await bruno.post(f"{BOOK}/lock/renew", data={"lock-token": token, "version": str(version)})
        assert renewed.status_code == 204
    async with aclosing(await server.sign_in("acme", "bruno@acme.test")) as elsewhere:
        assert (await elsewhere.post("/logout")).status_code == 303
        assert (await (await people("phone")).post("/logout")).status_code == 303
    assert lock(server) == ("Bruno", False)
    assert (await ana.post(f"/members/{id_of(server, 'Bruno')}/suspend")).status_code == 303
    assert lock(server) == (None, False)


async def test_a_lock_whose_session_is_over_by_itself_is_freed_when_it_is_forgotten(
    people: People, server: Server
) -> None:
    await open_to_edit(await people("carla"))
    server.store.rows(
        "UPDATE session SET started_at = '2020-01-01 00:00:00' WHERE id = ?", session_of(server, "Carla", 0)
    )
    settings = {"name": "Acme", "language": "en", "session_days": "7"}
    assert (await (await people("ana")).post("/settings", data=settings)).status_code == 303
    assert lock(server) == (None, False)
