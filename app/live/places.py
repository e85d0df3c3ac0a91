"""Places: where facts go to the streams of programs, by their channels and by what the token of each was given.

Most channels are about one thing, and who may follow one gets all facts on it. On those that are shared, facts of
several features come: a program gets of them what its scopes are for, and that is a place for each.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator

from msgspec import Struct

from app.accounts.scopes import Grant, Scope

SHARED_CHANNELS = ("tenant", "guests", "admins")
OWN_CHANNEL = "user."


class Area(Struct, frozen=True):
    """What kinds of facts on shared channels are about. A token needs the scope, and none that is narrowed to some
    things of the kind `narrowed` gets them: they may be about others."""

    scope: Scope
    narrowed: str = ""


AREAS: dict[str, Area] = {
    "people": Area("people:read"),
    "records": Area("records:read", "collection"),
    "locks": Area("records:read", "collection"),
    "chat": Area("chat:read", "room"),
    "notifications": Area("notifications:read"),
    "admin": Area("admin"),
}
# By how kinds of facts begin. Any other is for tokens that may everything.
AREA_OF: dict[str, str] = {
    "member": "people",
    "logo": "people",
    "collection": "records",
    "record": "records",
    "records": "records",
    "fields": "records",
    "lock": "locks",
    "room": "chat",
    "message": "chat",
    "discussion": "chat",
    "announcement": "notifications",
}


def is_shared(channel: str) -> bool:
    """Whether facts of several features come on a channel."""
    return channel in SHARED_CHANNELS or channel.startswith(OWN_CHANNEL)


def place_of_fact(channel: str, kind: str) -> str:
    """Where a fact goes. No page can follow such a name, as no channel has a space."""
    if not is_shared(channel):
        return f"facts {channel}"
    return f"facts {channel} {AREA_OF.get(kind.partition('.')[0], 'admin')}"


def list_places(channels: Iterable[str], grant: Grant) -> Iterator[str]:
    """Where the facts go that a program gets with a token, on the channels that it may follow."""
    for channel in channels:
        if not is_shared(channel):
            yield f"facts {channel}"
            continue
        for name, area in AREAS.items():
            if grant.holds(area.scope) and area.narrowed not in grant.places:
                yield f"facts {channel} {name}"


def place_of_signals(channel: str) -> str:
    """Where what is not logged goes, for programs that ask for it."""
    return f"signals {channel}"


# What some readers of lines take for the end of one, beside what JSON escapes anyway.
MORE_LINE_ENDS = str.maketrans({mark: f"\\u{ord(mark):04x}" for mark in "\x85\u2028\u2029"})


def keep_in_line(written: str) -> str:
    """JSON that is one line for every reader: Python's `splitlines` ends one at more than a line feed."""
    return written if written.isascii() else written.translate(MORE_LINE_ENDS)


def write_fact(cursor: int, channel: str, kind: str, data: str) -> str:
    """A fact as programs get it, which is one line. `data` is JSON already."""
    named = json.dumps({"cursor": cursor, "kind": kind, "channel": channel}, separators=(",", ":"))
    return f'{named[:-1]},"data":{keep_in_line(data)}}}'
