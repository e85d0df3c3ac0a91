"""`/live`: the one socket of a page, from its handshake to its end."""

from __future__ import annotations

import asyncio
import contextlib
import math
from typing import Any

import structlog
from litestar import asgi
from litestar.exceptions import NotFoundException
from litestar.types import Receive, Scope, Send

from app.live.channels import presence_partial
from app.live.connection import Connection
from app.live.frames import Hello, Malformed, answer, numbered, read_hello
from app.live.log import read_after
from app.live.node import Node
from app.live.presence import Person
from app.live.replay import Replay
from app.live.site import Site, Visitor
from app.web.cookies import CookieError
from app.web.errors import PageError
from app.web.metrics import REFUSALS, RESUMES

# A page says hello when it connects and when it navigates. Nobody clicks this fast.
HELLO_LIMIT = 40
HELLO_WINDOW = 10.0
MESSAGE_LIMIT = 8 * 1024

log = structlog.get_logger("live")


class Ended(Exception):
    """The socket must end: `args` are the close code and the reason."""


@asgi("/live", copy_scope=False)
async def serve_socket(scope: Scope, receive: Receive, send: Send) -> None:
    """Accept, follow what the page asks for and its visitor may see, and close with a reason."""
    if scope["type"] != "websocket":  # type: ignore[comparison-overlap]
        raise NotFoundException
    state = scope["litestar_app"].state
    node: Node = state.node
    socket = Socket(scope, node, state.site)
    await receive()
    await send({"type": "websocket.accept", "subprotocol": None, "headers": []})
    await socket.serve(receive, send)


