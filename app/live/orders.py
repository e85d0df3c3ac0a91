"""Orders of the log, which no page sees: sockets and streams are ended, follow less, or ask anew what there is."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.live.connection import StreamConnection
from app.live.log import CLOSE_SOCKETS, MORE_TO_FOLLOW, UNFOLLOW, Event

if TYPE_CHECKING:
    from app.live.hub import Hub


def close_for(hub: Hub, tenant_id: int, event: Event) -> None:
    """End the sockets that a logged event names."""
    whose = json.loads(event.body)
    sessions, tokens = set(whose.get("sessions", ())), set(whose.get("tokens", ()))
    for connection in list(hub.connections.get(tenant_id, ())):
        if (
            whose.get("everybody")
            or connection.session_id in sessions
            or connection.token_id in tokens
            or (connection.member_id and connection.member_id == whose.get("member"))
        ):
            hub.end(connection, 4401, whose["reason"])


def unfollow_for(hub: Hub, tenant_id: int, event: Event) -> None:
    """Serve members' sockets some channels no more, or all but some. What is due to them was theirs to see.

    Their streams ask anew what they may follow, and go on from there.
    """
    whose = json.loads(event.body)
    members = set(whose.get("members", ())) or {whose["member"]}
    for connection in list(hub.connections.get(tenant_id, ())):
        if connection.member_id not in members:
            continue
        if isinstance(connection, StreamConnection):
            ask_anew(hub, connection, event)
            continue
        if "keep" in whose:
            kept = {*whose["keep"], f"user.{connection.member_id}"}
            lost = [name for name in connection.channels if name not in kept]
        else:
            lost = [name for name in connection.channels if name in whose["channels"]]
        for channel in lost:
            hub.followers.get((tenant_id, channel), set()).discard(connection)
        connection.channels = tuple(name for name in connection.channels if name not in lost)


def follow_more_for(hub: Hub, tenant_id: int, event: Event) -> None:
    """Have the streams of members, or of everybody, ask anew what there is, of those that follow all."""
    whose = json.loads(event.body)
    for connection in list(hub.streams.get(tenant_id, ())):
        if connection.follows_all and (whose["everybody"] or connection.member_id in whose["members"]):
            ask_anew(hub, connection, event)


def ask_anew(hub: Hub, connection: StreamConnection, event: Event) -> None:
    """Have a stream ask what it may follow by now. It has got all that was before the event, and goes on behind it;
    behind an earlier one, if it has not asked since that."""
    if hub.due:
        hub.flush()
    hub.unfollow(connection)
    connection.ask_anew(event.cursor)


ORDERS: dict[str, Callable[[Hub, int, Event], None]] = {
    CLOSE_SOCKETS: close_for,
    UNFOLLOW: unfollow_for,
    MORE_TO_FOLLOW: follow_more_for,
}
