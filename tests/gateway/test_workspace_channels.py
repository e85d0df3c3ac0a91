"""The workspace's own channels: who is let in, by what, and when that ends; what comes, without a gap."""

from __future__ import annotations

import asyncio
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from app.demo import PASSWORD
from tests.conftest import Server
from tests.gateway.conftest import Client, Dial, add_app, add_token
from tests.waiting import until

BOOKS = "private-tenant.1.collection.books"


async def ask(
    server: Server, client: Client, channel: str, token: str = "", *, slug: str = "acme", **said: Any
) -> httpx.Response:
    """Ask for a grant, with a token."""
    headers = said.pop("headers", {})
    async with server.client(slug) as caller:
        for name in ("origin", "sec-fetch-site"):
            caller.headers.pop(name)
        headers |= {"authorization": f"Bearer {token}"} if token else {}
        data = {"socket_id": client.socket_id, "channel_name": channel, **said}
        return await caller.post("/broadcasting/auth", data=data, headers=headers)


async def follow(server: Server, client: Client, channel: str, token: str, **said: Any) -> dict[str, Any]:
    """Follow a channel by a grant; what comes of it."""
    granted = await ask(server, client, channel, token, **said)
    assert granted.status_code == 200, granted.text
    return await client.follow(channel, **granted.json())


async def add_book(server: Server, token: str, title: str) -> int:
    async with server.client("acme", authorization=f"Bearer {token}") as caller:
        made = await caller.post(
            "/api/v1/collections/books/records", json={"values": {"title": title, "author": "Someone"}}
        )
        assert made.status_code == 201, made.text
        return int(made.json()["number"])


@pytest.fixture
async def carla(server: Server, dial: Dial) -> tuple[Client, str]:
    """A socket, and Carla's token."""
    return await dial(server, add_app(server)["key"]), add_token(server, "carla@acme.test")


async def test_a_page_of_the_workspace_follows_with_its_session_and_no_other_page_does(
    server: Server, dial: Dial
) -> None:
    client = await dial(server, add_app(server, "acme", "--origin", "*")["key"])
    async with aclosing(server.let_in("acme", "carla@acme.test")) as page:
        data = {"socket_id": client.socket_id, "channel_name": BOOKS}
        granted = await page.post("/broadcasting/auth", data=data)
        assert granted.status_code == 200, granted.text
        elsewhere = {"origin": "https://evil.example", "sec-fetch-site": "cross-site"}
        assert (await page.post("/broadcasting/auth", data=data, headers=elsewhere)).status_code == 403
        sibling = {"origin": f"http://{server.host('globex')}", "sec-fetch-site": "same-site"}
        assert (await page.post("/broadcasting/auth", data=data, headers=sibling)).status_code == 403
        no_token = await page.post("/broadcasting/auth", data=data, headers={"authorization": "Bearer mut_nothing"})
        assert no_token.status_code == 401, "a cookie is nothing beside a token"
    assert (await client.follow(BOOKS, **granted.json()))["event"] == "pusher_internal:subscription_succeeded"


async def test_a_page_of_another_site_asks_with_a_token_if_an_app_names_it(server: Server, dial: Dial) -> None:
    client = await dial(server, add_app(server, "acme", "--origin", "https://front.example.org")["key"])
    token = add_token(server, "carla@acme.test")
    answer = await ask(server, client, BOOKS, token, headers={"origin": "https://front.example.org"})
    assert answer.status_code == 200
    assert answer.headers["access-control-allow-origin"] == "https://front.example.org"
    assert "access-control-allow-credentials" not in answer.headers
    assert (await ask(server, client, BOOKS, token, headers={"origin": "https://evil.example"})).status_code == 403
    async with server.client("acme") as browser:
        for origin, allowed in (("https://front.example.org", True), ("https://evil.example", False)):
            headers = {"origin": origin, "sec-fetch-site": "cross-site", "access-control-request-method": "POST"}
            told = await browser.options("/broadcasting/auth", headers=headers)
            assert ("access-control-allow-origin" in told.headers) == allowed


async def test_what_is_refused_is_in_the_log(server: Server, carla: tuple[Client, str]) -> None:
    client, token = carla
    for channel in ("private-tenant.2", "private-user.1", "private-tenant.1.admins", "private-own"):
        assert (await ask(server, client, channel, token)).status_code == 403
    assert (await ask(server, client, BOOKS, add_token(server, "gil@globex.test", "globex"))).status_code == 401
    assert (await ask(server, client, BOOKS)).status_code == 403, "no token: only pages of the workspace"
    assert server.log.count("refused") >= 4
    assert "channel=private-tenant.2" in server.log


