"""Who is where, over processes that come and go: what each says of itself, and what of it may be lost."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest
import websockets

from app.gateway import caches
from app.gateway import roster as rosters
from app.gateway.caches import Caches
from app.gateway.exchange import ALL_SOCKETS
from app.gateway.roster import Roster
from tests.conftest import Server
from tests.gateway.conftest import Client, Dial, add_app, add_token
from tests.gateway.test_own_channels import call, calling, sign
from tests.gateway.test_workspace_channels import ask, follow
from tests.waiting import until

SPOT = (1, "presence-room")


class Line:
    """A bus of some nodes, which loses and delays what it is told to."""

    def __init__(self) -> None:
        self.nodes: list[Any] = []
        self.loses = self.delays = False
        self.waiting: list[tuple[Any, str, Any]] = []

    def deliver(self) -> None:
        """Let everybody hear what was said meanwhile."""
        self.delays = False
        for sender, kind, content in self.waiting:
            sender.publish(kind, content)
        self.waiting.clear()

    def join(self, name: str) -> Any:
        node = Node(self, name)
        self.nodes.append(node)
        return node


class Node:
    alone, reachable, joined_at = False, True, 0.0

    def __init__(self, line: Line, name: str) -> None:
        self.line, self.name = line, name
        self.handlers: dict[str, Any] = {}
        self.on_join: list[Any] = []

    def publish(self, kind: str, content: Any, *, needed: bool = False) -> None:
        if self.line.delays:
            self.line.waiting.append((self, kind, content))
        elif not self.line.loses:
            for other in self.line.nodes:
                if other is not self:
                    other.handlers[kind](self.name, content)


def make_rosters(*names: str) -> tuple[Line, list[Roster], dict[str, list[str]]]:
    line, made, told = Line(), [], defaultdict(list)
    for name in names:
        roster = Roster(line.join(name))
        roster.on_added = lambda spot, user, info, name=name: told[name].append(f"+{user}")
        roster.on_removed = lambda spot, user, name=name: told[name].append(f"-{user}")
        made.append(roster)
    return line, made, told


async def tell(*nodes: Roster) -> None:
    """Let each say what it has to say."""
    for node in nodes:
        if node.telling is not None:
            node.telling.cancel()
            node.tell_changes()


async def test_a_user_at_two_nodes_comes_and_goes_once() -> None:
    _, (one, two), told = make_rosters("one", "two")
    assert one.enter(SPOT, "ana", "null")
    await tell(one)
    assert told == {"two": ["+ana"]}
    assert not two.enter(SPOT, "ana", "null"), "she is there already"
    await tell(two)
    assert not one.leave(SPOT, "ana"), "she is at the other still"
    await tell(one)
    assert two.leave(SPOT, "ana")
    await tell(two)
    assert told == {"two": ["+ana"], "one": ["-ana"]}


async def test_who_comes_is_told_to_the_other_nodes_before_who_comes_next_could_miss_them() -> None:
    _, (one, two), told = make_rosters("one", "two")
    loop = asyncio.get_running_loop()
    one.belong(1, 1)
    one.count_more((1, ALL_SOCKETS), 1)
    assert one.tell_at > loop.time(), "that there is one more socket can wait"
    one.enter(SPOT, "ana", "null")
    assert one.tell_at <= loop.time()
    await until(lambda: one.telling is None)
    assert two.list_people_at(SPOT) == {"ana": "null"}
    assert (two.workspace_of(1), two.count_at((1, ALL_SOCKETS))) == (1, 1)
    assert told == {"two": ["+ana"]}


async def test_what_was_lost_is_asked_for_with_the_next_beat() -> None:
    line, (one, two), told = make_rosters("one", "two")
    line.loses = True
    one.enter(SPOT, "ana", "null")
    one.count_more(SPOT, 1)
    await tell(one)
    line.loses = False
    assert two.count_at(SPOT) == 0
    one.beat()
    assert told == {"two": ["+ana"]}
    assert two.count_at(SPOT) == 1
    assert two.list_occupied(1) == {"presence-room"}
    one.leave(SPOT, "ana")
    line.loses = True
    await tell(one)
    line.loses = False
    one.count_more(SPOT, -1)
    await tell(one)
    assert told == {"two": ["+ana", "-ana"]}
    assert two.list_occupied(1) == set()


async def test_a_node_that_is_not_heard_any_more_takes_its_people_along() -> None:
    _, (one, two), told = make_rosters("one", "two")
    one.enter(SPOT, "ana", "null")
    await tell(one)
    two.others["one"].until = asyncio.get_running_loop().time() - rosters.ROSTER_LEASE
    two.beat()
    assert told["two"] == ["+ana", "-ana"]


async def is_at(server: Server, app: dict[str, Any], count: int) -> bool:
    said = await call(server, app, "/channels/presence-room", query={"info": "user_count,subscription_count"})
    return bool(said.json().get("user_count") == count)


async def test_a_killed_worker_takes_its_people_along_and_its_locks_come_back(workers: Server, dial: Dial) -> None:
    app, token = add_app(workers), add_token(workers, "carla@acme.test")
    clients: list[Client] = [await dial(workers, app["key"]) for _ in range(10)]
    for number, client in enumerate(clients):
        said = f'{{"user_id":"{number}"}}'
        auth = f"{app['key']}:{sign(app['secret'], f'{client.socket_id}:presence-room:{said}')}"
        await client.follow("presence-room", auth=auth, channel_data=said)
    await until(lambda: is_at(workers, app, 10))
    channel = "presence-editing.books.33"
    first = await follow(workers, clients[0], channel, token)
    assert workers.process is not None
    os.kill(list_workers(workers.process.pid)[0], signal.SIGKILL)
    left = [client for client in clients if not await has_ended(client)]
    assert 0 < len(left) < 10, "both workers had some"
    await until(lambda: is_at(workers, app, len(left)))
    if clients[0] not in left:
        again = await dial(workers, app["key"])

        async def comes_back() -> bool:
            granted = await ask(workers, again, channel, token)
            if granted.status_code == 423:
                return False  # until it is noticed that the worker is gone
            joined = await again.follow(channel, **granted.json())
            return bool(joined["data"]["lock"] == first["data"]["lock"])

        await until(comes_back)


async def test_what_one_client_sends_in_turn_is_received_in_turn_at_each_worker(workers: Server, dial: Dial) -> None:
    """Its connection leads to one worker; of the other's sockets each hears of it by the bus."""
    app = add_app(workers)
    sockets: dict[int, Client] = {}

    async def are_at_both() -> bool:
        client = await dial(workers, app["key"])
        sockets[find_worker(workers, client.socket.local_address[1])] = client
        return len(sockets) == 2

    await until(are_at_both)
    for client in sockets.values():
        await client.follow("news")
    async with calling(workers) as calls:
        answer = await call(workers, app, "/events", {"name": "said", "channel": "news", "data": "first"}, by=calls)
        port = answer.extensions["network_stream"].get_extra_info("client_addr")[1]
        assert find_worker(workers, port) in sockets
        for number in range(200):
            about = {"name": "said", "channel": "news", "data": str(number)}
            answer = await call(workers, app, "/events", about, by=calls)
            assert answer.status_code == 200
            assert answer.extensions["network_stream"].get_extra_info("client_addr")[1] == port, "it stays connected"
    for client in sockets.values():
        heard = [(await client.hear_of("said"))["data"] for _ in range(201)]
        assert heard == ["first", *map(str, range(200))]


