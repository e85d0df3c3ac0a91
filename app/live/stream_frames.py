"""What goes over the stream of a program: Server-Sent Events, in chunks of HTTP. Pure functions; docs/api.md describes
them."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from app.live.log import Event
from app.live.places import keep_in_line


def stream_facts(facts: Iterable[Event]) -> str:
    """Facts, each with its cursor as its id."""
    return "".join([f"id: {fact.cursor}\ndata: {fact.body}\n\n" for fact in facts])


def stream_event(name: str, data: Any, *, cursor: int | None = None) -> str:
    """What is no fact, by its name."""
    mark = "" if cursor is None else f"id: {cursor}\n"
    written = keep_in_line(json.dumps(data, ensure_ascii=False, separators=(",", ":")))
    return f"{mark}event: {name}\ndata: {written}\n\n"


def stream_mark(cursor: int) -> str:
    """That nothing up to a cursor concerns the program: a comment, and an id that it goes on from. Nothing comes of it
    where events are handled."""
    return f": at {cursor}\nid: {cursor}\n\n"


# That the stream is alive, and nothing else.
STREAM_BEAT = ": here\n\n"


def encode_chunk(text: str) -> bytes:
    """A whole chunk of an answer (RFC 9112, 7.1), to be written to any number of streams."""
    payload = text.encode()
    return b"%x\r\n%b\r\n" % (len(payload), payload)