async def test_a_grant_is_for_one_socket_one_channel_and_nobody_elses(
    server: Server, dial: Dial, carla: tuple[Client, str]
) -> None:
    client, token = carla
    key = add_app(server)["key"]
    other, elsewhere = await dial(server, key), await dial(server, add_app(server, "globex")["key"], "globex")
    granted = (await ask(server, client, BOOKS, token)).json()
    for who, channel in ((other, BOOKS), (elsewhere, BOOKS), (client, "private-tenant.1")):
        assert (await who.follow(channel, **granted))["data"]["code"] == 4009
    broken = {"auth": granted["auth"][:-1] + ("0" if granted["auth"][-1] != "0" else "1")}
    assert (await client.follow(BOOKS, **broken))["data"]["code"] == 4009
    assert (await client.follow(BOOKS, **granted))["event"] == "pusher_internal:subscription_succeeded"


@pytest.mark.parametrize("how", ["token", "member", "role"])
async def test_what_is_followed_ends_with_the_token_the_member_and_the_right(
    server: Server, carla: tuple[Client, str], how: str
) -> None:
    client, token = carla
    await follow(server, client, "private-tenant.1", token)
    if how == "token":
        number = server.run("token", "list", "acme", "carla@acme.test").stdout.partition("\t")[0]
        assert server.run("token", "end", "acme", number).returncode == 0
    elif how == "member":
        assert server.run("member", "suspend", "acme", "carla@acme.test").returncode == 0
    else:
        async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
            changed = await ana.post("/members/3/role", data={"role": "guest"})
            assert changed.status_code == 303, changed.text
    async with asyncio.timeout(5):
        ended = await client.hear_of("pusher:subscription_error")
    assert ended["channel"] == "private-tenant.1"


async def test_who_has_another_role_and_still_may_goes_on_without_a_gap(
    server: Server, carla: tuple[Client, str]
) -> None:
    client, token = carla
    ana = add_token(server, "ana@acme.test")
    await follow(server, client, BOOKS, token)
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as page:
        await page.post("/members/3/role", data={"role": "admin", "password-again": PASSWORD})
        await page.post("/members/3/role", data={"role": "viewer"})
    numbers = [await add_book(server, ana, f"Book {n}") for n in range(3)]
    got = [(await client.hear_of("record.created"))["data"]["number"] for _ in numbers]
    assert got == numbers


async def test_a_suspended_workspace_ends_every_socket(server: Server, carla: tuple[Client, str]) -> None:
    client, _ = carla
    assert server.run("workspace", "suspend", "acme", "--reason", "Unpaid").returncode == 0
    async with asyncio.timeout(5):
        await client.socket.wait_closed()
    assert client.socket.close_code == 4003


async def test_who_was_away_gets_what_was_missed_or_is_told_of_a_gap(
    server: Server, dial: Dial, carla: tuple[Client, str]
) -> None:
    client, token = carla
    ana = add_token(server, "ana@acme.test")
    await follow(server, client, BOOKS, token)
    await add_book(server, ana, "Seen")
    cursor = (await client.hear_of("record.created"))["data"]["cursor"]
    await client.socket.close()
    missed = [await add_book(server, ana, f"Missed {n}") for n in range(5)]
    again = await dial(server, add_app(server)["key"])
    await follow(server, again, BOOKS, token, last_event_id=str(cursor))
    assert [(await again.hear())["data"]["number"] for _ in missed] == missed
    server.store.rows("DELETE FROM event WHERE cursor <= ?", cursor + 3)
    late = await dial(server, add_app(server)["key"])
    await follow(server, late, BOOKS, token, last_event_id=str(cursor))
    assert (await late.hear())["event"] == "gap"
    live = await add_book(server, ana, "Live")
    assert (await late.hear())["data"]["number"] == live


async def test_who_says_a_cursor_that_the_log_has_not_reached_is_told_of_a_gap_and_who_says_none_is_refused(
    server: Server, dial: Dial, carla: tuple[Client, str]
) -> None:
    client, token = carla
    ana = add_token(server, "ana@acme.test")
    await follow(server, client, BOOKS, token, last_event_id="")
    await add_book(server, ana, "Seen")
    cursor = (await client.hear_of("record.created"))["data"]["cursor"]
    ahead = await dial(server, add_app(server)["key"])
    await follow(server, ahead, BOOKS, token, last_event_id=str(cursor + 1000))
    gap = await ahead.hear()
    assert (gap["event"], gap["data"]["after"]) == ("gap", cursor + 1000)
    assert gap["data"]["before"] < cursor + 1000
    live = await add_book(server, ana, "Live")
    assert (await ahead.hear())["data"]["number"] == live
    other = await dial(server, add_app(server)["key"])
    for unusable in ("x", "-1", "1.5", "1" * 17):
        refused = await ask(server, other, BOOKS, token, last_event_id=unusable)
        assert (refused.status_code, refused.json()) == (422, {"error": "last_event_id is no cursor"})
        grant = (await ask(server, other, BOOKS, token)).json()
        answer = await other.follow(BOOKS, **grant, last_event_id=unusable)
        assert (answer["event"], answer["data"]["code"]) == ("pusher:error", 4200)


