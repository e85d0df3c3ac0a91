"""What servers of apps are told, as Pusher's webhooks have it: who comes to channels and goes, and what clients say."""

from __future__ import annotations

from typing import Any

from app.gateway.messages import write_json


def describe_client_event(name: str, data: Any, channel: str, socket_id: str, user: str) -> dict[str, Any]:
    """What a client has said to the others on a channel, as Pusher's webhooks have it."""
    text = data if isinstance(data, str) else write_json(data)
    event = {"name": "client_event", "channel": channel, "event": name, "data": text, "socket_id": socket_id}
    return {**event, "user_id": user} if user else event


def write_occupancy(channel: str, user: str, *, there: bool) -> dict[str, Any]:
    """An event of Pusher's webhooks."""
    if user:
        return {"name": "member_added" if there else "member_removed", "channel": channel, "user_id": user}
    return {"name": "channel_occupied" if there else "channel_vacated", "channel": channel}


def tell_back(event: dict[str, Any]) -> dict[str, Any]:
    """That they have come of whom an event says that they have gone; nothing for others."""
    if event["name"] not in ("channel_vacated", "member_removed"):
        return {}
    return write_occupancy(event["channel"], event.get("user_id", ""), there=True)
