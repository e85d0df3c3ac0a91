"""Sharing: which sockets get the same, so that it is encoded once for them all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from app.live.connection import Connection
from app.live.frames import encode, frame_events
from app.live.log import Event
from app.live.stream_frames import encode_chunk, stream_facts


class Writers(Protocol):
    """What knows how many transactions write now, or wait until they may, as the database does."""

    writing: int


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