def find_worker(server: Server, port: int) -> int:
    """The process that serves the connection which begins at a port."""
    assert server.process is not None
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    ends = f":{server.port:04X}", f":{port:04X}"
    (inode,) = (row[9] for row in rows if row[1].endswith(ends[0]) and row[2].endswith(ends[1]))
    for worker in list_workers(server.process.pid):
        if f"socket:[{inode}]" in {str(each.readlink()) for each in Path(f"/proc/{worker}/fd").iterdir()}:
            return worker
    raise AssertionError(f"no worker has the connection from {port}")


def list_workers(supervisor: int) -> list[int]:
    """The processes that serve."""
    return [int(pid) for pid in Path(f"/proc/{supervisor}/task/{supervisor}/children").read_text().split()]


async def has_ended(client: Client) -> bool:
    """Whether a socket's process has been killed; one that lives answers."""
    try:
        await client.say("pusher:ping")
        async with asyncio.timeout(10):
            await client.hear_of("pusher:pong")
    except websockets.ConnectionClosed:
        return True
    return False


async def test_a_node_that_has_started_since_asks_for_what_was_said_last(monkeypatch: pytest.MonkeyPatch) -> None:
    line, spot = Line(), (1, "cache-news")
    old, new = (Caches(line.join(name)) for name in ("old", "new"))
    old.keep(spot, "last")
    told: list[str] = []
    new.find_for(spot, told.append)
    assert told == ["last"]
    assert new.find(spot) == "last", "the next one asks nobody"
    monkeypatch.setattr(caches, "ANSWERED_WITHIN", 0.01)
    for _ in range(2):
        new.find_for((1, "cache-other"), told.append)
    await until(lambda: told == ["last", "", ""])
    new.complete_at = 1e-9  # it has run for longer than anything is kept
    new.find_for((1, "cache-third"), told.append)
    assert len(told) == 4