async def test_a_token_that_is_narrowed_follows_nothing_else(server: Server, dial: Dial) -> None:
    client = await dial(server, add_app(server)["key"])
    scope = ("--name", "narrow", "--scope", "records:read", "--collection", "books")
    token = server.run("token", "add", "acme", "carla@acme.test", *scope).stdout.strip()
    assert (await ask(server, client, BOOKS, token)).status_code == 200
    assert (await ask(server, client, "private-tenant.1.room.general", token)).status_code == 403
    assert (await ask(server, client, "private-tenant.1", token)).status_code == 403, "it may not see people"


async def test_a_page_and_a_client_compete_for_the_same_lock(server: Server, dial: Dial) -> None:
    key = add_app(server)["key"]
    client, token = await dial(server, key), add_token(server, "carla@acme.test")
    channel = "presence-editing.books.20"
    async with aclosing(server.let_in("acme", "bruno@acme.test")) as bruno:
        visit = {"sec-fetch-site": "same-origin", "sec-fetch-dest": "document", "sec-fetch-mode": "navigate"}
        page = await bruno.get("/c/books/20/edit", headers=visit)
        assert page.status_code == 200
        async with server.connect("acme", bruno) as live:
            await live.send('{"sub": "user.2", "last": 0, "n": 1}')
            assert "@1" in str(await live.recv())
            locked = await ask(server, client, channel, token)
            assert locked.status_code == 423
            async with asyncio.timeout(10):
                while "Carla would like to edit" not in await live.recv():
                    pass
        assert locked.json()["holder"]["name"] == "Bruno"
        joined = await follow(server, client, channel, token, wait="1")
        people = joined["data"]["presence"]["hash"]
        assert {each["name"]: each["editing"] for each in people.values()} == {"Bruno": True, "Carla": False}
        assert server.store.rows("SELECT member_id, state FROM waiting") == [(3, "waiting")]
        proof = page.text.partition('name="lock-token" value="')[2].partition('"')[0]
        freed = await bruno.post("/c/books/20/lock/release", data={"lock-token": proof})
        assert freed.status_code in (200, 204, 303), freed.text
        async with asyncio.timeout(10):
            greeted = await client.hear_of("pusher_internal:subscription_succeeded")
        assert greeted["data"]["lock"]
        refused = await bruno.get("/c/books/20/edit", headers=visit)
        assert "Carla" in refused.text
    await client.say("pusher:unsubscribe", {"channel": channel})
    held = "SELECT lock_member_id FROM record WHERE collection_id = 1 AND number = 20"
    await until(lambda: server.store.rows(held)[0][0] != 3)


async def test_a_lock_of_the_gateway_is_told_to_pages_and_ends_with_its_token(
    server: Server, carla: tuple[Client, str]
) -> None:
    client, token = carla
    await follow(server, client, "presence-editing.books.21", token)
    async with aclosing(server.let_in("acme", "bruno@acme.test")) as bruno:
        assert "Carla" in (await bruno.get("/c/books/21")).text
    number = server.run("token", "list", "acme", "carla@acme.test").stdout.partition("\t")[0]
    assert server.run("token", "end", "acme", number).returncode == 0
    async with asyncio.timeout(5):
        await client.hear_of("pusher:subscription_error")
    assert server.store.rows("SELECT lock_member_id FROM record WHERE collection_id = 1 AND number = 21") == [(None,)]


async def test_that_somebody_wants_the_lock_is_told_in_one_form_however_they_say_so(
    server: Server, dial: Dial, carla: tuple[Client, str]
) -> None:
    (client, token), other = carla, await dial(server, add_app(server)["key"])
    number, ana = await add_book(server, token, "Wanted"), add_token(server, "ana@acme.test")
    channel = f"presence-editing.books.{number}"
    assert "lock" in (await follow(server, client, channel, token))["data"]
    assert (await ask(server, other, channel, ana)).status_code == 423
    attempted = (await client.hear_of("lock.requested"))["data"]
    async with server.client("acme", authorization=f"Bearer {ana}") as caller:
        asked = await caller.post(f"/api/v1/collections/books/records/{number}/lock", json={"ask": True})
        assert asked.status_code == 202, asked.text
    told = (await client.hear_of("lock.requested"))["data"]
    assert told.pop("cursor") > 0
    assert told == attempted == {"user_id": attempted["user_id"], "name": "Ana"}
