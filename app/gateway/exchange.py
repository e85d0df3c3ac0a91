"""The exchange: the sockets of the gateway in this process, what they follow, and the way of an event to them.

What is sent to a channel in one moment leaves as one write, as with pages (`live/hub.py`), whose hub writes to these
sockets, too, and drops those whose reader is too slow. Other nodes hear of it by the bus.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import ExitStack
from functools import partial
from sys import intern

from msgspec import Struct

from app.gateway.caches import Caches
from app.gateway.connection import BY_NOBODY, GatewayConnection, Subscribed
from app.gateway.messages import (
    NO_PONG,
    PING,
    UNAUTHORIZED,
    WHY,
    write_event,
    write_json,
    write_refusal,
    write_subscribed,
)
from app.gateway.names import INTERNAL_EVENTS, TO_USER, is_cache, is_presence, user_of
from app.gateway.occupancy import Occupancy
from app.gateway.people_there import PeopleThere
from app.gateway.roster import Roster, Spot
from app.live.frames import encode
from app.live.node import Node
from app.web.metrics import DELIVERIES

EVENT_TICK, PRESENCE_TICK = 0.005, 0.05
GATEWAY_BEAT = 1.0
# A socket that says nothing for so long is asked whether it is there, and has so long to answer.
SILENT_FOR, PONG_WITHIN = 60.0, 30.0
# The channel that stands for all sockets of an app, where they are counted.
ALL_SOCKETS = "#sockets"


class Sent(Struct, frozen=True):
    """Something that is due on a channel: as a text and encoded, and whom it is not for, by their socket's id."""

    text: str
    frame: bytes
    without: str = ""


