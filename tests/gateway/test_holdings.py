"""Whether a socket that is connected somewhere holds a lock is asked of the other nodes, and not guessed."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from app.gateway import holdings
from app.gateway.holdings import Holdings
from app.live.bus import make_bus
from tests.test_isolation import SETTINGS
from tests.waiting import until

SPOT = (-1, "presence-editing.books.42")


class Nodes:
    """Nodes that are joined as a bus joins them: what one says, the others hear when `pass_on` is called."""

    def __init__(self, *names: str) -> None:
        self.line: list[tuple[str, str, Any]] = []
        self.unheard: set[str] = set()
        self.looks = 0
        self.holdings = {name: self.make(name, [each for each in names if each != name]) for name in names}

    def make(self, name: str, others: list[str]) -> Any:
        def publish(kind: str, content: Any, *, needed: bool = False) -> None:
            self.line.append((name, kind, content))

        bus = SimpleNamespace(handlers={}, alone=False, reachable=True, joined_at=-60.0, publish=publish)

        def list_nodes() -> list[str]:
            self.looks += 1
            return [each for each in others if each not in self.unheard]

        roster = SimpleNamespace(list_nodes=list_nodes)
        gateway: Any = SimpleNamespace(node=SimpleNamespace(bus=bus), exchange=SimpleNamespace(roster=roster))
        return Holdings(gateway)

    def hold(self, name: str, socket_id: str, proof: Any = "proof") -> None:
        holding: Any = SimpleNamespace(proof=proof, connection=SimpleNamespace(socket_id=socket_id))
        self.holdings[name].holdings.setdefault(SPOT, set()).add(Hashed(holding))  # type: ignore[arg-type]

    async def ask(self, name: str, but: str = "", silent: str = "") -> bool:
        asking = asyncio.ensure_future(self.holdings[name].is_held_alive(SPOT, but))
        await self.pass_on(silent)
        return bool(await asking)

    async def pass_on(self, silent: str = "") -> None:
        await asyncio.sleep(0)
        while self.line:
            sender, kind, content = self.line.pop(0)
            for each, own in self.holdings.items():
                if each not in (sender, silent):
                    own.gateway.node.bus.handlers[kind](sender, content)


class Hashed:
    """A holding by its identity."""

    def __init__(self, holding: Any) -> None:
        self.proof, self.connection = holding.proof, holding.connection


async def test_a_lock_is_held_where_a_socket_of_another_node_has_it_though_nobody_was_told_of_it_yet() -> None:
    nodes = Nodes("one", "two", "three")
    assert not await nodes.ask("one")
    nodes.hold("three", "3.1")
    assert await nodes.ask("one")
    assert not await nodes.ask("one", but="3.1"), "the socket that comes back"
    assert await nodes.ask("three")


async def test_who_waits_holds_nothing() -> None:
    nodes = Nodes("one", "two")
    nodes.hold("two", "2.1", proof=None)
    assert not await nodes.ask("one")


async def test_a_node_that_was_killed_holds_nothing_and_is_waited_for_until_it_is_not_heard_any_more(
    monkeypatch: Any,
) -> None:
    monkeypatch.setattr(holdings, "LOOKS_FOR_NODES_EVERY", 0.01)
    nodes = Nodes("one", "two", "three")
    nodes.hold("two", "2.1")
    asking = asyncio.ensure_future(nodes.ask("one", silent="two"))
    await until(lambda: nodes.looks > 3)
    assert not asking.done()
    nodes.unheard.add("two")
    assert not await asking
    assert nodes.holdings["one"].asked == {}
    nodes.hold("three", "3.1")
    assert await nodes.ask("one", silent="two"), "the other has answered"


async def test_a_lock_is_taken_to_be_held_where_a_node_that_is_there_has_not_answered_in_time(monkeypatch: Any) -> None:
    monkeypatch.setattr(holdings, "NODES_ANSWER_WITHIN", 0.01)
    nodes = Nodes("one", "two", "three")
    assert await nodes.ask("one", silent="two")
    assert await nodes.holdings["one"].is_waited_alive(SPOT, 7)
    assert nodes.holdings["one"].asked == {}


async def test_a_lock_and_a_place_are_taken_to_be_held_while_nobody_can_be_asked() -> None:
    nodes = Nodes("one", "two")
    one = nodes.holdings["one"]
    one.gateway.node.bus.reachable = False
    assert await one.is_held_alive(SPOT)
    assert await one.is_waited_alive(SPOT, 7)
    assert nodes.line == []
    one.gateway.node.bus.reachable = True
    assert not await nodes.ask("one")
    asking = asyncio.ensure_future(one.is_held_alive(SPOT))
    await asyncio.sleep(0)
    one.gateway.node.bus.joined_at = 0.0
    nodes.line.clear()
    assert await asking, "what was asked was lost with the bus, which is back"


async def test_nobody_is_asked_before_the_others_can_be_heard_again(monkeypatch: Any) -> None:
    monkeypatch.setattr(holdings, "NODES_ARE_BACK_WITHIN", 0.05)
    nodes = Nodes("one", "two")
    nodes.hold("two", "2.1")
    nodes.unheard.add("two")
    nodes.holdings["one"].gateway.node.bus.joined_at = asyncio.get_running_loop().time()
    asking = asyncio.ensure_future(nodes.holdings["one"].is_held_alive(SPOT))
    await asyncio.sleep(0)
    nodes.unheard.clear()
    await until(lambda: nodes.line)
    await nodes.pass_on()
    assert await asking


@pytest.mark.parametrize(
    ("workers", "redis_url", "held"), [(1, "", False), (2, "", True), (1, "redis://[::1]:1", True)]
)
async def test_a_process_knows_by_its_settings_whether_there_may_be_others(
    workers: int, redis_url: str, held: bool
) -> None:
    bus = make_bus(replace(SETTINGS, workers=workers, redis_url=redis_url))
    roster = SimpleNamespace(list_nodes=list)
    gateway: Any = SimpleNamespace(node=SimpleNamespace(bus=bus), exchange=SimpleNamespace(roster=roster))
    assert await Holdings(gateway).is_held_alive(SPOT) is held
    assert await Holdings(gateway).is_waited_alive(SPOT, 7) is held


async def test_without_other_nodes_nobody_is_asked() -> None:
    nodes = Nodes("one")
    nodes.hold("one", "1.1")
    assert await nodes.ask("one")
    assert not await nodes.ask("one", but="1.1")
    assert nodes.line == []
