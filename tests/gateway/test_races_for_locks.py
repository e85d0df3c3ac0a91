"""Clients of the gateway, programs and pages want the same record at once: one holds it, and no change is lost."""

from __future__ import annotations

import asyncio
import random
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import RedisServer, Server, free_port
from tests.databases import Store
from tests.gateway.conftest import Client, Dial, add_app, add_token
from tests.gateway.test_workspace_channels import ask
from tests.waiting import until

CHANNEL = "presence-editing.books.37"
PATH = "/api/v1/collections/books/records/37"
ROUNDS = 8


async def test_each_change_is_of_whoever_holds_the_lock_and_none_is_lost(workers: Server, dial: Dial) -> None:
    key, names = add_app(workers)["key"], ("ana", "bruno", "carla", "davi")
    tokens = {name: add_token(workers, f"{name}@acme.test") for name in names}
    written: list[str] = []
    holders: set[str] = set()

    async def change(name: str, lock: str) -> None:
        """Add to what the record says, as its holder does; nobody else may hold it meanwhile."""
        assert not holders, f"{holders} hold it as well as {name}"
        holders.add(name)
        async with workers.client("acme", authorization=f"Bearer {tokens[name]}") as caller:
            record = (await caller.get(PATH)).json()
            said = f"{record['values'].get('notes') or ''} {name}{len(written)}".strip()
            headers = {"if-match": f'"{record["version"]}"', "lock": lock}
            done = await caller.patch(PATH, json={"values": {"notes": said}}, headers=headers)
            assert done.status_code == 200, done.text
        written.append(said.rpartition(" ")[2])
        holders.discard(name)

    async def by_gateway(name: str) -> None:
        client = await dial(workers, key)
        for _ in range(ROUNDS):
            granted = await ask(workers, client, CHANNEL, tokens[name], wait=random.choice(("", "1")))
            if granted.status_code == 423:
                await asyncio.sleep(random.random() / 20)
                continue
            answer = await client.follow(CHANNEL, **granted.json())
            while answer["event"] == "pusher_internal:subscription_succeeded" and "lock" not in answer["data"]:
                answer = await client.hear_of("pusher_internal:subscription_succeeded")
            if answer["event"] == "pusher_internal:subscription_succeeded":
                await change(name, answer["data"]["lock"])
            await client.say("pusher:unsubscribe", {"channel": CHANNEL})
            await client.say("pusher:ping")
            await client.hear_of("pusher:pong")

    async def by_program(name: str) -> None:
        async with workers.client("acme", authorization=f"Bearer {tokens[name]}") as caller:
            for _ in range(ROUNDS * 2):
                taken = await caller.post(f"{PATH}/lock")
                if taken.status_code == 201:
                    await change(name, taken.json()["lock"])
                    await caller.delete(f"{PATH}/lock", headers={"lock": taken.json()["lock"]})
                await asyncio.sleep(random.random() / 20)

    async with asyncio.timeout(120):
        await asyncio.gather(by_gateway("ana"), by_gateway("bruno"), by_gateway("carla"), by_program("davi"))
    async with workers.client("acme", authorization=f"Bearer {tokens['ana']}") as caller:
        notes = (await caller.get(PATH)).json()["values"]["notes"]
    assert len(written) >= ROUNDS
    assert notes.split()[-len(written) :] == written


async def test_of_two_tabs_that_come_back_at_once_one_has_the_lock(workers: Server, dial: Dial) -> None:
    app, token = add_app(workers), add_token(workers, "ana@acme.test")
    channel = "presence-editing.books.38"
    for _ in range(10):
        tabs = [await dial(workers, app["key"]) for _ in range(4)]
        grants = [(await ask(workers, tab, channel, token)).json() for tab in tabs]
        answers = await asyncio.gather(*(tab.follow(channel, **grant) for tab, grant in zip(tabs, grants, strict=True)))
        got = [tab for tab, answer in zip(tabs, answers, strict=True) if "lock" in (answer.get("data") or {})]
        assert len(got) == 1, answers
        await got[0].say("pusher:unsubscribe", {"channel": channel})
        await got[0].say("pusher:ping")
        await got[0].hear_of("pusher:pong")


async def grant_to(server: Server, tab: Client, channel: str, token: str) -> dict[str, Any]:
    """The grant of a lock that was lost, as soon as it has been seen that its connection is gone."""
    answers: list[Any] = []

    async def is_granted() -> bool:
        answers.append(await ask(server, tab, channel, token))
        return bool(answers[-1].status_code == 200)

    await until(is_granted)
    return dict(answers[-1].json())


