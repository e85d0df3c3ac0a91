"""Streams: the facts of the log to a program, as they come, from a cursor on and without a gap.

One is an answer that does not end: no transaction is open meanwhile, and no reader's turn is held. The order of things
in `resume` is what makes it gapless, as with the sockets of pages.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import Any

import structlog
from litestar import Response
from litestar.exceptions import HTTPException
from litestar.types import Receive, Send

from app.database import now
from app.live.connection import StreamConnection
from app.live.node import Node
from app.live.stream_frames import stream_event, stream_facts, stream_mark
from app.programs.access import AGAIN
from app.programs.following import Listener, LogPart, Subscription, find_listener, list_present, read_log_part
from app.programs.problems import Problem
from app.web.errors import PageError, first_line, is_database_away
from app.web.metrics import RESUMES

MOST_STREAMS = 100
# How long a reader may take for a part of what it has missed, and for the last event.
STUCK_AFTER, LAST_WORDS = 60.0, 1.0
# Programs come back spread over some milliseconds.
RETRY_WITHIN = (500, 3000)
HEADERS = [
    (b"content-type", b"text/event-stream; charset=utf-8"),
    (b"cache-control", b"no-store"),
    (b"x-accel-buffering", b"no"),  # nginx would keep it until there is more
]
# Reasons to come back for.
PASSING = ("restart", "slow", "try again later", "something went wrong")

# All reasons for which a stream ends.
STREAM_ENDS = (*PASSING, "ended", "expired", "suspended", "removed", "no workspace")

stream_log = structlog.get_logger("live")


class StreamOver(Exception):
    """The stream must end: `args` is the reason."""


class ReaderGone(Exception):
    """Nobody reads any more."""


def has_all_streams(node: Node, tenant_id: int, token_id: int) -> bool:
    """Whether a token has as many streams here as it may have."""
    return sum(each.token_id == token_id for each in node.hub.streams.get(tenant_id, ())) >= MOST_STREAMS


def check_streams(node: Node, tenant_id: int, token_id: int) -> None:
    """Raise a problem where a token has too many streams here, or the process is about to end."""
    if node.draining:
        raise Problem("unavailable", "The program is being restarted.", headers=AGAIN)
    if has_all_streams(node, tenant_id, token_id):
        raise Problem("too-many-requests", f"At most {MOST_STREAMS} streams of a token at once.", headers=AGAIN)


def why_over(error: Exception) -> str:
    """Why a stream ends by something that has come between; what is our fault goes to the log."""
    if isinstance(error, StreamOver):
        return str(error.args[0])
    if isinstance(error, Problem):
        return "ended"
    if isinstance(error, PageError):
        return "suspended"
    if isinstance(error, HTTPException | LookupError):
        return "no workspace"
    if is_database_away(error):
        stream_log.error("the database is not available", path="/api/v1/events", reason=first_line(error))
        return "try again later"
    stream_log.error("a stream failed", exc_info=error)
    return "something went wrong"


class StreamAnswer(Response[Any]):
    """The answer that is a stream, as the framework takes it."""

    def __init__(self, stream: EventStream) -> None:
        super().__init__(b"")
        self.stream = stream

    def to_asgi_response(self, *arguments: Any, **named: Any) -> Any:
        """What answers."""
        return self.stream.serve


class EventStream:
    """One stream's life: from the first part of the log, which was read already, to its end."""

    def __init__(self, scope: Any, node: Node, following: Subscription, listener: Listener, part: LogPart) -> None:
        self.scope = scope
        self.node = node
        self.following = following
        self.listener = listener
        self.part: LogPart | None = part
        self.upto = part.upto
        self.woken = asyncio.Event()
        self.saying: asyncio.Timeout | None = None
        self.gone = False
        self.connection: StreamConnection | None = None
        self.send: Send

    async def serve(self, scope: Any, receive: Receive, send: Send) -> None:
        """Write until either side ends it."""
        self.send = send
        await send({"type": "http.response.start", "status": 200, "headers": HEADERS})
        if self.scope["state"].get("head"):
            await send({"type": "http.response.body", "body": b"", "more_body": False})
            return
        helpers = [asyncio.create_task(self.listen(receive))]
        try:
            await self.say(stream_event("begin", self.describe(), cursor=self.first_cursor()))
            connection = self.join(scope, helpers)
            while True:
                await self.resume(connection)
                await self.wait(connection)
        except ReaderGone:
            return
        except Exception as error:
            await self.end(why_over(error))
        finally:
            for helper in helpers:
                helper.cancel()
            if self.connection is not None:
                self.node.hub.remove(self.connection)

    def first_cursor(self) -> int:
        """The cursor behind which the stream begins."""
        assert self.part is not None  # noqa: S101
        if self.part.missed is not None:
            return self.part.missed
        return self.part.facts[0].cursor - 1 if self.part.facts else self.part.upto

    def describe(self) -> dict[str, Any]:
        """What a program is told of the stream at its beginning, and when its rights have changed."""
        return {"channels": self.listener.allowed, "refused": self.listener.refused}

    async def listen(self, receive: Receive) -> None:
        """Notice that nobody reads any more."""
        while (await receive())["type"] != "http.disconnect":
            pass
        self.gone = True
        self.woken.set()

    def join(self, scope: Any, helpers: list[asyncio.Task[None]]) -> StreamConnection:
        """The connection that the hub writes to, known to it from here on, so that it can be ended. Raises StreamOver
        where the process has begun to end since it was asked for, as nobody would end it any more, and where others of
        the token that were asked for at once have come first."""
        listener = self.listener
        if self.node.draining:
            raise StreamOver("restart")
        if has_all_streams(self.node, listener.tenant_id, listener.token_id):
            raise StreamOver("try again later")
        connection = StreamConnection(scope, listener.tenant_id, self.wake, self.following.slug)
        connection.member_id, connection.token_id = listener.member_id, listener.token_id
        connection.expires_at, connection.follows_all = listener.expires_at, self.following.channels is None
        self.connection = connection
        self.node.hub.add(connection)
        if connection.queue is not None:
            helpers.append(asyncio.create_task(self.write_queue(connection.queue)))
        stream_log.debug("connected", tenant=connection.workspace, member=listener.member_id, stream=connection.number)
        return connection

    async def write_queue(self, queue: asyncio.Queue[str]) -> None:
        """On a server without our protocol: write what the hub has queued."""
        while True:
            await self.say(await queue.get())

    def wake(self) -> None:
        """Look at what has become of the connection. A reader who is being waited for has little time where it ends."""
        self.woken.set()
        if self.saying is not None and self.connection is not None and self.connection.ending is not None:
            self.saying.reschedule(asyncio.get_running_loop().time() + LAST_WORDS)

    async def say(self, text: str) -> None:
        """Write something through the server, which waits for the reader. Raises ReaderGone."""
        try:
            async with asyncio.timeout(STUCK_AFTER) as self.saying:
                await self.send({"type": "http.response.body", "body": text.encode(), "more_body": True})
        except TimeoutError:
            self.abort()
            raise ReaderGone from None
        finally:
            self.saying = None
        if self.gone:
            raise ReaderGone

    async def resume(self, connection: StreamConnection) -> None:
        """Write what the program has missed, and go on live, with no await between the last look at the log and that.

        What it may see and the cursor come from one snapshot, and the log is read up to that cursor.
        """
        hub, after, replayed = self.node.hub, self.upto, False
        while True:
            if self.part is None:
                before = self.describe()
                self.listener = await find_listener(self.node, self.following)
                if self.describe() != before:
                    await self.say(stream_event("channels", self.describe(), cursor=after))
                self.part = await read_log_part(self.node, self.listener, after)
            part, self.part = self.part, None
            text = stream_facts(part.facts)
            if part.missed is not None:
                text += stream_event("gap", {"after": part.missed, "before": part.upto + 1}, cursor=part.upto)
            elif part.upto != (part.facts[-1].cursor if part.facts else after):
                text += stream_mark(part.upto)
            if text:
                await self.say(text)
            after, replayed = part.upto, replayed or bool(part.facts)
            self.check(connection)
            connection.anew = False
            if after >= self.listener.cursor and hub.is_level(connection.tenant_id, after):
                break
        RESUMES.labels("replayed" if replayed else "level").inc()
        self.upto = after
        hub.follow(connection, self.listener.places, after)
        presence = self.node.presence
        for name in list_present(self.listener, signals=self.following.signals):
            told = {"kind": "presence", "channel": name, "data": presence.tell_people(connection.tenant_id, name)}
            connection.write(stream_event("signal", told))

    async def wait(self, connection: StreamConnection) -> None:
        """Leave the writing to the hub until rights have to be read anew. Raises StreamOver or ReaderGone.

        What has woken it while it resumed was dealt with there: the hub writes to it since, and it goes on waiting.
        """
        loop, expires_at = asyncio.get_running_loop(), connection.expires_at
        until = None if expires_at is None else loop.time() + (expires_at - now()).total_seconds()
        try:
            async with asyncio.timeout_at(until):
                while not connection.anew:
                    await self.woken.wait()
                    self.woken.clear()
                    self.check(connection)
        except TimeoutError:
            raise StreamOver("expired") from None
        self.upto = connection.cursor

    def check(self, connection: StreamConnection) -> None:
        """Raise StreamOver or ReaderGone when the stream must end."""
        if self.gone:
            raise ReaderGone
        if connection.ending is not None:
            raise StreamOver(connection.ending[1])

    def abort(self) -> None:
        """Drop the reader."""
        if self.connection is not None:
            self.connection.abort()

    async def end(self, reason: str) -> None:
        """Say why, and end the answer; whoever does not take that is dropped."""
        if self.connection is not None:
            self.node.hub.end(self.connection, 4401, reason)
        passing = reason in PASSING
        text = stream_event("end", {"reason": reason, "retry": passing})
        if passing:
            text = f"retry: {random.randint(*RETRY_WITHIN)}\n{text}"  # noqa: S311  (nothing is secret)
        stream_log.info("stream ended", tenant=self.following.slug, token=self.listener.token_id, reason=reason)
        with contextlib.suppress(Exception):
            async with asyncio.timeout(LAST_WORDS):
                await self.send({"type": "http.response.body", "body": text.encode(), "more_body": False})
                if self.node.draining and self.connection is not None:
                    await self.connection.taken()
                return
        self.abort()
