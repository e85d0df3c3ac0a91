"""What happens, as it happens: to programs that stay, and to those that ask from time to time."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Annotated, Any

import msgspec
from litestar import Response
from litestar.params import QueryParameter

from app.accounts.access import AnyRequest
from app.database import now
from app.live.connection import StreamConnection
from app.live.node import Node
from app.programs.access import ANY_SCOPE, Caller
from app.programs.description import STREAM_TYPE
from app.programs.following import Listener, LogPart, Subscription, find_listener, read_channels, read_log_part
from app.programs.lists import DEFAULT_LIMIT, Limit
from app.programs.problems import Problem
from app.programs.routes import reads
from app.programs.streams import EventStream, StreamAnswer, check_streams

LONGEST_WAIT = 60
NEWEST_CURSOR = 2**53
LONGEST_CURSOR = len(str(NEWEST_CURSOR))
FromCursor = Annotated[
    int | None, QueryParameter(name="after", ge=0, lt=NEWEST_CURSOR, description="The cursor that is reached already.")
]
Channels = Annotated[
    str, QueryParameter(name="channels", description="Which channels, with commas between them; all where it is empty.")
]
Wait = Annotated[
    int, QueryParameter(name="wait", ge=0, le=LONGEST_WAIT, description="How many seconds to wait for something.")
]
Signals = Annotated[
    bool, QueryParameter(name="signals", description="Whether a stream also tells who is there, and who types.")
]


class EventShape(msgspec.Struct):
    """Something that has happened: `data` depends on the `kind`."""

    cursor: int
    kind: str
    channel: str
    data: dict[str, Any]


class EventGap(msgspec.Struct):
    """The log no longer has what was after one cursor, up to before the other."""

    after: int
    before: int


class EventsPart(msgspec.Struct):
    """What has happened after a cursor. `next` is the one to ask for with `after`, also when there is nothing yet."""

    items: list[EventShape]
    next: int
    gap: EventGap | None
    channels: list[str]
    refused: list[str]


class Waker(StreamConnection):
    """Whoever waits for something to happen: what is written to it is not kept, as the log has it."""

    __slots__ = ()

    def write(self, *texts: str, frame: bytes | None = None) -> bool:
        """There is something."""
        self.on_end()
        return True


@reads("/events", scope=ANY_SCOPE)
async def show_events(
    request: AnyRequest,
    after: FromCursor = None,
    channels: Channels = "",
    wait: Wait = 0,
    limit: Limit = DEFAULT_LIMIT,
    signals: Signals = False,
) -> Response[EventsPart]:
    """What happens after a cursor, or from now on where none is given: as JSON, at once or when there is something
    within `wait` seconds; as a stream of Server-Sent Events where `Accept` asks for `text/event-stream`."""
    node: Node = request.app.state.node
    caller: Caller = request.scope["state"]["caller"]
    streams = STREAM_TYPE in request.headers.get("accept", "")
    if streams and (last := request.headers.get("last-event-id")):
        after = read_last_id(last)
    following = Subscription(
        request.scope["state"]["slug"], caller.secret, read_channels(channels), signals=signals and streams
    )
    check_streams(node, caller.tenant_id, caller.token_id)
    if streams:
        listener = await find_listener(node, following)
        part = await read_log_part(node, listener, after)
        return StreamAnswer(EventStream(request.scope, node, following, listener, part))
    listener, part = await await_part(node, following, after, wait)
    return Response(shape_part(listener, part, limit), headers={"Cache-Control": "no-store"})


def read_last_id(text: str) -> int:
    """The cursor of the last event that a program has. Raises a 400 problem."""
    if not text.isascii() or not text.isdigit() or len(text) > LONGEST_CURSOR or int(text) >= NEWEST_CURSOR:
        raise Problem("bad-request", "Send as `Last-Event-ID` the id of the last event.")
    return int(text)


async def await_part(node: Node, following: Subscription, after: int | None, wait: int) -> tuple[Listener, LogPart]:
    """The next part of the log, when there is something in it or the time is over."""
    loop = asyncio.get_running_loop()
    until = loop.time() + wait
    while True:
        listener = await find_listener(node, following)
        part = await read_log_part(node, listener, after)
        if part.facts or part.missed is not None or loop.time() >= until or node.draining:
            return listener, part
        after = part.upto
        if not node.hub.is_level(listener.tenant_id, after):
            continue
        check_streams(node, listener.tenant_id, listener.token_id)  # others that were asked for at once may be there
        woken = asyncio.Event()
        waker = Waker({}, listener.tenant_id, woken.set, following.slug)
        waker.member_id, waker.token_id = listener.member_id, listener.token_id
        waker.follows_all = following.channels is None
        ends = until
        if listener.expires_at is not None:
            ends = min(until, loop.time() + (listener.expires_at - now()).total_seconds())
        node.hub.add(waker)
        node.hub.follow(waker, listener.places, after)
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(ends):
                    await woken.wait()
        finally:
            node.hub.remove(waker)


def shape_part(listener: Listener, part: LogPart, limit: int) -> EventsPart:
    """A part of the log, for programs."""
    facts = part.facts[:limit]
    following = facts[-1].cursor if len(part.facts) > limit else part.upto
    return EventsPart(
        items=[msgspec.json.decode(each.body, type=EventShape) for each in facts],
        next=following,
        gap=None if part.missed is None else EventGap(part.missed, part.upto + 1),
        channels=listener.allowed,
        refused=listener.refused,
    )


endpoints = [show_events]
