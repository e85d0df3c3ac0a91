"""Frames: what goes over a socket, and which sockets get the same. Pure functions; docs/live.md has the protocol."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any, TypeGuard

from msgspec import Struct

from app.live.stream_frames import encode_chunk, stream_facts

if TYPE_CHECKING:
    from app.live.connection import Connection
    from app.live.log import Event

MOST_CHANNELS = 600
LONGEST_CHANNEL = 60


class Malformed(Exception):
    """A message that no page of ours sends."""


class Hello(Struct, frozen=True):
    """What a page says when it is connected, or has navigated: what it follows, what it shows, which hello it is."""

    channels: tuple[str, ...]
    last: int
    number: int


def read_hello(text: str) -> Hello:
    """Parse `{"sub": "tenant record.2", "last": 1234, "n": 3}`.

    Raises Malformed for everything else.
    """
    try:
        message: Any = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if not isinstance(message, dict):
        raise Malformed("not an object")
    names, last, number = message.get("sub"), message.get("last"), message.get("n")
    if not isinstance(names, str) or not is_count(last) or not is_count(number):
        raise Malformed("not a hello")
    channels = tuple(dict.fromkeys(names.split()))
    if len(channels) > MOST_CHANNELS or any(len(name) > LONGEST_CHANNEL for name in channels):
        raise Malformed("too many channels, or too long a name")
    return Hello(channels, last, number)


def is_count(value: object) -> TypeGuard[int]:
    """Whether a JSON value is a whole number that JavaScript and every database can hold."""
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**53


def numbered(cursor: int, bodies: Iterable[str]) -> str:
    """A frame of logged events; the page ignores it when it is at that cursor already."""
    return f"<!--{cursor}-->{''.join(bodies)}"


def share(due: Iterable[tuple[Event, set[Connection]]]) -> list[tuple[list[Event], set[Connection]]]:
    """Who gets the same events: each socket is in one set, with its events in their order.

    Whole sets are compared, and not sockets one by one: most events go to the same thousands.
    """
    shares: list[tuple[list[Event], set[Connection]]] = []
    for event, left in due:
        for place in range(len(shares)):
            events, sockets = shares[place]
            others = left - sockets
            both = left - others if others else left
            if len(both) == len(sockets):
                events.append(event)
            elif both:
                shares[place] = (events, sockets - both)
                shares.append(([*events, event], both))
            left = others
            if not left:
                break
        if left:
            shares.append(([event], left))
    return shares


def encode_events(events: list[Event]) -> Iterator[tuple[str, bytes]]:
    """What the sockets that get some events are written, each as a text and encoded: pages frames of WebSockets, and
    streams, which are the ones that get facts, a chunk."""
    if events[0].kind:
        text = stream_facts(events)
        yield text, encode_chunk(text)
        return
    for text in frame_events(events, events[-1].cursor):
        yield text, encode(text)


def frame_events(events: Iterable[Event], upto: int) -> list[str]:
    """The frames of some events, up to a cursor: nearly always one.

    A page finds the places of all that is in a frame before it puts anything there. So what comes on a channel that a
    part has brought along, and may belong into that part, begins a frame of its own.
    """
    frames: list[str] = []
    bodies: list[str] = []
    brought: set[str] = set()
    reached = 0
    for event in events:
        if event.channel in brought:
            frames.append(numbered(reached, bodies))
            bodies = []
            brought = set()
        bodies.append(event.body)
        brought.update(event.follow.split())
        reached = event.cursor
    return [*frames, numbered(upto, bodies)]


def answer_hello(hello: Hello, *, refused: Iterable[str] = (), refresh_at: int | None = None) -> str:
    """The answer to a hello.

    With `refresh_at`, the log no longer reaches back to what the page shows: it has to fetch itself anew, and is then
    at that cursor or later.
    """
    words = [f"@{hello.number}"]
    if refresh_at is not None:
        words.append("refresh")
    words.extend(f"refused:{name}" for name in refused if name.replace(".", "").isalnum())
    return f"<!--{' '.join(words)}-->"


def encode(text: str) -> bytes:
    """A whole unmasked WebSocket text frame (RFC 6455, 5.2), to be written to any number of sockets."""
    payload = text.encode()
    length = len(payload)
    if length < 126:
        header = bytes((0x81, length))
    elif length < 65536:
        header = b"\x81\x7e" + length.to_bytes(2, "big")
    else:
        header = b"\x81\x7f" + length.to_bytes(8, "big")
    return header + payload