class Socket:
    """One socket's life. The order of things in `resume` is what makes delivery gapless."""

    def __init__(self, scope: Any, node: Node, site: Site) -> None:
        self.scope = scope
        self.node = node
        self.site = site
        self.slug: str = scope["state"]["slug"] or ""
        self.connection: Connection | None = None
        self.present: set[str] = set()
        self.cut = False

    async def serve(self, receive: Receive, send: Send) -> None:
        """Read hellos until the socket ends, from either side."""
        loop = asyncio.get_running_loop()
        hellos: list[float] = []
        tasks: set[asyncio.Future[Any]] = set()
        try:
            visitor = await self.sign_in()
            connection = self.connection = Connection(self.scope, visitor.tenant_id)
            self.own(visitor)
            if self.node.draining:
                raise Ended(1012, "restart")
            self.node.hub.add(connection)
            log.debug("connected", tenant=self.slug, member=connection.member_id)
            writer = self.start_writer(connection, send)
            if writer:
                tasks.add(writer)
            while True:
                reader = asyncio.ensure_future(receive())
                tasks.add(reader)
                await asyncio.wait((reader, connection.closing), return_when=asyncio.FIRST_COMPLETED)
                if connection.closing.done():
                    raise Ended(*connection.closing.result())
                tasks.discard(reader)
                message = reader.result()
                if message["type"] == "websocket.disconnect":
                    log.debug(
                        "closed",
                        tenant=self.slug,
                        member=connection.member_id,
                        code=message.get("code"),
                    )
                    return
                hellos = [moment for moment in hellos if moment > loop.time() - HELLO_WINDOW]
                hellos.append(loop.time())
                if len(hellos) > HELLO_LIMIT:
                    raise Ended(1008, "too many messages")
                await self.resume(self.read(message))
        except Ended as ended:
            code, reason = ended.args
            self.cut = code == 4401
            if code in (1008, 1009, 4401):
                REFUSALS.labels(reason).inc()
            log.log(
                20 if code != 1012 else 10,
                "closed by us",
                tenant=self.slug,
                code=code,
                reason=reason,
            )
            with contextlib.suppress(Exception):
                await send({"type": "websocket.close", "code": code, "reason": reason})
        finally:
            for task in tasks:
                task.cancel()
            self.leave()

    def read(self, message: Any) -> Hello:
        """The hello in a message; raises Ended for anything else."""
        text = message.get("text")
        if text is None:
            raise Ended(1008, "malformed")
        if len(text) > MESSAGE_LIMIT:
            raise Ended(1009, "too large")
        try:
            return read_hello(text)
        except Malformed as error:
            raise Ended(1008, "malformed") from error

    async def sign_in(self) -> Visitor:
        """Who the cookie says this is; raises Ended(4401) when it is nobody."""
        try:
            async with self.node.database.read() as transaction:
                visitor = await self.site.find_visitor(transaction, self.scope)
        except (CookieError, NotFoundException, PageError) as error:
            raise Ended(4401, "not signed in") from error
        if visitor is None:
            raise Ended(4401, "not signed in")
        await self.site.note_visit(self.node.database, visitor)
        return visitor

    def own(self, visitor: Visitor) -> None:
        """Note whose socket this is, so that it can be cut off."""
        assert self.connection is not None  # noqa: S101
        self.connection.member_id = visitor.id
        self.connection.session_id = visitor.session_id
        self.connection.expires_at = visitor.expires_at

    async def resume(self, hello: Hello) -> None:
        """Answer a hello: replay what the page has missed, then go live without a gap.

        The log is read first, for all pages that come back at the same cursor, and the visitor's rights after it: what
        was taken from the visitor before an event is not shown. If the hub has delivered beyond that snapshot of the
        log in the meantime, the difference is read again; otherwise the socket joins the hub with no await in between.
        """
        connection = self.connection
        assert connection is not None  # noqa: S101
        hub = self.node.hub
        hub.unfollow(connection)
        last, answered = hello.last, False
        while True:
            replay = await self.read_replay(connection.tenant_id, last)
            async with self.node.database.read() as transaction:
                try:
                    visitor = await self.site.find_visitor(transaction, self.scope)
                except (NotFoundException, PageError) as error:
                    raise Ended(4401, "suspended") from error
                if visitor is None:
                    raise Ended(4401, "ended")
                allowed = [name for name in hello.channels if await self.site.may_follow(transaction, visitor, name)]
                if replay.events is None:
                    cursor, events = visitor.cursor, await read_after(transaction, last, channels=allowed)
                else:
                    cursor, events = replay.cursor, [event for event in replay.events if event.channel in allowed]
            if connection.closing.done():
                raise Ended(*connection.closing.result())
            if not answered:
                answered = True
                refresh = not replay.reaches(last)
                refused = [name for name in hello.channels if name not in allowed]
                self.note(hello, allowed, refused, len(events), refresh=refresh)
                connection.write(answer(hello, refused=refused, refresh_at=cursor if refresh else None))
            if events or last != cursor:
                connection.write(numbered(cursor, (event.body for event in events)))
            last = cursor
            if hub.is_level(visitor.tenant_id, last):
                break
        self.own(visitor)
        hub.follow(connection, allowed, last)
        self.be_present(connection, visitor)

    async def read_replay(self, tenant_id: int, last: int) -> Replay:
        """What the page has missed since a cursor, up to what the hub has delivered or beyond."""
        # Nothing is delivered yet to a workspace's first page here: it does not begin with what was read earlier.
        least = self.node.hub.cursors.get(tenant_id, math.inf)
        try:
            return await self.site.read_replay(self.node.replays, tenant_id, last, least=least)
        except LookupError as error:
            raise Ended(4401, "suspended") from error

    def be_present(self, connection: Connection, visitor: Visitor) -> None:
        """Be seen on the channels that the page follows now, no more on those it has left, and show who else is."""
        presence = self.node.presence
        here = {name for name in connection.channels if presence_partial(name)}
        person = Person(visitor.id, visitor.name)
        for name in self.present - here:
            presence.leave(visitor.tenant_id, name, person.id, at_once=True)
        for name in here - self.present:
            presence.join(visitor.tenant_id, visitor.language, name, person)
        self.present = here
        for name in sorted(here):
            connection.write(presence.render(visitor.tenant_id, name))

    def note(self, hello: Hello, allowed: list[str], refused: list[str], replayed: int, *, refresh: bool) -> None:
        """Count and log what came of a hello; a refusal is always logged."""
        assert self.connection is not None  # noqa: S101
        member = self.connection.member_id
        for name in refused:
            REFUSALS.labels("channel").inc()
            log.warning("refused", tenant=self.slug, member=member, channel=name[:60], reason="not allowed")
        RESUMES.labels("refreshed" if refresh else "replayed" if replayed else "level").inc()
        log.debug("subscribed", tenant=self.slug, member=member, channels=" ".join(allowed))
        if replayed or refresh:
            log.debug(
                "resumed",
                tenant=self.slug,
                member=member,
                after=hello.last,
                events=replayed,
                refresh=refresh,
            )

    def start_writer(self, connection: Connection, send: Send) -> asyncio.Task[None] | None:
        """On a server without our protocol: a task that sends what the hub has queued."""
        queue = connection.queue
        if queue is None:
            return None

        async def write() -> None:
            while True:
                await send({"type": "websocket.send", "text": await queue.get(), "bytes": None})

        return asyncio.create_task(write())

    def leave(self) -> None:
        """Take the socket out of hub and presence."""
        if self.connection is None:
            return
        self.node.hub.remove(self.connection)
        for name in self.present:
            self.node.presence.leave(self.connection.tenant_id, name, self.connection.member_id, at_once=self.cut)