class Exchange:
    """Knows the gateway's sockets of this process, by their channels."""

    def __init__(self, node: Node) -> None:
        self.node = node
        self.roster = Roster(node.bus)
        self.roster.on_added, self.roster.on_removed = self.tell_added, self.tell_removed
        self.occupancy = Occupancy(self.roster)
        self.sockets: dict[str, GatewayConnection] = {}
        self.followers: dict[Spot, set[GatewayConnection]] = defaultdict(set)
        self.users: dict[Spot, set[GatewayConnection]] = defaultdict(set)
        self.due: dict[Spot, list[Sent]] = defaultdict(list)
        # Who came to a channel while something was due there, with how much of it was not for them.
        self.newcomers: dict[Spot, dict[GatewayConnection, int]] = defaultdict(dict)
        self.flushing: asyncio.TimerHandle | None = None
        self.flush_at = 0.0
        self.flushed_at = 0.0
        self.people: dict[Spot, PeopleThere] = {}
        self.caches = Caches(node.bus)
        node.bus.handlers["gateway event"] = lambda sender, content: self.take_event(*content)
        node.bus.handlers["gateway terminate"] = lambda sender, content: self.end_user(*content)

    def add(self, connection: GatewayConnection) -> None:
        """A socket was accepted."""
        connection.heard_at = asyncio.get_running_loop().time()
        self.sockets[connection.socket_id] = connection
        self.roster.belong(connection.app_id, connection.tenant_id)
        self.roster.count_more((connection.app_id, ALL_SOCKETS), 1)

    def remove(self, connection: GatewayConnection) -> None:
        """A socket is gone: it is taken out of everything, whatever fails in telling others of it."""
        with ExitStack() as stack:
            if self.sockets.pop(connection.socket_id, None) is not None:
                stack.callback(self.roster.count_more, (connection.app_id, ALL_SOCKETS), -1)
            stack.callback(self.sign_out, connection)
            for channel in reversed(connection.subscribed):
                stack.callback(self.unsubscribe, connection, channel)

    def subscribe(self, connection: GatewayConnection, channel: str, user: str = "", info: str = "null") -> None:
        """Let a socket follow a channel of its app, on one with presence as a user of whom that is told."""
        spot = (connection.app_id, channel)
        if channel not in connection.subscribed:
            connection.subscribed[intern(channel)] = Subscribed(user) if user else BY_NOBODY
            self.follow(connection, spot)
            if not user_of(channel):
                self.roster.count_more(spot, 1)
            if user and self.roster.enter(spot, user, info):
                self.tell_added(spot, user, info, without=connection.socket_id)
        people = self.find_people(spot) if is_presence(channel) else None
        connection.write(people.write_to(channel) if people else write_subscribed(channel))
        if is_cache(channel):
            self.caches.find_for(spot, partial(self.tell_last, connection, spot))

    def tell_last(self, connection: GatewayConnection, spot: Spot, last: str) -> None:
        """Tell one who has come to a channel with a cache what was said there last, or that nothing was."""
        app_id, channel = spot
        if channel in connection.subscribed:
            connection.write(last or write_event("pusher:cache_miss", "", channel))
            if not last:
                self.occupancy.note(app_id, {"name": "cache_miss", "channel": channel})

    def follow(self, connection: GatewayConnection, spot: Spot) -> None:
        """From now on, serve a socket what is sent to a channel."""
        self.followers[spot].add(connection)
        if spot in self.due:
            self.newcomers[spot][connection] = len(self.due[spot])

    def unfollow(self, connection: GatewayConnection, spot: Spot) -> None:
        """Serve a socket nothing of a channel."""
        if followers := self.followers.get(spot):
            followers.discard(connection)
            if not followers:
                del self.followers[spot]
                self.people.pop(spot, None)
        if spot in self.newcomers:
            self.newcomers[spot].pop(connection, None)

    def find_people(self, spot: Spot) -> PeopleThere:
        """Who is on a channel with presence, as one who comes to it is told."""
        known = self.people.get(spot)
        if known is None:
            known = self.people[spot] = PeopleThere()
            for user, info in self.roster.list_people_at(spot).items():
                known.add(user, info)
        return known

    def unsubscribe(self, connection: GatewayConnection, channel: str) -> bool:
        """Let a socket follow a channel no more. False when it did not."""
        subscribed = connection.subscribed.pop(channel, None)
        if subscribed is None:
            return False
        spot = (connection.app_id, channel)
        self.unfollow(connection, spot)
        if not user_of(channel):
            self.roster.count_more(spot, -1)
        if subscribed.user and self.roster.leave(spot, subscribed.user):
            self.tell_removed(spot, subscribed.user)
        return True

    def sign_in(self, connection: GatewayConnection, user: str) -> None:
        """A user has signed in on a socket."""
        self.sign_out(connection)
        connection.user = user
        self.users[connection.app_id, user].add(connection)

    def sign_out(self, connection: GatewayConnection) -> None:
        """Nobody is signed in on a socket."""
        if connection.user:
            own = (connection.app_id, connection.user)
            self.users[own].discard(connection)
            if not self.users[own]:
                del self.users[own]
            connection.user = ""

    def publish(self, app_id: int, channel: str, name: str, text: str, *, without: str = "") -> None:
        """Send an event to whoever follows a channel of an app, at every node, but to one socket."""
        self.take_event(app_id, channel, name, text, without)
        self.node.bus.publish("gateway event", [app_id, channel, name, text, without], needed=True)

    def take_event(self, app_id: int, channel: str, name: str, text: str, without: str) -> None:
        """Send an event to whoever follows a channel here."""
        if is_cache(channel) and not name.startswith(("client-", *INTERNAL_EVENTS)):
            self.caches.keep((app_id, channel), text)
        if user := user_of(channel):
            self.write_to_user(app_id, user, text)
        else:
            self.send((app_id, channel), text, without=without, tick=EVENT_TICK)

    def write_to_user(self, app_id: int, user: str, text: str) -> None:
        """Send something to the sockets that a user has signed in on."""
        self.node.hub.write_to_all(list(self.users.get((app_id, user), ())), text, encode(text))

    def end_user(self, app_id: int, user: str) -> None:
        """End the sockets that a user has signed in on."""
        for connection in list(self.users.get((app_id, user), ())):
            self.refuse(connection, UNAUTHORIZED, "The app has ended this connection")

    def terminate_user(self, app_id: int, user: str) -> None:
        """Likewise at every node."""
        self.end_user(app_id, user)
        self.node.bus.publish("gateway terminate", [app_id, user], needed=True)

    def refuse(self, connection: GatewayConnection, code: int, why: str = "") -> None:
        """Tell a socket why it ends, and end it."""
        connection.write(write_refusal(code, why or WHY[code]))
        self.node.hub.end(connection, code, why or WHY[code])

    def tell_added(self, spot: Spot, user: str, info: str, without: str = "") -> None:
        """Tell those on a channel with presence who has come, but for one socket."""
        if known := self.people.get(spot):
            known.add(user, info)
        data = f'{{"user_id":{write_json(user)},"user_info":{info}}}'
        self.send(spot, write_event("pusher_internal:member_added", data, spot[1]), without=without, tick=PRESENCE_TICK)

    def tell_removed(self, spot: Spot, user: str) -> None:
        """Tell those on a channel with presence who has gone."""
        self.people.pop(spot, None)
        data = write_json({"user_id": user})
        self.send(spot, write_event("pusher_internal:member_removed", data, spot[1]), tick=PRESENCE_TICK)

    def send(self, spot: Spot, text: str, *, without: str = "", tick: float) -> None:
        """Send something to whoever follows a channel here, now or with what else comes in a moment."""
        if spot not in self.followers:
            return
        self.due[spot].append(Sent(text, encode(text), without))
        loop = asyncio.get_running_loop()
        at = self.flushed_at + tick
        if at <= loop.time():
            self.flush()
        elif self.flushing is None or at < self.flush_at:
            if self.flushing is not None:
                self.flushing.cancel()
            self.flush_at = at
            self.flushing = loop.call_at(at, self.flush)

    def flush(self) -> None:
        """Write what is due: what is due on a channel in one go."""
        if self.flushing is not None:
            self.flushing.cancel()
            self.flushing = None
        due, self.due = self.due, defaultdict(list)
        newcomers, self.newcomers = self.newcomers, defaultdict(dict)
        for spot, sent in due.items():
            followers = self.followers.get(spot)
            if followers:
                self.write_due(followers, sent, newcomers.get(spot, {}))
        self.flushed_at = asyncio.get_running_loop().time()

    def write_due(
        self, followers: set[GatewayConnection], sent: list[Sent], newcomers: dict[GatewayConnection, int]
    ) -> None:
        """Write what is due on a channel to those who follow it; to some of them not all of it is."""
        special = set(newcomers)
        for each in sent:
            if each.without and each.without in self.sockets:
                special.add(self.sockets[each.without])
        others = followers - special if special else followers
        queued = next(iter(followers)).queue is not None  # on a server without our protocol
        if others and not queued:
            frame = sent[0].frame if len(sent) == 1 else b"".join([each.frame for each in sent])
            self.node.hub.write_to_all(list(others), "", frame)
        elif others:
            for each in sent:
                self.node.hub.write_to_all(list(others), each.text, each.frame)
        for connection in special & followers:
            for each in sent[newcomers.get(connection, 0) :]:
                if each.without != connection.socket_id:
                    self.node.hub.write(connection, each.text, each.frame)
        DELIVERIES.inc(len(followers))

    def beat(self) -> None:
        """Say that this node lives, and look after silent sockets."""
        self.roster.beat()
        self.occupancy.beat()
        self.look_at_silent()

    def look_at_silent(self) -> None:
        """Ask sockets that say nothing whether they are there; end those that were asked and did not answer."""
        moment = asyncio.get_running_loop().time()
        for connection in list(self.sockets.values()):
            connection.said = 0
            silent = moment - connection.heard_at
            if silent > SILENT_FOR + PONG_WITHIN and connection.pinged:
                self.refuse(connection, NO_PONG)
            elif silent > SILENT_FOR and not connection.pinged:
                connection.pinged = True
                connection.write(PING)

    def list_channels(self, app_id: int, prefix: str) -> list[str]:
        """The channels of an app that somebody is on."""
        names = self.roster.list_occupied(app_id)
        return sorted(name for name in names if name.startswith(prefix) and name[:1] != "#")


def to_user(user: str) -> str:
    """The channel of one user."""
    return TO_USER + user
