"""What an app's server calls: the HTTP API of the Pusher protocol, each call signed with the app's secret."""

from __future__ import annotations

import hashlib
import hmac
import json
import re
import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, unquote

import structlog
from msgspec import Struct

from app.gateway.exchange import ALL_SOCKETS
from app.gateway.messages import read_json, write_event, write_json
from app.gateway.names import (
    INTERNAL_EVENTS,
    LONGEST_EVENT,
    SOCKET_ID,
    is_cache,
    is_channel_name,
    is_presence,
    is_reserved,
    user_of,
)

if TYPE_CHECKING:
    from app.gateway.known_apps import KnownApp
    from app.gateway.site import Gateway

# How far the clock of who signs may be from ours, in seconds. Two equal calls within a second are as good as one.
CLOCK_SKEW = 600
MOST_IN_BATCH, MOST_PARAMETERS = 10, 50
NAME_ONLY = "auth_signature"

log = structlog.get_logger("gateway")


class ApiRefused(Exception):
    """A call is refused: `args` are the status and why."""


class Call(Struct, frozen=True):
    """A call, as it has come."""

    method: str
    path: str
    raw_path: str
    query: dict[str, str]
    body: bytes


Answer = Callable[["Gateway", "KnownApp", Call, "re.Match[str]"], Awaitable[Any]]
CALLS: list[tuple[str, re.Pattern[str], Answer]] = []


def call(method: str, path: str) -> Callable[[Answer], Answer]:
    """Register what answers a call to a path below the app's."""

    def add(answer: Answer) -> Answer:
        CALLS.append((method, re.compile(path), answer))
        return answer

    return add


def check_call(app: KnownApp, said: Call) -> None:
    """Raise ApiRefused unless a call is signed with a secret of the app, a short while ago."""
    timestamp = said.query.get("auth_timestamp", "")
    if not timestamp.isascii() or not timestamp.isdigit() or len(timestamp) > 12:
        raise ApiRefused(401, "auth_timestamp is missing")
    if abs(int(timestamp) - time.time()) > CLOCK_SKEW:
        raise ApiRefused(401, f"auth_timestamp is more than {CLOCK_SKEW} s from the time here")
    md5 = said.query.get("body_md5")
    if (md5 is None and said.body) or (md5 is not None and not is_md5(said.body, md5)):
        raise ApiRefused(401, "body_md5 is not of this body")
    pairs = "&".join(f"{name}={said.query[name]}" for name in sorted(said.query) if name != NAME_ONLY)
    signature = said.query.get(NAME_ONLY, "")
    # Whoever signs an address with a letter in it that is written otherwise there signs it in one form or the other.
    texts = [f"{said.method}\n{path}\n{pairs}" for path in (said.path, said.raw_path)]
    if not any(app.secrets.is_signed(text, signature) for text in texts):
        raise ApiRefused(401, "auth_signature is not of this call")


def is_md5(body: bytes, given: str) -> bool:
    """Whether that is the MD5 of a body, by which the protocol knows it."""
    own = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return hmac.compare_digest(own.encode(), given.lower().encode())


def read_call(scope: Any, body: bytes) -> Call:
    """A call, whose parameters are known by their names in small letters. Raises ApiRefused."""
    raw = scope.get("raw_path") or scope["path"].encode()
    try:
        pairs = parse_qsl(
            scope["query_string"].decode("latin-1"), keep_blank_values=True, max_num_fields=MOST_PARAMETERS
        )
    except ValueError:
        raise ApiRefused(400, f"a call has at most {MOST_PARAMETERS} parameters") from None
    query = {name.lower(): value for name, value in pairs}
    return Call(scope["method"], unquote(raw.decode("latin-1")), raw.decode("latin-1"), query, body)


def read_body_of(said: Call) -> dict[str, Any]:
    """What a call says. Raises ApiRefused."""
    try:
        content = read_json(said.body)
    except ValueError:
        raise ApiRefused(400, "the body is not JSON") from None
    if not isinstance(content, dict):
        raise ApiRefused(400, "the body is no object")
    return content


class Publication(Struct, frozen=True):
    """An event to be sent, and what is asked of its channels."""

    name: str
    data: str
    channels: list[str]
    socket_id: str
    info: str


def read_publication(gateway: Gateway, content: Any) -> Publication:
    """An event that is to be sent. Raises ApiRefused."""
    if not isinstance(content, dict):
        raise ApiRefused(400, "an event is an object")
    name, data, socket_id = content.get("name"), content.get("data"), content.get("socket_id") or ""
    channels = content["channels"] if "channels" in content else [content.get("channel")]
    if not isinstance(name, str) or not 0 < len(name) <= LONGEST_EVENT:
        raise ApiRefused(400, f"the event's name has between 1 and {LONGEST_EVENT} characters")
    if name.startswith(INTERNAL_EVENTS):
        raise ApiRefused(400, "events of this name are the protocol's own")
    if not isinstance(data, str):
        if data is None:
            raise ApiRefused(400, "data is missing")
        data = write_json(data)
    if len(data.encode()) > gateway.settings.gateway_message_bytes:
        raise ApiRefused(413, f"data has more than {gateway.settings.gateway_message_bytes} bytes")
    if not isinstance(channels, list) or not 0 < len(channels) <= gateway.settings.gateway_channels:
        raise ApiRefused(400, f"an event goes to between 1 and {gateway.settings.gateway_channels} channels")
    for channel in channels:
        if not isinstance(channel, str) or not (is_channel_name(channel) or 0 < len(user_of(channel)) <= LONGEST_EVENT):
            raise ApiRefused(400, f"there is no channel {str(channel)[:60]!r}")
        if is_reserved(channel):
            raise ApiRefused(403, f"{channel[:60]} is the workspace's own: nobody else publishes there")
    if not isinstance(socket_id, str) or (socket_id and not SOCKET_ID.fullmatch(socket_id)):
        raise ApiRefused(400, "this is no socket_id")
    return Publication(name, data, list(dict.fromkeys(channels)), socket_id, str(content.get("info") or ""))


