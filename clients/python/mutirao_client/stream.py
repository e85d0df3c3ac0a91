"""The stream of what happens, followed over outages."""

from __future__ import annotations

import json
import random
import re
import time
from collections.abc import Iterable, Iterator
from typing import Any

import httpx

from mutirao_client.errors import ProblemError, StreamEnded, raise_for_problem
from mutirao_client.shapes import Event, Gap, read_shape

# The server says something at least every 15 seconds.
SILENCE = 40.0
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 15.0
PASSING = (408, 429, 500, 502, 503, 504)
# What ends a line of a stream, and nothing else: a carriage return that came last may be the half of one.
LINE_END = re.compile(rb"\r\n|\n|\r(?!\Z)")


def read_lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """The lines of a stream of events, as they come. `httpx` would end some in the middle of a text that has a line
    separator of Unicode in it."""
    rest = b""
    for piece in pieces:
        *lines, rest = LINE_END.split(rest + piece)
        for line in lines:
            yield line.decode()


class Follower:
    """Iterate over it: it gives each `Event` once, in order, and a `Gap` where the log no longer reaches back, or where
    channels come back that could not be followed for a while.

    `cursor` is where it is, also by what does not concern it; give it as `after` to go on another day. Raises
    StreamEnded when the token, its member or the workspace has ended, and ProblemError when the call is refused.
    """

    def __init__(self, http: httpx.Client, after: int | None, channels: tuple[str, ...]) -> None:
        self.http = http
        self.cursor = after
        self.channels = channels
        self.pause = FIRST_PAUSE
        self.followed: frozenset[str] = frozenset()
        self.lost: dict[str, int] = {}

    def __iter__(self) -> Iterator[Event | Gap]:
        while True:
            try:
                yield from self.read()
            except httpx.UnsupportedProtocol:
                raise  # the address is none
            except httpx.TransportError:
                pass
            except ProblemError as problem:
                if problem.status not in PASSING:
                    raise
                self.pause = max(self.pause, problem.retry_after or 0)
            time.sleep(self.pause * random.uniform(0.5, 1))  # noqa: S311  (nothing is secret)
            self.pause = min(LONGEST_PAUSE, self.pause * 2)

    def read(self) -> Iterator[Event | Gap]:
        """What one connection gives."""
        headers = {"accept": "text/event-stream"}
        if self.cursor is not None:
            headers["last-event-id"] = str(self.cursor)
        parameters = {"channels": ",".join(self.channels)} if self.channels else None
        timeout = httpx.Timeout(30, read=SILENCE)
        with self.http.stream("GET", "events", params=parameters, headers=headers, timeout=timeout) as answer:
            if answer.status_code >= 400:
                answer.read()
            raise_for_problem(answer)
            name, data, cursor = "message", "", self.cursor
            for line in read_lines(answer.iter_bytes()):
                key, _, value = line.partition(": ")
                if key == "event":
                    name = value
                elif key == "data":
                    data = value
                elif key == "id":
                    cursor = int(value)
                elif not line:
                    if name in ("begin", "channels"):
                        yield from self.note_channels(frozenset(json.loads(data)["channels"]), cursor)
                    self.cursor, self.pause = cursor, FIRST_PAUSE
                    if data:
                        yield from self.take(name, json.loads(data))
                    name, data = "message", ""

    def take(self, name: str, said: dict[str, Any]) -> Iterator[Event | Gap]:
        """What comes of one event of the stream that is not about its channels. Raises StreamEnded."""
        if name == "message":
            yield read_shape(Event, said)
        elif name == "gap":
            yield read_shape(Gap, said)
        elif name == "end" and not said["retry"]:
            raise StreamEnded(said["reason"])

    def note_channels(self, channels: frozenset[str], cursor: int | None) -> Iterator[Gap]:
        """What is followed from here on; a gap where some of it was lost before, since the cursor of then."""
        for channel in self.followed - channels:
            self.lost.setdefault(channel, self.cursor or 0)
        back = sorted(channels & self.lost.keys())
        if back:
            after = min(self.lost.pop(channel) for channel in back)
            yield Gap(after, max(cursor or 0, after) + 1, tuple(back))
        self.followed = channels
