"""Occupancy: which channels of apps somebody has come to, and which the last has left, told once over all nodes.

Every node hears of each of it by the roster; the one that has run for longest tells it on, to the webhooks of apps
(`app_sending.py`). The others keep what they heard until that one has lived on for a while, so that whoever comes after
it goes on where it ended. Whoever is back within some seconds has not gone, as Pusher has it.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable
from typing import Any

from app.gateway.messages import write_json
from app.gateway.roster import ROSTER_LEASE, Roster, Spot

# As long may somebody be away without having gone.
GONE_AFTER = 3.0
# What is told leaves together with what else is within a moment.
HOOK_TICK = 0.2
# A node that is new listens for so long whether an older one is there, and what that one had to tell so long before it
# last spoke is told.
LISTENING, SURELY_TOLD = 2.5, 2.0
MOST_HELD = 10_000

Offer = Callable[[int, int, dict[str, Any]], None]


class Occupancy:
    """Turns what the roster says into events of Pusher's webhooks; `offer` takes each, with the ids of workspace and
    app."""

    def __init__(self, roster: Roster) -> None:
        self.roster = roster
        self.bus = roster.bus
        self.offer: Offer = lambda workspace, app_id, event: None
        self.since = time.time()
        self.listening_until = 0.0
        self.elders: dict[str, tuple[float, float]] = {}  # of other nodes: since when they run, when they were heard
        self.gone: dict[tuple[Spot, str], float] = {}
        self.held: deque[tuple[float, int, int, dict[str, Any]]] = deque(maxlen=MOST_HELD)
        self.noted: deque[tuple[float, int, int, dict[str, Any]]] = deque(maxlen=MOST_HELD)
        self.workspaces: dict[int, int] = {}
        self.planned: asyncio.TimerHandle | None = None
        roster.on_occupancy = self.hear
        self.bus.handlers["gateway since"] = self.hear_since

    def hear(self, spot: Spot, user: str, there: bool) -> None:
        """Somebody has come to a channel of an app, or the last one has left it; or the user has."""
        app_id, channel = spot
        if app_id <= 0 or channel.startswith("#"):
            return
        if workspace := self.roster.workspace_of(app_id):
            self.workspaces[app_id] = workspace
        if not there:
            self.gone[spot, user] = asyncio.get_running_loop().time()
        elif self.gone.pop((spot, user), None) is None:
            self.hold(app_id, write_occupancy(channel, user, there=True))
        self.plan()

    def note(self, app_id: int, event: dict[str, Any]) -> None:
        """Something has happened here that no other node hears of: it is told from here."""
        workspace = self.workspaces.get(app_id) or self.roster.workspace_of(app_id)
        if workspace and (self.held or self.noted):  # that somebody came to the channel is told before
            self.noted.append((asyncio.get_running_loop().time(), workspace, app_id, event))
        elif workspace:
            self.offer(workspace, app_id, event)

    def hold(self, app_id: int, event: dict[str, Any]) -> None:
        """Keep what is to be told."""
        if workspace := self.workspaces.get(app_id):
            self.held.append((asyncio.get_running_loop().time(), workspace, app_id, event))

    def plan(self) -> None:
        """Tell in a moment."""
        if self.planned is None:
            self.planned = asyncio.get_running_loop().call_later(HOOK_TICK, self.tell)

    def beat(self) -> None:
        """Say since when this node runs, and tell what is due."""
        self.bus.publish("gateway since", self.since)
        self.tell()

    def hear_since(self, sender: str, since: float) -> None:
        """Another node lives. What it had to tell a while ago it has told if it is the one who does."""
        moment = asyncio.get_running_loop().time()
        self.elders[sender] = since, moment
        if (since, sender) == min(self.list_nodes(moment)):
            while self.held and self.held[0][0] < moment - SURELY_TOLD:
                self.held.popleft()

    def list_nodes(self, moment: float) -> list[tuple[float, str]]:
        """The nodes that live, by since when they run."""
        self.elders = {name: at for name, at in self.elders.items() if at[1] > moment - ROSTER_LEASE}
        return [(self.since, self.bus.name), *((since, name) for name, (since, _) in self.elders.items())]

    def tells(self, moment: float) -> bool:
        """Whether this node is the one that tells. Which does not know what the others do tells nothing."""
        if self.bus.state == "in-process":
            return True
        if not self.bus.reachable:
            self.listening_until = moment + LISTENING
            self.gone = dict.fromkeys(self.gone, moment)  # they may only be out of sight
        elif not self.listening_until:
            self.listening_until = moment + LISTENING
        return moment >= self.listening_until and (self.since, self.bus.name) == min(self.list_nodes(moment))

    def tell(self) -> None:
        """Tell what is due, if it is this node's to tell."""
        self.planned = None
        moment = asyncio.get_running_loop().time()
        tells = self.tells(moment)
        for (spot, user), at in sorted(self.gone.items(), key=lambda each: not each[0][1]):
            if at <= moment - GONE_AFTER:
                del self.gone[spot, user]
                self.hold(spot[0], write_occupancy(spot[1], user, there=False))
        while tells and self.held:
            self.offer(*self.held.popleft()[1:])
        while self.noted and not (self.held and self.held[0][0] <= self.noted[0][0]):
            self.offer(*self.noted.popleft()[1:])


def write_occupancy(channel: str, user: str, *, there: bool) -> dict[str, Any]:
    """An event of Pusher's webhooks."""
    if user:
        return {"name": "member_added" if there else "member_removed", "channel": channel, "user_id": user}
    return {"name": "channel_occupied" if there else "channel_vacated", "channel": channel}


def describe_client_event(name: str, data: Any, channel: str, socket_id: str, user: str) -> dict[str, Any]:
    """What a client has said to the others on a channel, as Pusher's webhooks have it."""
    text = data if isinstance(data, str) else write_json(data)
    event = {"name": "client_event", "channel": channel, "event": name, "data": text, "socket_id": socket_id}
    return {**event, "user_id": user} if user else event
