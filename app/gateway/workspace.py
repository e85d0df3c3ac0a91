"""The workspace's own channels: who follows them, by which right, and when that ends.

No app has a say in them. A client follows one with a grant (`grants.py`), which is looked at together with the right
and the credential when it is used; the log then says when either ends, as it does to the sockets of pages.
"""

from __future__ import annotations

import json
from collections import defaultdict
from typing import TYPE_CHECKING, Any

import structlog

from app.accounts.access import enter_workspace
from app.database import now
from app.gateway.audiences import Audiences, ChannelFollowing, event_of
from app.gateway.connection import BY_NOBODY, GatewayConnection
from app.gateway.grants import ChannelGrant, read_grant
from app.gateway.holdings import SocketLock
from app.gateway.known_apps import read_app
from app.gateway.messages import (
    NO_SUCH_APP,
    UNAUTHORIZED,
    Refused,
    read_event_id,
    write_gap,
    write_json,
    write_subscribed,
    write_subscription_over,
)
from app.gateway.presence import MembersHere
from app.gateway.targets import PRESENT_CHANNEL, Asker, Target, find_asker, find_target, is_editing
from app.live.fact_log import read_facts_after, read_facts_reach
from app.live.log import CLOSE_SOCKETS, UNFOLLOW, Event
from app.web.metrics import REFUSALS

if TYPE_CHECKING:
    from app.gateway.site import Gateway

# What is read of the log for a client that was away; of more it is told that there is a gap.
MOST_MISSED = 1000
# After which facts apps are looked up anew: theirs, and those of their bots.
OF_APPS = ("app.", "member.suspended", "member.ended")

log = structlog.get_logger("gateway")


