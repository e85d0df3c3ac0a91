"""The roster: how many sockets are on which channel, and who is on those with presence, over all nodes.

As with the presence of pages (`live/presence.py`) each node tells the others what changes on it, numbered, so that one
that has missed something notices with the next beat and asks for all; a node that is not heard any more takes its
people along. What changes in one tick is told in one message. Who comes to a channel is told at once, unless something
was told just before: who comes to it after them, at another node, finds them there. That there is one more socket waits
for it.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator
from typing import Any

from msgspec import Struct, field

from app.live.bus import Bus

# Of which app a channel is, by its id; of the workspace's own, the workspace's id below zero.
Spot = tuple[int, str]
# Stands among the channels of an app for its workspace, by whose id it counts.
OF_WORKSPACE = "#workspace"
ROSTER_TICK, COUNT_TICK = 0.01, 0.05
ROSTER_LEASE = 5.0


class NodeRoster(Struct):
    """What one node has: sockets by channel, and on channels with presence what is told of each user, as JSON.

    `told` counts what it said; -1: something was missed.
    """

    until: float = 0.0
    told: int = -1
    counts: dict[Spot, int] = field(default_factory=dict)
    people: dict[Spot, dict[str, str]] = field(default_factory=lambda: defaultdict(dict))

    def apply(self, change: list[Any]) -> None:
        """Take over a change."""
        what, scope, channel, *more = change
        spot = (scope, channel)
        if what == "count":
            if more[0]:
                self.counts[spot] = more[0]
            else:
                self.counts.pop(spot, None)
        elif what == "in":
            self.people[spot][more[0]] = more[1]
        elif what == "out":
            self.people[spot].pop(more[0], None)
            if not self.people[spot]:
                del self.people[spot]


class Roster:
    """Who is where, here and at other nodes. `on_added` and `on_removed` are called for users, once over all nodes, as
    others come and go; `on_occupancy` at every node for each channel that the first has come to and the last has left,
    with the user where it is about one."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.own = NodeRoster(told=0)
        self.tabs: dict[tuple[Spot, str], int] = defaultdict(int)
        self.others: dict[str, NodeRoster] = {}
        self.untold: list[list[Any]] = []
        self.telling: asyncio.TimerHandle | None = None
        self.tell_at = self.told_at = 0.0
        self.learning_from = ""  # the node that tells all that is there, while that is taken over
        self.on_added: Callable[[Spot, str, str], None] = lambda spot, user, info: None
        self.on_removed: Callable[[Spot, str], None] = lambda spot, user: None
        self.on_occupancy: Callable[[Spot, str, bool], None] = lambda spot, user, there: None
        bus.handlers["gateway changes"] = self.hear_changes
        bus.handlers["gateway beat"] = self.hear_beat_of
        bus.handlers["gateway all"] = self.hear_all_of
        bus.handlers["gateway ask"] = lambda sender, wanted: self.tell_everything(wanted)
        bus.on_join.append(lambda: self.tell_everything(""))

    def count_more(self, spot: Spot, more: int) -> None:
        """So many more sockets of this node are on a channel."""
        before = self.count_at(spot)
        self.change(["count", *spot, self.own.counts.get(spot, 0) + more])
        if not before or before + more <= 0:
            self.on_occupancy(spot, "", before == 0)

    def belong(self, app_id: int, workspace: int) -> None:
        """Say of which workspace an app is that has sockets here."""
        if (app_id, OF_WORKSPACE) not in self.own.counts:
            self.change(["count", app_id, OF_WORKSPACE, workspace])

    def workspace_of(self, app_id: int) -> int:
        """The workspace of an app that has, or had, sockets at a node that is there; 0 if it is not known."""
        spot = (app_id, OF_WORKSPACE)
        return next((node.counts[spot] for node in self.nodes() if spot in node.counts), 0)

    def enter(self, spot: Spot, user: str, info: str) -> bool:
        """A socket of a user's is on a channel with presence. Whether the user was not there before."""
        self.tabs[spot, user] += 1
        if user in self.own.people.get(spot, ()):
            return False
        news = not self.is_there(spot, user)
        self.change(["in", *spot, user, info])
        if news:
            self.on_occupancy(spot, user, True)
        return news

    def leave(self, spot: Spot, user: str) -> bool:
        """It is there no more. Whether the user is not, either."""
        self.tabs[spot, user] -= 1
        if self.tabs[spot, user] > 0:
            return False
        del self.tabs[spot, user]
        self.change(["out", *spot, user])
        if self.is_there(spot, user):
            return False
        self.on_occupancy(spot, user, False)
        return True

    def change(self, change: list[Any]) -> None:
        """Change what is on this node, and tell the others with what else changes in a moment."""
        self.own.apply(change)
        if self.bus.reachable:
            self.untold.append(change)
            loop = asyncio.get_running_loop()
            is_count_alone = change[0] == "count" and change[2].startswith("#")
            at = loop.time() + COUNT_TICK if is_count_alone else max(loop.time(), self.told_at + ROSTER_TICK)
            if self.telling is not None and at < self.tell_at:
                self.telling.cancel()
                self.telling = None
            if self.telling is None:
                self.tell_at, self.telling = at, loop.call_at(at, self.tell_changes)

    def tell_changes(self) -> None:
        """Tell the others what has changed."""
        self.telling = None
        self.told_at = asyncio.get_running_loop().time()
        changes, self.untold = self.untold, []
        self.own.told += 1
        self.bus.publish("gateway changes", [self.own.told, changes], needed=True)

    def tell_now(self) -> None:
        """Tell the others at once what has changed, if anything has."""
        if self.telling is not None:
            self.telling.cancel()
            self.tell_changes()

    def tell_everything(self, wanted: str) -> None:
        """Tell the others all, if this node is meant ('': every node is)."""
        if wanted not in ("", self.bus.name):
            return
        self.tell_now()
        counts = [[*spot, count] for spot, count in self.own.counts.items()]
        people = [[*spot, users] for spot, users in self.own.people.items()]
        self.bus.publish("gateway all", [self.own.told, counts, people], needed=True)

    def beat(self) -> None:
        """Say that this node lives, and forget those that are not heard any more."""
        self.bus.publish("gateway beat", self.own.told)
        moment = asyncio.get_running_loop().time()
        for name in [name for name, node in self.others.items() if node.until <= moment]:
            self.replace_node(name, None)

    def hear_beat_of(self, sender: str, version: int) -> None:
        """Another node lives, and has said so much until now."""
        node = self.others.setdefault(sender, NodeRoster())
        node.until = asyncio.get_running_loop().time() + ROSTER_LEASE
        if node.told != version:
            self.bus.publish("gateway ask", sender)

    def hear_changes(self, sender: str, content: Any) -> None:
        """Something has changed at another node."""
        version, changes = content
        node = self.others.setdefault(sender, NodeRoster())
        node.until = asyncio.get_running_loop().time() + ROSTER_LEASE
        if node.told != version - 1:
            if node.told != -1:
                node.told = -1
            self.bus.publish("gateway ask", sender)
            return
        node.told = version
        for change in changes:
            what, scope, channel, *more = change
            spot = (scope, channel)
            if what == "in":
                news = not self.is_there(spot, more[0])
                node.apply(change)
                if news:
                    self.on_added(spot, more[0], more[1])
                    self.on_occupancy(spot, more[0], True)
            elif what == "out":
                node.apply(change)
                if not self.is_there(spot, more[0]):
                    self.on_removed(spot, more[0])
                    self.on_occupancy(spot, more[0], False)
            else:
                before = self.count_at(spot)
                node.apply(change)
                if (there := self.count_at(spot) > 0) != (before > 0):
                    self.on_occupancy(spot, "", there)

    def hear_all_of(self, sender: str, content: Any) -> None:
        """All that is at another node."""
        version, counts, people = content
        told = NodeRoster(asyncio.get_running_loop().time() + ROSTER_LEASE, version)
        told.counts = {(scope, channel): count for scope, channel, count in counts}
        for scope, channel, users in people:
            told.people[scope, channel] = dict(users)
        self.learning_from = sender
        try:
            self.replace_node(sender, told)
        finally:
            self.learning_from = ""

    def replace_node(self, name: str, told: NodeRoster | None) -> None:
        """Put what is known of a node in the place of what was known."""
        known = self.others.get(name)
        spots = {*(known.people if known else ()), *(told.people if told else ())}
        channels = {*(known.counts if known else ()), *(told.counts if told else ())}
        before = {spot: self.list_people_at(spot) for spot in spots}
        occupied = {spot for spot in channels if self.count_at(spot)}
        self.others.pop(name, None)
        if told is not None:
            self.others[name] = told
        for spot in (spot for spot in channels if (self.count_at(spot) > 0) != (spot in occupied)):
            self.on_occupancy(spot, "", spot not in occupied)
        for spot in spots:
            after = self.list_people_at(spot)
            for user in before[spot].keys() - after.keys():
                self.on_removed(spot, user)
                self.on_occupancy(spot, user, False)
            for user in after.keys() - before[spot].keys():
                self.on_added(spot, user, after[user])
                self.on_occupancy(spot, user, True)

    def nodes(self) -> Iterator[NodeRoster]:
        """What each node has, this one first."""
        yield self.own
        yield from self.others.values()

    def list_nodes(self) -> list[str]:
        """The names of the other nodes that are heard."""
        moment = asyncio.get_running_loop().time()
        return [name for name, node in self.others.items() if node.until > moment]

    def is_there(self, spot: Spot, user: str) -> bool:
        """Whether a user is on a channel, at any node."""
        return any(user in node.people.get(spot, ()) for node in self.nodes())

    def list_people_at(self, spot: Spot) -> dict[str, str]:
        """The users on a channel, with what is told of each."""
        if not any(spot in node.people for node in self.others.values()):
            return self.own.people.get(spot, {})
        found: dict[str, str] = {}
        for node in self.nodes():
            found = {**node.people.get(spot, {}), **found}
        return found

    def count_at(self, spot: Spot) -> int:
        """How many sockets are on a channel, at all nodes."""
        return sum(node.counts.get(spot, 0) for node in self.nodes())

    def list_occupied(self, scope: int) -> set[str]:
        """The channels of an app that somebody is on."""
        return {channel for node in self.nodes() for own, channel in node.counts if own == scope}