async def test_of_tabs_that_take_up_what_was_lost_one_has_the_lock_and_it_is_the_same(
    workers: Server, dial: Dial
) -> None:
    app, token = add_app(workers), add_token(workers, "ana@acme.test")
    channel = "presence-editing.books.39"
    first = await dial(workers, app["key"])
    held = await first.follow(channel, **(await ask(workers, first, channel, token)).json())
    for _ in range(5):
        await first.socket.close()
        tabs = [await dial(workers, app["key"]) for _ in range(4)]

        grants = [await grant_to(workers, tab, channel, token) for tab in tabs]
        answers = await asyncio.gather(*(tab.follow(channel, **grant) for tab, grant in zip(tabs, grants, strict=True)))
        got = [
            (tab, answer["data"]["lock"])
            for tab, answer in zip(tabs, answers, strict=True)
            if "lock" in (answer.get("data") or {})
        ]
        assert [lock for _, lock in got] == [held["data"]["lock"]], answers
        first = got[0][0]


async def is_free_again(server: Server, token: str, number: int) -> None:
    """Nobody edits a record, and nobody waits: that is sooner than a turn that nobody takes would end."""
    path = f"/api/v1/collections/books/records/{number}/lock"
    taken: list[Any] = []
    async with server.client("acme", authorization=f"Bearer {token}") as caller:

        async def takes() -> bool:
            taken.append(await caller.post(path))
            return bool(taken[-1].status_code == 201)

        await until(takes, seconds=10)
        await caller.delete(path, headers={"lock": taken[-1].json()["lock"]})


async def test_a_turn_is_one_tabs_though_two_of_a_member_want_it(workers: Server, dial: Dial) -> None:
    app = add_app(workers)
    ana, bruno = add_token(workers, "ana@acme.test"), add_token(workers, "bruno@acme.test")
    channel = "presence-editing.books.40"
    for _ in range(5):
        holder, waiting, late = [await dial(workers, app["key"]) for _ in range(3)]
        await holder.follow(channel, **(await ask(workers, holder, channel, bruno)).json())
        await waiting.follow(channel, **(await ask(workers, waiting, channel, ana, wait="1")).json())
        grant = (await ask(workers, late, channel, ana, wait="1")).json()
        await holder.say("pusher:unsubscribe", {"channel": channel})
        answer = await late.follow(channel, **grant)
        locks = [answer["data"]["lock"]] if "lock" in (answer.get("data") or {}) else []
        for tab in (waiting, late):
            await tab.say("pusher:ping")
            while (message := await tab.hear())["event"] != "pusher:pong":
                if message["event"].endswith("succeeded") and "lock" in message["data"]:
                    locks.append(message["data"]["lock"])
        assert len(locks) <= 1, locks
        for tab in (waiting, late):
            await tab.say("pusher:unsubscribe", {"channel": channel})
            await tab.say("pusher:ping")
            await tab.hear_of("pusher:pong")
        await is_free_again(workers, bruno, 40)


@pytest.mark.parametrize("with_redis", [False, True])
async def test_a_second_tab_never_has_the_lock_of_the_first_while_the_workers_can_not_ask_each_other(
    seeded: Store, tmp_path: Path, redis_server: RedisServer, dial: Dial, with_redis: bool
) -> None:
    seeded.copy_to(tmp_path)
    server = Server(tmp_path, free_port(), {"REDIS_URL": redis_server.url} if with_redis else {}, workers=2)
    server.start()
    try:
        app, token = add_app(server), add_token(server, "ana@acme.test")
        channel = "presence-editing.books.40"
        first = await dial(server, app["key"])
        held = await first.follow(channel, **(await ask(server, first, channel, token)).json())
        assert held["data"]["lock"]
        tabs = [await dial(server, app["key"]) for _ in range(6)]
        if with_redis:
            redis_server.stop()
        for tab in tabs:
            refused = await ask(server, tab, channel, token)
            assert (refused.status_code, refused.json()["state"]) == (423, "held")
        await first.say("pusher:unsubscribe", {"channel": channel})

        async def is_granted() -> bool:
            return (await ask(server, tabs[0], channel, token)).status_code == 200

        await until(is_granted)
    finally:
        server.stop()
        server.store.drop()