def send_publication(gateway: Gateway, app: KnownApp, event: Publication) -> None:
    """Send an event to its channels."""
    for channel in event.channels:
        text = write_event(event.name, event.data, channel)
        gateway.exchange.publish(app.id, channel, event.name, text, without=event.socket_id)
    log.debug("published", tenant=app.slug, app=app.id, channels=" ".join(event.channels)[:200], bytes=len(event.data))


def describe_channel(gateway: Gateway, app: KnownApp, channel: str, info: str) -> dict[str, Any]:
    """What is asked of a channel. Raises ApiRefused for what it does not have."""
    exchange, spot, wanted = gateway.exchange, (app.id, channel), [each for each in info.split(",") if each]
    found: dict[str, Any] = {}
    if "user_count" in wanted:
        if not is_presence(channel):
            raise ApiRefused(400, "user_count is of presence channels alone")
        found["user_count"] = len(exchange.roster.list_people_at(spot))
    if "subscription_count" in wanted:
        found["subscription_count"] = exchange.roster.count_at(spot)
    if "cache" in wanted and is_cache(channel):
        kept = exchange.caches.find(spot)
        found["cache"] = {"data": json.loads(kept)["data"]} if kept else None
    return found


@call("POST", "/events")
async def publish_event(gateway: Gateway, app: KnownApp, said: Call, found: re.Match[str]) -> Any:
    """Send an event to some channels."""
    event = read_publication(gateway, read_body_of(said))
    if not event.info:
        send_publication(gateway, app, event)
        return {}
    described = {
        channel: describe_channel(gateway, app, channel, info_asked_of(event, channel)) for channel in event.channels
    }
    send_publication(gateway, app, event)
    return {"channels": described}


def info_asked_of(event: Publication, channel: str) -> str:
    """What is asked of a channel that an event goes to: of one without presence nobody counts users."""
    return ",".join(each for each in event.info.split(",") if is_presence(channel) or each != "user_count")


@call("POST", "/batch_events")
async def publish_events(gateway: Gateway, app: KnownApp, said: Call, found: re.Match[str]) -> Any:
    """Send some events, all or none."""
    batch = read_body_of(said).get("batch")
    if not isinstance(batch, list) or not 0 < len(batch) <= MOST_IN_BATCH:
        raise ApiRefused(400, f"a batch has between 1 and {MOST_IN_BATCH} events")
    events = [read_publication(gateway, each) for each in batch]
    for event in events:
        send_publication(gateway, app, event)
    if not any(event.info for event in events):
        return {}
    described = [
        describe_channel(gateway, app, event.channels[0], info_asked_of(event, event.channels[0])) for event in events
    ]
    return {"batch": described}


@call("GET", "/channels")
async def list_channels(gateway: Gateway, app: KnownApp, said: Call, found: re.Match[str]) -> Any:
    """The channels that somebody is on."""
    prefix, info = said.query.get("filter_by_prefix", ""), said.query.get("info", "")
    if "user_count" in info.split(",") and not is_presence(prefix):
        raise ApiRefused(400, "user_count is of presence channels alone: filter_by_prefix begins with presence-")
    names = gateway.exchange.list_channels(app.id, prefix)
    return {"channels": {name: describe_channel(gateway, app, name, info) for name in names}}


@call("GET", "/channels/([^/]+)")
async def show_channel(gateway: Gateway, app: KnownApp, said: Call, found: re.Match[str]) -> Any:
    """Whether somebody is on a channel, and how many."""
    channel = read_channel(found[1])
    occupied = gateway.exchange.roster.count_at((app.id, channel)) > 0
    return {"occupied": occupied, **describe_channel(gateway, app, channel, said.query.get("info", ""))}


@call("GET", "/channels/([^/]+)/users")
async def list_users(gateway: Gateway, app: KnownApp, said: Call, found: re.Match[str]) -> Any:
    """The users on a channel with presence."""
    channel = read_channel(found[1])
    if not is_presence(channel):
        raise ApiRefused(400, "users are of presence channels alone")
    return {"users": [{"id": user} for user in gateway.exchange.roster.list_people_at((app.id, channel))]}


def read_channel(name: str) -> str:
    """A channel that is asked about. Raises ApiRefused."""
    if not is_channel_name(name):
        raise ApiRefused(400, "there is no such channel")
    if is_reserved(name):
        raise ApiRefused(403, "this channel is the workspace's own")
    return name


@call("GET", "/connections")
async def count_connections(gateway: Gateway, app: KnownApp, said: Call, found: re.Match[str]) -> Any:
    """How many sockets the app has."""
    return {"connections": gateway.exchange.roster.count_at((app.id, ALL_SOCKETS))}


@call("POST", "/users/(.+)/terminate_connections")
async def terminate_connections(gateway: Gateway, app: KnownApp, said: Call, found: re.Match[str]) -> Any:
    """End the sockets that a user has signed in on."""
    gateway.exchange.terminate_user(app.id, found[1])
    return {}


async def answer_call(gateway: Gateway, app: KnownApp, said: Call, below: str) -> Any:
    """Do what a call asks for. Raises ApiRefused."""
    matched = [(method, found, answer) for method, path, answer in CALLS if (found := path.fullmatch(below))]
    if not matched:
        raise ApiRefused(404, "there is no such call")
    for method, found, answer in matched:
        if method == said.method:
            return await answer(gateway, app, said, found)
    raise ApiRefused(405, "this address can't do that")
