"""What goes over a socket in the Pusher protocol, version 7. Pure functions; docs/gateway.md describes what is ours."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from app.gateway.names import LONGEST_EVENT

ACTIVITY_TIMEOUT = 30
# Why a socket, or a message, is refused: as the protocol has it.
NO_SUCH_APP, APP_DISABLED, OVER_QUOTA, UNSUPPORTED, UNAUTHORIZED = 4001, 4003, 4004, 4007, 4009
INVALID_FORMAT, NO_PONG, NOT_SENT = 4200, 4201, 4301
WHY = {
    NO_SUCH_APP: "Application does not exist",
    APP_DISABLED: "Application is disabled",
    OVER_QUOTA: "Application is over connection quota",
    UNSUPPORTED: "Unsupported protocol version",
    UNAUTHORIZED: "Connection is unauthorized",
    INVALID_FORMAT: "Invalid message format",
    NO_PONG: "Pong reply not received in time",
    NOT_SENT: "The app does not have client messaging enabled.",
}


class Refused(Exception):
    """A message is refused: `args` are the code and why. The socket goes on."""

    def __init__(self, code: int, why: str = "") -> None:
        super().__init__(code, why or WHY[code])


class SocketRefused(Refused):
    """The socket is refused: it is told why, and closed."""


def read_json(text: str | bytes) -> Any:
    """What JSON says that a client or a server has sent. Raises ValueError for what can't be sent on as JSON in UTF-8:
    half of a surrogate pair, NaN, what is nested too deeply."""
    try:
        return msgspec.json.decode(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def write_json(value: Any) -> str:
    """JSON as short as it can be."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def write_event(name: str, data: str, channel: str = "", user_id: str = "") -> str:
    """An event; its data is JSON, as a text inside of JSON, or whatever else an app has sent."""
    event = {"event": name, "data": data}
    if channel:
        event["channel"] = channel
    if user_id:
        event["user_id"] = user_id
    return write_json(event)


def write_client_event(name: str, data: Any, channel: str, user_id: str = "") -> str:
    """An event of a client, whose data is no text."""
    event = {"event": name, "data": data, "channel": channel}
    if user_id:
        event["user_id"] = user_id
    return write_json(event)


def write_established(socket_id: str) -> str:
    """The beginning of a socket."""
    said = {"socket_id": socket_id, "activity_timeout": ACTIVITY_TIMEOUT}
    return write_event("pusher:connection_established", write_json(said))


def write_refusal(code: int, why: str) -> str:
    """Why a socket or a message is refused."""
    return write_event("pusher:error", write_json({"code": code, "message": why}))


def write_subscribed(channel: str, data: str = "{}") -> str:
    """That a channel is followed from here on."""
    return write_event("pusher_internal:subscription_succeeded", data, channel)


def write_subscription_over(channel: str, why: str, status: int = 403) -> str:
    """That a channel is followed no more, or not at all, as pusher-js tells those who asked for it."""
    said = {"type": "AuthError", "error": why, "status": status}
    return write_event("pusher:subscription_error", write_json(said), channel)


LONGEST_USER_DATA = 10 * 1024
PING = '{"event":"pusher:ping","data":"{}"}'
PONG = '{"event":"pusher:pong","data":"{}"}'


def read_message(text: str) -> tuple[str, Any, str]:
    """The event, data and channel of a message. Raises Refused for what is none."""
    try:
        message = read_json(text)
    except ValueError:
        raise Refused(INVALID_FORMAT) from None
    if not isinstance(message, dict) or not isinstance(message.get("event"), str):
        raise Refused(INVALID_FORMAT)
    data, channel = message.get("data"), message.get("channel", "")
    if isinstance(data, str) and message["event"].startswith("pusher:"):
        try:
            data = read_json(data)
        except ValueError:
            raise Refused(INVALID_FORMAT) from None
    if not isinstance(channel, str):
        raise Refused(INVALID_FORMAT)
    return message["event"], data, channel


def read_person(given: Any, name: str = "user_id") -> tuple[str, str]:
    """Who somebody is, by what their app has signed: their id, and what is told of them, as JSON. Raises Refused."""
    try:
        person = read_json(given) if isinstance(given, str) and len(given) <= LONGEST_USER_DATA else None
    except ValueError:
        person = None
    user = person.get(name) if isinstance(person, dict) else None
    if not isinstance(user, str | int) or isinstance(user, bool) or not 0 < len(str(user)) <= LONGEST_EVENT:
        raise Refused(INVALID_FORMAT, "Invalid channel data")
    assert isinstance(person, dict)  # noqa: S101
    return str(user), write_json(person.get("user_info"))


def write_gap(channel: str, after: int, cursor: int) -> str:
    """That the log does not have what was after one cursor, up to another, or has not come to the first."""
    return write_event("gap", write_json({"after": after, "before": cursor + 1, "cursor": cursor}), channel)


def read_event_id(given: Any, otherwise: int = -1) -> int:
    """The cursor of the last event that a client says it has; another one, or -1, where it says none.

    Raises Refused for what is no cursor.
    """
    if given is None or given == "":
        return otherwise
    text = str(given)
    if not (text.isascii() and text.isdigit() and len(text) < 17):
        raise Refused(INVALID_FORMAT, "last_event_id is no cursor")
    return int(text)
