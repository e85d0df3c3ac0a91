"""Who of a workspace is here, on `presence-tenant.{id}`: the same people that pages show, as the same presence knows
them (`live/presence.py`)."""

from __future__ import annotations

import asyncio

from app.gateway.audiences import ChannelFollowing
from app.gateway.exchange import PRESENCE_TICK, Exchange
from app.gateway.messages import write_event, write_json, write_subscribed
from app.live.presence import Person, Presence, PresenceKey

WHERE = "tenant"


class MembersHere:
    """Tells who comes and goes to those who follow that through the gateway."""

    def __init__(self, presence: Presence, exchange: Exchange) -> None:
        self.presence = presence
        self.exchange = exchange
        self.followings: dict[int, set[ChannelFollowing]] = {}
        self.told: dict[int, dict[int, Person]] = {}
        self.planned: dict[int, asyncio.TimerHandle] = {}
        presence.on_change.append(self.notice)

    def join(self, following: ChannelFollowing, name: str, language: str) -> None:
        """A member is here with a socket of the gateway: tell it who else is, and the others of its member."""
        connection = following.connection
        tenant_id = connection.tenant_id
        self.presence.join(tenant_id, language, WHERE, Person(following.member_id, name))
        if tenant_id not in self.told:
            self.told[tenant_id] = self.presence.gather((tenant_id, WHERE))
        else:
            self.tell(tenant_id)
        followings = self.followings.setdefault(tenant_id, set())
        followings.add(following)
        people = self.told[tenant_id]
        ids = [str(member_id) for member_id in people]
        known = {str(person.id): {"name": person.name} for person in people.values()}
        here = {"presence": {"count": len(people), "ids": ids, "hash": known}}
        connection.write(write_subscribed(following.channel, write_json(here)))
        self.exchange.follow(connection, (-tenant_id, following.channel))

    def leave(self, following: ChannelFollowing) -> None:
        """It is here no more."""
        tenant_id = following.connection.tenant_id
        followings = self.followings.get(tenant_id, set())
        if following not in followings:
            return
        followings.discard(following)
        self.exchange.unfollow(following.connection, (-tenant_id, following.channel))
        if not followings:
            del self.followings[tenant_id]
            self.told.pop(tenant_id, None)
        self.presence.leave(tenant_id, WHERE, following.member_id)

    def notice(self, place: PresenceKey) -> None:
        """Who is here has changed: it is told with what else changes in a moment."""
        tenant_id, channel = place
        if channel == WHERE and tenant_id in self.followings and tenant_id not in self.planned:
            later = asyncio.get_running_loop().call_later(PRESENCE_TICK, self.tell, tenant_id)
            self.planned[tenant_id] = later

    def tell(self, tenant_id: int) -> None:
        """Tell who has come and gone."""
        if planned := self.planned.pop(tenant_id, None):
            planned.cancel()
        if tenant_id not in self.told:
            return
        before, after = self.told[tenant_id], self.presence.gather((tenant_id, WHERE))
        self.told[tenant_id] = after
        channel = f"presence-tenant.{tenant_id}"
        for member_id in before.keys() - after.keys():
            data = write_json({"user_id": str(member_id)})
            text = write_event("pusher_internal:member_removed", data, channel)
            self.exchange.send((-tenant_id, channel), text, tick=PRESENCE_TICK)
        for member_id in after.keys() - before.keys():
            data = write_json({"user_id": str(member_id), "user_info": {"name": after[member_id].name}})
            text = write_event("pusher_internal:member_added", data, channel)
            self.exchange.send((-tenant_id, channel), text, tick=PRESENCE_TICK)
