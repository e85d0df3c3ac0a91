"""Audiences: who follows the workspace's channels through the gateway in this process, and what facts go to whom.

Those who follow the same channel and get the same kinds of facts are one audience: to it an event is encoded once, and
its events stay in the order of the log.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime

from msgspec import Struct, field

from app.gateway.connection import GatewayConnection
from app.gateway.exchange import EVENT_TICK, Exchange
from app.gateway.messages import write_event, write_json
from app.gateway.roster import Spot
from app.live.log import Event


@dataclass(eq=False, slots=True)
class ChannelFollowing:
    """One socket's following of one channel, by the right of a member and with a credential; `cursor` is up to where
    the log was read for it."""

    connection: GatewayConnection
    channel: str
    inner: str
    places: frozenset[str]
    member_id: int
    session_id: int | None
    token_id: int | None
    expires_at: datetime | None
    cursor: int
    spot: Spot = (0, "")

    def is_of(self, sessions: Collection[int | None], tokens: Collection[int | None], member: int | None) -> bool:
        """Whether it is by one of these credentials, or of this member."""
        return self.session_id in sessions or self.token_id in tokens or self.member_id == member


class AudienceOfChannel(Struct):
    """Who gets the same of one channel: they are at a spot of their own in the exchange."""

    channel: str
    spot: Spot
    people: set[ChannelFollowing] = field(default_factory=set)


def event_of(fact: Event, channel: str) -> str:
    """A fact as an event, whose data say at which cursor the log has it."""
    said = json.loads(fact.body)
    return write_event(said["kind"], write_json({"cursor": fact.cursor, **said["data"]}), channel)


class Audiences:
    """The audiences of this process."""

    def __init__(self, exchange: Exchange) -> None:
        self.exchange = exchange
        self.by_spot: dict[Spot, AudienceOfChannel] = {}
        self.at: dict[tuple[int, str], set[Spot]] = defaultdict(set)
        self.followings: dict[int, set[ChannelFollowing]] = defaultdict(set)
        # Those who had read the log further than the hub has delivered when they came.
        self.ahead: dict[int, set[ChannelFollowing]] = defaultdict(set)

    def add(self, following: ChannelFollowing) -> None:
        """From now on, serve a socket the facts behind its cursor."""
        tenant_id = following.connection.tenant_id
        following.spot = spot = (-tenant_id, f"{following.channel} {hash(following.places)}")
        audience = self.by_spot.setdefault(spot, AudienceOfChannel(following.channel, spot))
        audience.people.add(following)
        self.followings[tenant_id].add(following)
        for place in following.places:
            self.at[tenant_id, place].add(spot)
        if following.cursor > self.exchange.node.hub.cursors.get(tenant_id, 0):
            self.ahead[tenant_id].add(following)
        else:
            self.exchange.follow(following.connection, spot)

    def remove(self, following: ChannelFollowing) -> None:
        """Serve a socket nothing of it any more."""
        tenant_id, spot = following.connection.tenant_id, following.spot
        if following not in self.followings.get(tenant_id, ()):
            return
        self.followings[tenant_id].discard(following)
        if not self.followings[tenant_id]:
            del self.followings[tenant_id]
        self.ahead[tenant_id].discard(following)
        if not self.ahead[tenant_id]:
            del self.ahead[tenant_id]
        self.exchange.unfollow(following.connection, spot)
        audience = self.by_spot[spot]
        audience.people.discard(following)
        if not audience.people:
            del self.by_spot[spot]
            for place in following.places:
                self.at[tenant_id, place].discard(spot)
                if not self.at[tenant_id, place]:
                    del self.at[tenant_id, place]

    def take_fact(self, tenant_id: int, fact: Event) -> None:
        """Send a fact to whoever gets it."""
        if tenant_id in self.ahead:
            for following in [each for each in self.ahead[tenant_id] if each.cursor < fact.cursor]:
                self.ahead[tenant_id].discard(following)
                self.exchange.follow(following.connection, following.spot)
            if not self.ahead[tenant_id]:
                del self.ahead[tenant_id]
        for spot in self.at.get((tenant_id, fact.channel), ()):
            self.exchange.send(spot, event_of(fact, self.by_spot[spot].channel), tick=EVENT_TICK)
