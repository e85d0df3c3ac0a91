"""Whether a socket that is connected somewhere holds a lock is asked of the other nodes, and not guessed."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

from app.gateway import holdings
from app.gateway.holdings import Holdings

SPOT = (-1, "presence-editing.books.42")


class Nodes:
    """Nodes that are joined as a bus joins them: what one says, the others hear when `pass_on` is called."""

    def __init__(self, *names: str) -> None:
        self.line: list[tuple[str, str, Any]] = []
        self.holdings = {name: self.make(name, [each for each in names if each != name]) for name in names}

    def make(self, name: str, others: list[str]) -> Any:
        def publish(kind: str, content: Any, *, needed: bool = False) -> None:
            self.line.append((name, kind, content))

        bus = SimpleNamespace(handlers={}, reachable=True, publish=publish)
        roster = SimpleNamespace(list_nodes=lambda: others)
        gateway: Any = SimpleNamespace(node=SimpleNamespace(bus=bus), exchange=SimpleNamespace(roster=roster))
        return Holdings(gateway)

    def hold(self, name: str, socket_id: str, proof: Any = "proof") -> None:
        holding: Any = SimpleNamespace(proof=proof, connection=SimpleNamespace(socket_id=socket_id))
        self.holdings[name].holdings.setdefault(SPOT, set()).add(Hashed(holding))  # type: ignore[arg-type]

    async def ask(self, name: str, but: str = "", silent: str = "") -> bool:
        asking = asyncio.ensure_future(self.holdings[name].is_held_alive(SPOT, but))
        await asyncio.sleep(0)
        while self.line:
            sender, kind, content = self.line.pop(0)
            for each, own in self.holdings.items():
                if each not in (sender, silent):
                    own.gateway.node.bus.handlers[kind](sender, content)
        return await asking


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


async def test_a_node_that_was_killed_holds_nothing_and_is_waited_for_no_longer_than_needed(monkeypatch: Any) -> None:
    monkeypatch.setattr(holdings, "NODES_ANSWER_WITHIN", 0.01)
    nodes = Nodes("one", "two", "three")
    nodes.hold("two", "2.1")
    assert not await nodes.ask("one", silent="two")
    assert nodes.holdings["one"].asked == {}
    nodes.hold("three", "3.1")
    assert await nodes.ask("one", silent="two"), "the other has answered"


async def test_without_other_nodes_nobody_is_asked() -> None:
    nodes = Nodes("one")
    nodes.hold("one", "1.1")
    assert await nodes.ask("one")
    assert not await nodes.ask("one", but="1.1")
    assert nodes.line == []
