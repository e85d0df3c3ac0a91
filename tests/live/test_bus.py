"""The bus: two nodes on one database, joined by a Redis that is stopped, paused, flushed and cut off."""

from __future__ import annotations

import asyncio
import json
import re
import signal
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, aclosing
from pathlib import Path
from typing import Any

import httpx
import pytest
import websockets

from app.accounts.passwords import GuessingLimit
from app.database import Database
from app.features import open_database
from app.live.bus import BEAT_EVERY, BUS_TIMEOUT, RedisBus
from app.live.log import publish
from app.live.node import Node
from app.settings import read_settings
from app.web.errors import PageError
from app.web.limits import Windows
from tests.conftest import RedisServer, Server, end_server, free_port, start_server
from tests.databases import Store
from tests.waiting import until


@pytest.fixture
def nodes(seeded: Store, tmp_path: Path, redis_server: RedisServer) -> Iterator[list[Server]]:
    """Two servers on one database and one Redis."""
    environment = {"REDIS_URL": redis_server.url}
    first = start_server(seeded, tmp_path, **environment)
    second = Server(tmp_path, free_port(), environment, name="second")
    second.start()
    yield [first, second]
    for node in (first, second):
        end_server(node)


@pytest.fixture
async def people(nodes: list[Server]) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Ana, signed in at the first node, and Bruno at the second."""
    async with AsyncExitStack() as stack:
        yield [
            await stack.enter_async_context(aclosing(await node.sign_in("acme", email)))
            for node, email in zip(nodes, ("ana@acme.test", "bruno@acme.test"), strict=True)
        ]


async def read_bus(node: Server) -> str:
    """The state of the bus as a node says it; the node is ready whatever that is."""
    async with node.client("") as client:
        answer = await client.get("/readyz")
    assert answer.status_code == 200
    return str(answer.json()["bus"])


async def until_bus(nodes: list[Server], state: str) -> None:
    """Wait until all nodes say that the bus is in some state."""

    async def all_say_so() -> bool:
        return [await read_bus(node) for node in nodes] == [state] * len(nodes)

    await until(all_say_so)


async def test_loss_and_recovery_are_a_line_each(nodes: list[Server], redis_server: RedisServer) -> None:
    await until_bus(nodes, "ok")
    await asyncio.to_thread(redis_server.stop)
    await until_bus(nodes, "not reachable")
    await until(lambda: all(node.log.count("the bus can't be reached") for node in nodes))
    await asyncio.to_thread(redis_server.start)
    await until_bus(nodes, "ok")
    for node in nodes:
        assert node.log.count("the bus can't be reached; events are delivered from the log") == 1
        assert node.log.count("the bus is back") == 1


async def test_a_node_starts_and_serves_without_redis(seeded: Store, tmp_path: Path, redis_server: RedisServer) -> None:
    await asyncio.to_thread(redis_server.stop)
    node = await asyncio.to_thread(start_server, seeded, tmp_path, REDIS_URL=redis_server.url)
    try:
        assert await read_bus(node) == "not reachable"
        async with aclosing(await node.sign_in("acme", "ana@acme.test")) as ana:
            assert (await ana.post("/c/books/new", data={"title": "Without Redis"})).status_code == 303
        await asyncio.to_thread(redis_server.start)
        await until_bus([node], "ok")
    finally:
        end_server(node)


class Watcher:
    """A page that notes who is here, and what it gets that is not logged."""

    def __init__(self) -> None:
        self.here: list[str] = []
        self.frames: list[str] = []

    async def follow(self, socket: websockets.ClientConnection, channels: str) -> None:
        await socket.send(json.dumps({"sub": channels, "last": 0, "n": 1}))
        async for message in socket:
            self.frames.append(str(message))
            if 'id="here"' in str(message):
                self.here = re.findall(r'<li id="here-\d+">.*?</span> ([^<]+)</li>', str(message))


async def test_who_is_here_is_known_at_every_node_and_mends_itself(
    nodes: list[Server], people: list[httpx.AsyncClient], redis_server: RedisServer
) -> None:
    await until_bus(nodes, "ok")
    watchers = [Watcher(), Watcher()]
    async with AsyncExitStack() as stack, asyncio.TaskGroup() as group:
        tasks = []
        for node, person, watcher in zip(nodes, people, watchers, strict=True):
            socket = await stack.enter_async_context(node.connect("acme", person))
            tasks.append(group.create_task(watcher.follow(socket, "tenant")))
        ana, bruno = watchers
        await until(lambda: ana.here == bruno.here == ["Ana", "Bruno"])
        for person in people:
            page = (await person.get("/c/books")).text
            assert re.findall(r'<li id="here-\d+">.*?</span> ([^<]+)</li>', page) == ["Ana", "Bruno"]

        await asyncio.to_thread(redis_server.stop)
        await until(lambda: (ana.here, bruno.here) == (["Ana"], ["Bruno"]))
        await asyncio.to_thread(redis_server.start)
        await until(lambda: ana.here == bruno.here == ["Ana", "Bruno"])

        # A node that dies says nothing any more; its people are gone when its lease ends.
        tasks[0].cancel()
        await asyncio.to_thread(nodes[0].stop, signal.SIGKILL)
        await until(lambda: bruno.here == ["Bruno"])
        tasks[1].cancel()


async def test_typing_is_seen_at_the_other_node(nodes: list[Server], people: list[httpx.AsyncClient]) -> None:
    await until_bus(nodes, "ok")
    page = (await people[1].get("/chat/general")).text
    room = re.search(r"\broom\.\d+", page)
    assert room
    watcher = Watcher()
    async with nodes[1].connect("acme", people[1]) as socket, asyncio.TaskGroup() as group:
        following = group.create_task(watcher.follow(socket, f"tenant {room[0]}"))
        await until(lambda: watcher.here)
        assert (await people[0].post("/chat/general/typing")).status_code == 204
        await until(lambda: any("typing" in frame and "Ana" in frame for frame in watcher.frames))
        following.cancel()


@pytest.fixture
async def joined(seeded: Store, database: Database, redis_server: RedisServer) -> AsyncIterator[tuple[Node, Node]]:
    """Two nodes that hear each other by the bus, and never look at the log by themselves."""
    second = open_database(database.url)
    here, there = (Node(each, RedisBus(redis_server.url, "secret of the installation")) for each in (database, second))
    async with here.bus.running(), there.bus.running():
        await until(lambda: here.bus.state == there.bus.state == "ok")
        yield here, there
    await second.close()


async def write_event(node: Node, body: str) -> int:
    """Publish an event to everybody in acme; its cursor."""
    async with node.database.write(1) as transaction:
        publish(transaction, "tenant", body)
    return int(transaction.batch.upto)


async def test_events_come_by_the_bus_and_a_gap_is_filled_from_the_log(joined: tuple[Node, Node]) -> None:
    here, there = joined
    there.hub.cursors[1] = await write_event(here, "before")
    told = await write_event(here, "by the bus")
    await until(lambda: there.hub.cursors[1] == told)
    here.bus.publish = lambda *arguments, **options: None  # type: ignore[method-assign]
    missed = await write_event(here, "lost on the way")
    assert there.hub.cursors[1] == missed - 1
    del here.bus.publish
    last = await write_event(here, "by the bus, after a gap")
    await until(lambda: there.hub.cursors[1] == last)


async def test_a_process_that_stands_still_for_a_moment_does_not_take_redis_for_lost(
    redis_server: RedisServer,
) -> None:
    bus = RedisBus(redis_server.url, "secret of the installation")
    loop, stood_still, heard = asyncio.get_running_loop(), asyncio.Event(), bus.hear

    def stand_still() -> None:
        time.sleep(BEAT_EVERY + BUS_TIMEOUT + 0.2)
        stood_still.set()

    def hear_and_stand_still() -> None:
        heard()
        bus.hear = heard  # type: ignore[method-assign]
        loop.call_later(0.2, stand_still)  # nothing is underway by then

    async with bus.running():
        await until(lambda: bus.reachable)
        bus.hear = hear_and_stand_still  # type: ignore[method-assign]
        joined_at = bus.joined_at
        await stood_still.wait()
        heard_at = bus.heard_at
        await until(lambda: bus.heard_at > heard_at or bus.lost_since)
        assert (bus.lost_since, bus.joined_at) == (None, joined_at)


async def test_what_this_installation_did_not_sign_is_not_delivered(
    joined: tuple[Node, Node], redis_server: RedisServer
) -> None:
    here, there = joined
    assert isinstance(here.bus, RedisBus)
    known = there.hub.cursors[1] = await write_event(here, "before")
    forger = RedisBus(redis_server.url, "another secret")
    forged = forger.pack("log", [1, known, known + 1, [[known + 1, "tenant", "forged"]]])
    redis_server.command("PUBLISH", here.bus.channel, forged)  # type: ignore[arg-type]
    redis_server.command("PUBLISH", here.bus.channel, "nonsense")
    delivered: list[Any] = []
    there.hub.deliver = lambda tenant_id, events, **_: delivered.extend(events)  # type: ignore[method-assign]
    await write_event(here, "true")
    await until(lambda: delivered)
    assert [event.body for event in delivered] == ["true"]


async def test_wrong_passwords_are_counted_over_all_nodes_and_without_redis_by_each(
    tmp_path: Path, redis_server: RedisServer
) -> None:
    settings = read_settings({"DATA_DIR": str(tmp_path), "REDIS_URL": redis_server.url})
    here, there = GuessingLimit(Windows(settings)), GuessingLimit(Windows(settings))
    for _ in range(5):
        await here.begin("acme/ana", "10.0.0.1")
        await there.begin("acme/ana", "10.0.0.1")
    for node in (here, there):
        with pytest.raises(PageError):
            await node.begin("acme/ana", "10.0.0.1")
        for _ in range(15):  # what is given back is given back over all nodes
            await node.give_back(await node.begin("acme/ana", "10.0.0.2"))
    await here.begin("acme/ana", "10.0.0.3")
    for node in (here, there, here):  # and no more than was counted
        await node.give_back([(node.ACCOUNT, ("guess", "acme/ana", "10.0.0.3"))])
        assert node.windows.shared_from == 0, "it goes on with Redis"
    for _ in range(10):
        await here.begin("acme/ana", "10.0.0.3")
    with pytest.raises(PageError):
        await here.begin("acme/ana", "10.0.0.3")
    keys = [key.decode() for key in redis_server.command("KEYS", "*")]
    assert keys
    assert not any("ana" in key or "10.0.0.1" in key for key in keys)

    redis_server.signal(signal.SIGSTOP)
    for _ in range(5):
        await here.begin("acme/ana", "10.0.0.1")
    with pytest.raises(PageError):
        await here.begin("acme/ana", "10.0.0.1")
    await there.begin("acme/ana", "10.0.0.1")
    redis_server.signal(signal.SIGCONT)
