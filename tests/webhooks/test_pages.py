"""The pages of webhooks: for admins, who see no more by them than they may read."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path

import httpx
import pytest

from app.demo import PASSWORD
from tests.conftest import Server, end_server, start_server
from tests.databases import Store
from tests.receiver import Receiver, answer
from tests.waiting import until

OPEN = {"OUTGOING_HTTP": "1", "OUTGOING_NETWORKS": "127.0.0.1/32"}


@pytest.fixture
async def people(seeded: Store, tmp_path: Path) -> AsyncIterator[tuple[Server, dict[str, httpx.AsyncClient]]]:
    """A server that may send to this machine, and people of acme."""
    server = start_server(seeded, tmp_path, **OPEN)
    added = ("vera@acme.test", "--name", "Vera", "--role", "viewer", "--password", PASSWORD)
    assert server.run("member", "add", "acme", *added).returncode == 0
    try:
        async with AsyncExitStack() as stack:
            names = ("ana", "bruno", "carla", "vera")
            yield (
                server,
                {
                    name: await stack.enter_async_context(aclosing(server.let_in("acme", f"{name}@acme.test")))
                    for name in names
                },
            )
    finally:
        end_server(server)


async def test_an_admin_makes_one_sees_what_it_sent_and_has_it_sent_again(
    people: tuple[Server, dict[str, httpx.AsyncClient]], receiver: Receiver
) -> None:
    server, clients = people
    bruno, carla = clients["bruno"], clients["carla"]
    receiver.say = lambda _: answer(200, b"<b>Thanks</b>" + b"x" * 2000)
    typed = {"address": receiver.url, "kinds": "record.*", "exact-kinds": "", "collections": "books", "rooms": ""}
    made = await bruno.post("/settings/webhooks", data=typed)
    assert made.status_code == 200
    secrets = re.findall(r"whsec_[A-Za-z0-9+/=]+", made.text)
    assert secrets
    assert "whsec_" not in (await bruno.get("/settings/webhooks")).text
    added = await carla.post("/c/books/new", data={"title": "Sent", "author": "Someone"})
    assert added.status_code == 303
    await until(lambda: len(receiver.requests) == 1)
    assert receiver.requests[0].told["type"] == "record.created"
    page = "/settings/webhooks/1"

    async def shows_sent() -> bool:
        return "record.created" in (await bruno.get(page)).text.partition("Deliveries")[2]

    await until(shows_sent)
    text = (await bruno.get(page)).text
    assert "&lt;b&gt;Thanks" in text
    assert "x" * 1100 not in text
    assert (await bruno.post(f"{page}/again", data={"delivery": "1"})).status_code == 303
    await until(lambda: len(receiver.requests) == 2)
    assert receiver.requests[0].body == receiver.requests[1].body
    assert (await bruno.post(f"{page}/test")).status_code == 303
    await until(lambda: len(receiver.requests) == 3)
    assert receiver.requests[2].told["type"] == "webhook.test"
    assert 'id="webhook-1-deliveries-refresh"' in text

    async def are_pushed() -> bool:
        found = server.store.rows("SELECT 1 FROM event WHERE body LIKE '%#webhook-1-deliveries-refresh%'")
        return len(found) == 2  # what was sent again, and the test

    await until(are_pushed)
    assert (
        await bruno.post(f"{page}/replay", data={"from": str(receiver.requests[0].told["cursor"])})
    ).status_code == 303
    await until(lambda: len(receiver.requests) == 4)
    assert (await bruno.post(f"{page}/replay", data={"from": "no number"})).status_code == 422
    assert (await bruno.post(f"{page}/replay", data={"from": "99999999"})).status_code == 422
    assert (await bruno.post(f"{page}/disable")).status_code == 303
    assert "Off since" in (await bruno.get(page)).text
    assert (await bruno.post(f"{page}/enable")).status_code == 303
    assert "Off since" not in (await bruno.get(page)).text
    assert "whsec_" in (await bruno.post(f"{page}/secret")).text
    audit = (await bruno.get("/audit")).text
    assert "created a webhook to" in audit
    assert "/hook" not in audit, "an address may hold a secret"
    for secret in secrets:
        assert secret not in server.log
    assert (await bruno.post(f"{page}/remove", data={"sure": "yes"})).status_code in (303, 409)


async def test_who_is_no_admin_has_no_webhooks(
    people: tuple[Server, dict[str, httpx.AsyncClient]], receiver: Receiver
) -> None:
    server, clients = people
    assert (
        await clients["ana"].post("/settings/webhooks", data={"address": receiver.url, "kinds": "record.*"})
    ).status_code == 200
    for name in ("carla", "vera"):
        client = clients[name]
        for path in ("/settings/webhooks", "/settings/webhooks/1", "/settings/webhooks/1/remove"):
            assert (await client.get(path)).status_code == 403, f"{name}: {path}"
        assert (await client.post("/settings/webhooks", data={"address": receiver.url})).status_code == 403
        for what in ("secret", "enable", "disable", "test", "again", "skip", "replay", "remove"):
            sent = await client.post(f"/settings/webhooks/1/{what}", data={"from": "1", "delivery": "1", "cursor": "1"})
            assert sent.status_code == 403, f"{name}: {what}"
    refused = server.run("webhook", "add", "acme", "carla@acme.test", receiver.url)
    assert refused.returncode == 1
    assert "Only admins" in refused.stderr
    assert receiver.requests == []


async def test_another_admin_reads_nothing_by_it_that_is_not_theirs(
    people: tuple[Server, dict[str, httpx.AsyncClient]], receiver: Receiver
) -> None:
    _, clients = people
    ana, bruno = clients["ana"], clients["bruno"]
    made = await ana.post("/chat/new", data={"name": "Owners", "private": "yes"})
    room = made.headers["location"].partition("?")[0]
    wanted = {"address": receiver.url, "kinds": "message.*", "rooms": room.removeprefix("/chat/")}
    assert (await bruno.post("/settings/webhooks", data=wanted)).status_code == 422, "he can't name it"
    assert (await ana.post("/settings/webhooks", data=wanted)).status_code == 200
    assert (await ana.post(room, data={"text": "Between us", "key": "k"})).status_code == 303
    await until(lambda: len(receiver.requests) == 1)
    page = "/settings/webhooks/1"

    async def shows_sent() -> bool:
        return "message.posted" in (await ana.get(page)).text.partition("Deliveries")[2]

    await until(shows_sent)
    assert "&#34;room&#34;" in (await ana.get(page)).text
    seen = (await bruno.get(page)).text
    assert "This is about something you can't see." in seen
    assert "&#34;room&#34;" not in seen
    assert "Owners" not in seen
    assert "Owners" not in (await bruno.get("/settings/webhooks")).text


async def test_the_command_line_makes_lists_and_removes_them(
    people: tuple[Server, dict[str, httpx.AsyncClient]], receiver: Receiver
) -> None:
    server, _ = people
    words = ("acme", "bruno@acme.test", receiver.url, "--kind", "record.*", "--collection", "books")
    made = server.run("webhook", "add", *words)
    assert re.fullmatch(r"whsec_[A-Za-z0-9+/]{43}=\n", made.stdout), made.stderr
    listed = server.run("webhook", "list", "acme")
    assert listed.stdout == "1\tbruno@acme.test\ton\t127.0.0.1\trecord.*\n"
    wrong = server.run("webhook", "add", "acme", "bruno@acme.test", "http://10.0.0.1/", "--kind", "record.*")
    assert (wrong.returncode, "public internet" in wrong.stderr) == (1, True)
    assert server.run("webhook", "remove", "acme", "1").returncode == 0
    assert server.run("webhook", "list", "acme").stdout == ""
    assert server.run("webhook", "remove", "acme", "1").returncode == 1
