"""Occupancy: which channels of apps somebody has come to, and which the last has left, told once over all nodes.

Every node hears of each of it by the roster; the one that has run for longest tells it on, to the webhooks of apps
(`app_sending.py`), and says so. The others keep what they heard until then, so that whoever comes after it goes on
where it ended. What clients say is told by the node that hears it, at once, with what is to be told of the channel
before it. Whoever is back within some seconds has not gone, as Pusher has it. A node that ends leaves those who are
away to another one; the last one tells that they have gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from collections import Counter, deque
from collections.abc import Callable, Iterable
from typing import Any

from app.gateway.hook_events import tell_back, write_occupancy
from app.gateway.roster import ROSTER_LEASE, Roster, Spot

# As long may somebody be away without having gone.
GONE_AFTER = 3.0
# What is told leaves together with what else is within a moment; it is left for so long to a node that tells at once.
HOOK_TICK, LEFT_TO_OTHERS = 0.2, 0.1
# A node that is new listens for so long whether an older one is there, and what that one had to tell so long before it
# last spoke is told, even if it was not heard to say so.
LISTENING, SURELY_TOLD = 2.5, 2.0
# Within so long another node says that it goes on for one that ends.
TAKEN_OVER_WITHIN = 1.0
MOST_HELD = 10_000
# So much is told at once, and the next of it a moment later, so that it can be kept meanwhile.
PART_TOLD, NEXT_PART_AFTER = 1000, 0.02

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
        self.settled: list[tuple[int, dict[str, Any]]] = []  # what others need not tell, and do not know yet
        self.workspaces: dict[int, int] = {}
        self.planned: asyncio.TimerHandle | None = None
        # While this node ends: whether another goes on for it, and which end at the same time.
        self.leaving = self.taken_over = False
        self.leaving_too: list[tuple[float, str]] = []
        self.answered = asyncio.Event()
        roster.on_occupancy = self.hear
        self.bus.handlers["gateway since"] = self.hear_since
        self.bus.handlers["gateway settled"] = lambda sender, content: self.drop_settled(content)
        self.bus.handlers["gateway leaves"] = self.hear_leaving
        self.bus.handlers["gateway takes over"] = self.hear_taken_over
        self.bus.on_join.append(lambda: self.bus.publish("gateway since", self.since))

    def hear(self, spot: Spot, user: str, there: bool) -> None:
        """Somebody has come to a channel of an app, or the last one has left it; or the user has."""
        app_id, channel = spot
        if app_id <= 0 or channel.startswith("#"):
            return
        if workspace := self.roster.workspace_of(app_id):
            self.workspaces[app_id] = workspace
        moment, come = asyncio.get_running_loop().time(), write_occupancy(channel, user, there=True)
        if not there:
            self.gone[spot, user] = moment
        elif self.gone.pop((spot, user), None) is None:
            if not self.is_elder(self.roster.learning_from):  # which has told it, or keeps it itself
                self.hold(app_id, come)
        elif self.is_eldest(moment):  # a node that is newer may not know that this was told
            self.settled.append((app_id, come))
        self.plan()

    def note(self, app_id: int, event: dict[str, Any]) -> None:
        """Something has happened here that no other node hears of: it is told from here, after what is to be told of
        its channel."""
        workspace = self.workspaces.get(app_id) or self.roster.workspace_of(app_id)
        if not workspace:
            return
        if self.held and self.knows_all():
            of_channel = [each for each in self.held if each[2] == app_id and each[3]["channel"] == event["channel"]]
            for each in of_channel:
                self.held.remove(each)
                self.pass_on(each)
            self.say_settled()
        self.offer(workspace, app_id, event)

    def hold(self, app_id: int, event: dict[str, Any]) -> None:
        """Keep what is to be told; where that is too much, the oldest is told at once, by who tells."""
        if workspace := self.workspaces.get(app_id):
            moment = asyncio.get_running_loop().time()
            if len(self.held) >= MOST_HELD and not self.leaving and self.tells(moment):
                self.pass_on(self.held.popleft())
            self.held.append((moment, workspace, app_id, event))

    def list_missing(self, told: Iterable[tuple[Spot, str]]) -> set[tuple[Spot, str]]:
        """Of some users on channels, and of channels, those where nobody is, and that is not about to be told."""
        there = self.roster.is_there
        away = {each for each in told if not (there(*each) if each[1] else self.roster.count_at(each[0]))}
        held = {((app_id, event["channel"]), event.get("user_id", "")) for _, _, app_id, event in self.held}
        return away - held - self.gone.keys()

    def miss(self, workspace: int, spot: Spot, user: str) -> None:
        """Somebody has gone unseen."""
        self.workspaces[spot[0]] = workspace
        self.hold(spot[0], write_occupancy(spot[1], user, there=False))
        self.plan()

    def pass_on(self, held: tuple[float, int, int, dict[str, Any]]) -> None:
        """Tell what was held."""
        _, workspace, app_id, event = held
        self.offer(workspace, app_id, event)
        self.settled.append((app_id, event))

    def say_settled(self) -> None:
        """Say to the others what they need not tell, after what it is about."""
        if self.settled:
            self.roster.tell_now()
            self.bus.publish("gateway settled", self.settled, needed=True)
            self.settled = []

    def drop_settled(self, settled: list[Any]) -> None:
        """Another node has told something, or knows that it was told before."""
        wanted = Counter((app_id, tuple(event.items())) for app_id, event in settled)
        kept: deque[tuple[float, int, int, dict[str, Any]]] = deque(maxlen=MOST_HELD)
        for each in self.held:
            key = each[2], tuple(each[3].items())
            back = each[2], tuple(tell_back(each[3]).items())
            if wanted[key]:
                wanted[key] -= 1
            elif not wanted[back]:  # else they were back in time, as the others see it
                kept.append(each)
        self.held = kept
        for (app_id, event), count in wanted.items():
            told = dict(event)
            if count and told["name"] in ("channel_vacated", "member_removed"):
                self.gone.pop(((app_id, told["channel"]), told.get("user_id", "")), None)

    def plan(self, after: float = HOOK_TICK) -> None:
        """Tell in a moment."""
        if self.planned is None and not self.leaving:
            self.planned = asyncio.get_running_loop().call_later(after, self.tell)

    def beat(self) -> None:
        """Say since when this node runs, and tell what is due."""
        self.bus.publish("gateway since", self.since)
        self.tell()

    def hear_since(self, sender: str, since: float) -> None:
        """Another node lives. What it had to tell a while ago it has told if it is the one who does."""
        moment = asyncio.get_running_loop().time()
        is_new = sender not in self.elders
        self.elders[sender] = since, moment
        if is_new and not self.leaving:
            self.bus.publish("gateway since", self.since)  # so that it knows that before it asks what is here
        if (since, sender) == min(self.list_nodes(moment)):
            while self.held and self.held[0][0] < moment - SURELY_TOLD:
                self.held.popleft()

    def list_nodes(self, moment: float) -> list[tuple[float, str]]:
        """The nodes that live, by since when they run."""
        self.elders = {name: at for name, at in self.elders.items() if at[1] > moment - ROSTER_LEASE}
        return [(self.since, self.bus.name), *((since, name) for name, (since, _) in self.elders.items())]

    def is_elder(self, name: str) -> bool:
        """Whether another node is known to run for longer than this one."""
        return name in self.elders and (self.elders[name][0], name) < (self.since, self.bus.name)

    def is_eldest(self, moment: float) -> bool:
        """Whether no other node is known to run for longer."""
        return (self.since, self.bus.name) == min(self.list_nodes(moment))

    def is_last(self) -> bool:
        """Whether no other node is there."""
        return len(self.list_nodes(asyncio.get_running_loop().time())) == 1 and not self.roster.list_nodes()

    def knows_all(self) -> bool:
        """Whether this node hears what the others do, if there are any."""
        return self.bus.state == "in-process" or self.bus.reachable

    def sees_all(self) -> bool:
        """Whether nobody is connected whom this node does not see: of several without Redis each sees its own alone."""
        return self.bus.alone or self.bus.reachable

    def tells(self, moment: float) -> bool:
        """Whether this node is the one that tells. Which does not know what the others do tells nothing."""
        if self.bus.state == "in-process":
            return True
        if not self.bus.reachable:
            self.listening_until = moment + LISTENING
            self.gone = dict.fromkeys(self.gone, moment)  # they may only be out of sight
        elif not self.listening_until:
            self.listening_until = moment + LISTENING
        return moment >= self.listening_until and self.is_eldest(moment)

    def tell(self) -> None:
        """Tell what is due, if it is this node's to tell; of much the first."""
        self.planned = None
        if self.leaving:
            return
        loop = asyncio.get_running_loop()
        tells = self.tells(loop.time())
        self.hold_gone(loop.time() - GONE_AFTER)
        is_all = not tells or self.pass_on_part(loop.time() - LEFT_TO_OTHERS)
        self.say_settled()
        if tells and self.held:
            self.plan(HOOK_TICK if is_all else NEXT_PART_AFTER)

    def pass_on_part(self, due: float) -> bool:
        """Tell the first of what is held since some time; whether that was all of it."""
        for _ in range(PART_TOLD):
            if not self.held or self.held[0][0] > due:
                return True
            self.pass_on(self.held.popleft())
        return False

    async def pass_on_all(self) -> None:
        """Tell all that is held, and meanwhile let it be kept."""
        while not self.pass_on_part(math.inf):
            self.say_settled()
            await asyncio.sleep(NEXT_PART_AFTER)

    def hold_gone(self, until: float) -> None:
        """Those who are away since some time have gone: as many as there is room for."""
        for (spot, user), at in sorted(self.gone.items(), key=lambda each: not each[0][1]):
            if at <= until and len(self.held) < MOST_HELD:
                del self.gone[spot, user]
                self.hold(spot[0], write_occupancy(spot[1], user, there=False))

    async def end(self) -> None:
        """This process ends, and its sockets have: leave who is away to a node that goes on; the last one tells that
        they have gone."""
        moment = asyncio.get_running_loop().time()
        if not self.knows_all():
            return
        self.leaving = True
        if self.tells(moment):
            await self.pass_on_all()
        self.say_settled()
        if not self.is_last():
            away = [
                [app_id, self.workspaces.get(app_id, 0), channel, user, moment - at]
                for ((app_id, channel), user), at in self.gone.items()
            ]
            self.roster.tell_now()
            self.bus.publish("gateway leaves", [self.since, away], needed=True)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self.answered.wait(), TAKEN_OVER_WITHIN)
            if self.taken_over or min(self.leaving_too, default=(self.since, "")) < (self.since, self.bus.name):
                return
        gone_until = asyncio.get_running_loop().time()
        while self.held or any(at <= gone_until for at in self.gone.values()):
            self.hold_gone(gone_until)
            await self.pass_on_all()

    def hear_leaving(self, sender: str, content: Any) -> None:
        """Another node ends: who is away by what it knows is this one's to tell of."""
        since, away = content
        self.roster.replace_node(sender, None)
        self.elders.pop(sender, None)
        moment = asyncio.get_running_loop().time()
        for app_id, workspace, channel, user, seconds in away:
            spot = (app_id, channel)
            if workspace:
                self.workspaces[app_id] = workspace
            if self.roster.is_there(spot, user) if user else self.roster.count_at(spot):
                self.drop_settled([(app_id, write_occupancy(channel, user, there=True))])  # they are back
            else:
                self.gone.setdefault((spot, user), moment - seconds)
        if not self.leaving:
            self.bus.publish("gateway takes over", sender, needed=True)
            self.plan()
            return
        self.leaving_too.append((since, sender))
        if self.is_last():
            self.answered.set()

    def hear_taken_over(self, sender: str, whose: str) -> None:
        """Another node goes on for one that ends."""
        if whose == self.bus.name:
            self.taken_over = True
            self.answered.set()
