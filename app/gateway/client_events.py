"""What clients say to each other on channels of apps, as their servers are told of it."""

from __future__ import annotations

from typing import Any

from app.gateway.messages import write_json


def describe_client_event(name: str, data: Any, channel: str, socket_id: str, user: str) -> dict[str, Any]:
    """What a client has said to the others on a channel, as Pusher's webhooks have it."""
    text = data if isinstance(data, str) else write_json(data)
    event = {"name": "client_event", "channel": channel, "event": name, "data": text, "socket_id": socket_id}
    return {**event, "user_id": user} if user else event
