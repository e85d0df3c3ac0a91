"""A page, a program, a client of Echo and an agent race for one record: one holds it, and no change is lost."""

from __future__ import annotations

import asyncio
import os
import random
from collections.abc import Iterator
from contextlib import AsyncExitStack, aclosing

import httpx
import pytest

from tests.conftest import RedisServer, Server, free_port, start_workers
from tests.databases import Store
from tests.gateway.conftest import Client, Dial, add_app, add_token
from tests.gateway.test_workspace_channels import ask
from tests.programs.agents import agent_with
from tests.programs.test_agents import change_by_agent
from tests.programs.test_races import RECORDS, change_by_page, change_by_program

# How many races there are: more, where somebody wants to know it more exactly.
ROUNDS = int(os.environ.get("RACES", "10"))


@pytest.fixture(scope="module")
def workers(seeded: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two workers, which Redis joins."""
    redis_server = RedisServer(tmp_path_factory.mktemp("redis"), free_port())
    redis_server.start()
    with start_workers(seeded, tmp_path_factory.mktemp("workers"), redis_server) as made:
        yield made
    redis_server.stop()


async def change_by_echo(
    server: Server, client: Client, program: httpx.AsyncClient, token: str, number: int, text: str
) -> bool:
    """Whether a client of the gateway has got the lock with the channel, and saved with what proves it."""
    channel = f"presence-editing.books.{number}"
    granted = await ask(server, client, channel, token)
    if granted.status_code != 200:
        assert granted.status_code == 423, granted.text
        return False
    come = await client.follow(channel, **granted.json())
    if come["event"] != "pusher_internal:subscription_succeeded":
        assert (come["event"], come["data"]["status"]) == ("pusher:subscription_error", 423), come
        return False
    here = come["data"]["presence"]["hash"]
    (own,) = [each for each in here.values() if "lock" in each]
    assert len([each for each in here.values() if each["editing"]]) == 1, "one holds it"
    headers = {"lock": own["lock"], "if-match": f'"{own["version"]}"'}
    changed = await program.patch(f"{RECORDS}/{number}", json={"values": {"title": text}}, headers=headers)
    assert changed.status_code == 200, changed.text
    await client.say("pusher:unsubscribe", {"channel": channel})
    return True


async def test_page_program_echo_and_agent_race_over_two_workers_and_no_change_is_lost(
    workers: Server, dial: Dial
) -> None:
    chance, key = random.Random(28), add_app(workers)["key"]
    tokens = {name: add_token(workers, f"{name}@acme.test") for name in ("ana", "bruno", "carla", "davi")}
    async with AsyncExitStack() as stack:

        async def enter(name: str) -> httpx.AsyncClient:
            headers = {"authorization": f"Bearer {tokens[name]}"}
            return await stack.enter_async_context(workers.client("acme", **headers))

        programs = {name: await enter(name) for name in tokens}
        page = await stack.enter_async_context(aclosing(workers.let_in("acme", "ana@acme.test")))
        agent = await stack.enter_async_context(agent_with(workers, tokens["carla"]))
        clients = {name: await dial(workers, key) for name in ("davi", "bruno")}
        for turn in range(ROUNDS):
            made = await programs["ana"].post(RECORDS, json={"values": {"title": "Raced for", "author": "A"}})
            number = made.json()["number"]
            contests = [
                change_by_page(page, number, f"page {turn}"),
                change_by_program(programs["bruno"], number, f"program {turn}", locks=chance.random() < 0.6),
                change_by_agent(agent, number, f"agent {turn}"),
                *(
                    change_by_echo(workers, client, programs[name], tokens[name], number, f"echo of {name} {turn}")
                    for name, client in clients.items()
                ),
            ]
            chance.shuffle(contests)
            done = await asyncio.gather(*contests)
            now = (await programs["ana"].get(f"{RECORDS}/{number}")).json()
            assert now["version"] == 1 + sum(done), "each that was told so has made a version"
            revisions = (await programs["ana"].get(f"{RECORDS}/{number}/revisions")).json()["items"]
            assert [each["version"] for each in revisions] == list(range(now["version"], 0, -1))
            assert len({each["values"]["title"] for each in revisions}) == now["version"], "and none was lost"