class WorkspaceChannels:
    """Who follows the workspace's channels in this process."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.audiences = Audiences(gateway.exchange)
        self.here = MembersHere(gateway.node.presence, gateway.exchange)
        self.own: dict[GatewayConnection, dict[str, ChannelFollowing]] = defaultdict(dict)
        self.signed_in: dict[GatewayConnection, ChannelFollowing] = {}

    async def subscribe(self, connection: GatewayConnection, channel: str, data: dict[str, Any]) -> None:
        """Let a client follow a channel that it was granted. Raises Refused."""
        grant = self.check_grant(connection, channel, data.get("auth"))
        if is_editing(channel):
            await self.gateway.editing.subscribe(connection, channel, grant)
            return
        after = read_event_id(data.get("last_event_id"), grant.last)
        missed: list[str] = []
        while True:
            asker, target, cursor, read = await self.look_up(grant.tenant_id, grant, channel, after)
            missed += read
            after = cursor
            if connection.ending is not None:
                return
            if self.gateway.node.hub.is_level(connection.tenant_id, cursor):
                break
        self.forget(connection, channel)
        following = ChannelFollowing(
            connection,
            channel,
            target.inner,
            target.places,
            asker.member.id,
            asker.session_id,
            asker.token_id,
            asker.expires_at,
            cursor,
        )
        connection.subscribed[channel] = BY_NOBODY
        self.own[connection][channel] = following
        if PRESENT_CHANNEL.fullmatch(channel):
            self.here.join(following, asker.member.name, asker.language)
        else:
            connection.write(write_subscribed(channel))
        for text in missed:
            connection.write(text)
        self.audiences.add(following)
        log.debug("subscribed", tenant=connection.workspace, member=asker.member.id, channel=channel)

    def check_grant(self, connection: GatewayConnection, channel: str, auth: Any) -> ChannelGrant:
        """The grant that a client shows, which is for this very socket and channel. Raises Refused."""
        grant = read_grant(self.gateway.settings.secret_key, auth)
        if (
            grant is None
            or grant.over
            or (grant.tenant_id, grant.socket_id, grant.channel)
            != (connection.tenant_id, connection.socket_id, channel)
        ):
            raise self.refuse(connection, channel, "no grant")
        return grant

    def refuse(self, connection: GatewayConnection, channel: str, why: str) -> Refused:
        """What is said of a channel that is refused; it is always logged."""
        REFUSALS.labels("channel").inc()
        log.warning("refused", tenant=connection.workspace, channel=channel[:60], reason=why)
        return Refused(UNAUTHORIZED)

    async def look_up(
        self, tenant_id: int, whose: ChannelGrant | ChannelFollowing, channel: str, after: int
    ) -> tuple[Asker, Target, int, list[str]]:
        """Who asks, for what, up to which cursor that holds, and what was missed since another (-1 for nothing), in one
        snapshot. Raises Refused."""
        gateway = self.gateway
        async with gateway.node.lookups, gateway.database.read(tenant_id) as transaction:
            await enter_workspace(transaction, transaction.tenant.slug)
            asker = await find_asker(transaction, whose.session_id, whose.token_id)
            if asker is None or asker.member.id != whose.member_id:
                raise Refused(UNAUTHORIZED)
            target = await find_target(transaction, asker, channel)
            if target is None:
                raise Refused(UNAUTHORIZED)
            cursor = transaction.tenant.cursor
            if after in (-1, cursor):
                return asker, target, cursor, []
            if after > cursor or after < await read_facts_reach(transaction):
                return asker, target, cursor, [write_gap(channel, after, cursor)]
            facts = await read_facts_after(transaction, after, channels=[target.inner], limit=MOST_MISSED + 1)
        if len(facts) > MOST_MISSED:
            return asker, target, cursor, [write_gap(channel, after, cursor)]
        return asker, target, cursor, [event_of(fact, channel) for fact in facts if fact.channel in target.places]

    async def unsubscribe(self, connection: GatewayConnection, channel: str) -> None:
        """Let a client follow a channel no more."""
        if is_editing(channel):
            await self.gateway.editing.unsubscribe(connection, channel)
            return
        self.forget(connection, channel)

    def forget(self, connection: GatewayConnection, channel: str) -> None:
        """A channel is followed no more."""
        following = self.own[connection].pop(channel, None)
        if not self.own[connection]:
            del self.own[connection]
        connection.subscribed.pop(channel, None)
        if following is not None:
            self.audiences.remove(following)
            self.here.leave(following)

    def end(self, following: ChannelFollowing, why: str) -> None:
        """A right has ended, or what it was used with: its channel is followed no more, and the client is told."""
        connection, channel = following.connection, following.channel
        if self.signed_in.get(connection) is following:
            del self.signed_in[connection]
            self.gateway.exchange.refuse(connection, UNAUTHORIZED, why)
            return
        if isinstance(following, SocketLock):
            self.gateway.editing.end(following, why)
            return
        if self.own.get(connection, {}).get(channel) is not following:
            return  # it has ended already
        self.forget(connection, channel)
        connection.write(write_subscription_over(channel, why))
        log.info("subscription ended", tenant=connection.workspace, channel=channel, reason=why)

    def leave(self, connection: GatewayConnection) -> None:
        """A socket is gone."""
        self.signed_in.pop(connection, None)
        self.gateway.editing.leave(connection)
        for channel in list(self.own.get(connection, ())):
            self.forget(connection, channel)

    def list_followings(self, tenant_id: int) -> list[ChannelFollowing]:
        """All that is followed of a workspace here, and who has signed in."""
        signed = [each for each in self.signed_in.values() if each.connection.tenant_id == tenant_id]
        edited = self.gateway.editing.list_followings(tenant_id)
        return [*self.audiences.followings.get(tenant_id, ()), *signed, *edited]

    def take(self, tenant_id: int, event: Event) -> None:
        """An event of the log, in its order."""
        if event.channel == CLOSE_SOCKETS:
            whose = json.loads(event.body)
            if whose.get("everybody"):
                self.gateway.forget_apps(tenant_id)
            sessions, tokens = set(whose.get("sessions", ())), set(whose.get("tokens", ()))
            for following in self.list_followings(tenant_id):
                if following.is_of(sessions, tokens, whose.get("member")):
                    self.end(following, "ended")
        elif event.channel == UNFOLLOW:
            self.look_at_lost(tenant_id, json.loads(event.body), event.cursor)
        elif event.kind:
            self.audiences.take_fact(tenant_id, event)
            self.gateway.editing.take_fact(tenant_id, event)
            if event.kind.startswith(OF_APPS):
                self.gateway.forget_apps(tenant_id)
                self.gateway.node.start(self.look_at_apps(tenant_id))
        else:
            self.gateway.editing.take_partial(tenant_id, event)

    def look_at_lost(self, tenant_id: int, whose: dict[str, Any], cursor: int) -> None:
        """Members may follow some channels no more, or all but some: they are served nothing of them, until it was
        looked whether they still may."""
        members = set(whose.get("members", ())) or {whose["member"]}
        for following in self.list_followings(tenant_id):
            if following.member_id not in members or not following.inner:
                continue
            kept = {*whose["keep"], f"user.{following.member_id}"} if "keep" in whose else None
            if following.inner in kept if kept is not None else following.inner not in whose["channels"]:
                continue
            if isinstance(following, SocketLock):
                self.gateway.node.start(self.gateway.editing.renew_one(following))
            else:
                self.audiences.remove(following)
                self.gateway.node.start(self.look_again(following, cursor))

    async def look_again(self, following: ChannelFollowing, after: int) -> None:
        """Serve a socket a channel on behind a cursor, if its member still may follow it."""
        connection, channel = following.connection, following.channel
        missed: list[str] = []
        while True:
            try:
                _, target, cursor, read = await self.look_up(connection.tenant_id, following, channel, after)
            except Refused:
                if self.own.get(connection, {}).get(channel) is following:
                    self.end(following, "not allowed")
                return
            if self.own.get(connection, {}).get(channel) is not following:
                return
            missed, after = [*missed, *read], cursor
            if self.gateway.node.hub.is_level(connection.tenant_id, cursor):
                break
        following.inner, following.places, following.cursor = target.inner, target.places, after
        for text in missed:
            connection.write(text)
        self.audiences.add(following)

    def end_expired(self) -> None:
        """End what is followed with credentials that are over."""
        moment = now()
        for tenant_id in {connection.tenant_id for connection in self.gateway.exchange.sockets.values()}:
            for following in self.list_followings(tenant_id):
                if following.expires_at is not None and following.expires_at <= moment:
                    self.end(following, "expired")

    async def look_at_apps(self, tenant_id: int) -> None:
        """End the sockets of apps that are no more, and know the others as they are now."""
        gateway, known = self.gateway, {}
        sockets = [each for each in gateway.exchange.sockets.values() if each.tenant_id == tenant_id]
        async with gateway.node.lookups, gateway.database.read() as transaction:
            for key in {each.key for each in sockets}:
                known[key] = await read_app(transaction, key, "", gateway.settings.secret_key)
        for connection in sockets:
            app = known[connection.key]
            if app is None:
                gateway.exchange.refuse(connection, NO_SUCH_APP)
            else:
                connection.client_events, connection.secrets = app.client_events, app.secrets

    async def sign_in(self, connection: GatewayConnection, given: str, auth: Any) -> bool:
        """Whether a client shows a grant by which a member may sign in on its socket. Raises Refused."""
        grant = read_grant(self.gateway.settings.secret_key, auth)
        if grant is None:
            return False
        own = (connection.tenant_id, connection.socket_id, "")
        if grant.over or (grant.tenant_id, grant.socket_id, grant.channel) != own:
            raise self.refuse(connection, "sign-in", "no grant")
        async with self.gateway.node.lookups, self.gateway.database.read(grant.tenant_id) as transaction:
            asker = await find_asker(transaction, grant.session_id, grant.token_id)
        if asker is None or given != describe_user(asker.member.id, asker.member.name):
            raise self.refuse(connection, "sign-in", "not signed in")
        self.signed_in[connection] = ChannelFollowing(
            connection, "", "", frozenset(), asker.member.id, asker.session_id, asker.token_id, asker.expires_at, 0
        )
        return True


def describe_user(member_id: int, name: str) -> str:
    """What is told of a member who signs in."""
    return write_json({"id": str(member_id), "user_info": {"name": name}})
