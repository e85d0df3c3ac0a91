"""`/live`: the one socket of a page, from its handshake to its end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any

import structlog
from litestar.types import Receive, Send

from app.live.channels import presence_partial
from app.live.connection import Connection
from app.live.ended import Ended, failed
from app.live.frames import Hello, Malformed, answer_hello, frame_events, read_hello
from app.live.lookups import find_allowed, read_missed
from app.live.node import Node
from app.live.open_socket import OpenSocket
from app.live.presence import Person
from app.live.site import Site, Visitor
from app.web.cookies import SET_SCRIPTS_COOKIE, CookieError, runs_scripts
from app.web.metrics import REFUSALS, RESUMES
from app.web.request_ids import HEADER, request_id_of

# A page says hello when it connects and when it navigates. Nobody clicks this fast.
HELLO_LIMIT = 40
HELLO_WINDOW = 10.0
HELLO_SIZE_LIMIT = 8 * 1024
# A page's first hello comes with the next packet. Whose socket it is, is looked up with it.
HELLO_WITHIN = 10.0

log = structlog.get_logger("live")


async def serve_socket(scope: Any, receive: Receive, send: Send, *, node: Node, site: Site) -> None:
    """Accept, follow what the page asks for and its visitor may see, and close with a reason.

    It is an application of its own: what the framework holds of a request, it would hold as long as the page is open.
    On our server it returns when a hello is answered, and goes on when something comes.
    """
    await receive()
    headers = [(HEADER, request_id_of(scope).encode())]
    if not runs_scripts(scope["headers"]):
        headers.append(SET_SCRIPTS_COOKIE)
    await send({"type": "websocket.accept", "subprotocol": None, "headers": headers})
    await Socket(scope, send, node, site).serve(receive)


class Socket(OpenSocket):
    """One socket's life. The order of things in `resume` is what makes delivery gapless."""

    __slots__ = ("cut", "hellos", "node", "present", "scope", "site", "token")

    connection: Connection | None

    def __init__(self, scope: Any, send: Send, node: Node, site: Site) -> None:
        super().__init__(scope, send)
        self.scope: Any = scope  # until it rests for the first time
        self.node = node
        self.site = site
        self.token = ""
        self.hellos: tuple[float, ...] = ()
        self.present: frozenset[str] = frozenset()
        self.cut = False

    @property
    def number(self) -> int | None:
        """What the connection is called in the log; None before the first hello."""
        return self.connection.number if self.connection else None

    async def serve(self, receive: Receive) -> None:
        """Answer hellos until the socket ends, from either side, or is quiet."""
        quiet = False
        try:
            quiet = await self.answer_hellos(receive)
        except Exception as error:
            code, reason = (error if isinstance(error, Ended) else failed(error)).args
            self.cut = code == 4401
            if code in (1008, 1009, 4401):
                REFUSALS.labels(reason).inc()
            log.log(
                20 if code != 1012 else 10,
                "closed by us",
                tenant=self.slug,
                client=self.client,
                socket=self.number,
                code=code,
                reason=reason,
            )
            with contextlib.suppress(Exception):
                await self.send({"type": "websocket.close", "code": code, "reason": reason})
        finally:
            if not quiet:
                self.leave()

    async def answer_hellos(self, receive: Receive) -> bool:
        """Answer one after another until the page has gone, or, which is True, until nothing has come for now. Raises
        Ended when it has to go."""
        loop = asyncio.get_running_loop()
        if self.connection is None:
            self.read_token()
        while True:
            message = await self.receive(receive)
            if message["type"] == "websocket.disconnect":
                self.note_end(message.get("code"))
                return False
            since = loop.time() - HELLO_WINDOW
            self.hellos = (*(moment for moment in self.hellos if moment > since), loop.time())
            if len(self.hellos) > HELLO_LIMIT:
                raise Ended(1008, "too many messages")
            await self.resume(self.read(message))
            self.scope = None
            if self.rest():
                return True

    async def receive(self, receive: Receive) -> Any:
        """The next message; raises Ended when the socket must end before one comes."""
        if self.connection is None:
            try:
                async with asyncio.timeout(HELLO_WITHIN):
                    return await receive()
            except TimeoutError:
                raise Ended(1008, "no hello") from None
        message = await self.next_message(receive)
        if message is None:
            self.check(self.connection)
        return message

    def check(self, connection: Connection) -> None:
        """Raise Ended when the socket must end."""
        if connection.ending is not None:
            raise Ended(*connection.ending)

    def read(self, message: Any) -> Hello:
        """The hello in a message; raises Ended for anything else."""
        text = message.get("text")
        if text is None:
            raise Ended(1008, "malformed")
        if len(text) > HELLO_SIZE_LIMIT:
            raise Ended(1009, "too large")
        try:
            return read_hello(text)
        except Malformed as error:
            raise Ended(1008, "malformed") from error

    def read_token(self) -> None:
        """Read whose page it is. Raises Ended(4401) when it has sent no token: it needs not be asked for a hello."""
        try:
            self.token = self.site.read_token(self.scope) or ""
        except CookieError as error:
            raise Ended(4401, "not signed in") from error
        if not self.token:
            raise Ended(4401, "not signed in")

    def join(self, visitor: Visitor) -> Connection:
        """The connection, which the hub knows from the first hello on, and whose it is, so that it can be cut off."""
        connection = self.connection
        if connection is None:
            if self.node.draining:
                raise Ended(1012, "restart")
            if 0 < self.node.most_sockets <= len(self.node.hub.connections.get(visitor.tenant_id, ())):
                raise Ended(1013, "too many pages")
            connection = self.connection = Connection(self.scope, visitor.tenant_id, self.interrupt, self.slug)
            self.node.hub.add(connection)
            self.start_writer()
            self.site.note_visit(visitor)
            log.debug("connected", tenant=self.slug, member=visitor.id, socket=self.number)
        connection.member_id = visitor.id
        connection.session_id = visitor.session_id
        connection.expires_at = visitor.expires_at
        return connection

    async def resume(self, hello: Hello) -> None:
        """Answer a hello: replay what the page has missed, then go live without a gap.

        What the visitor may see and the cursor come from one snapshot, and the log is read up to that cursor, for all
        pages that come back at the same one: what was taken from the visitor before an event is not shown. If the hub
        has delivered beyond that snapshot in the meantime, the difference is read again; otherwise the socket joins
        the hub with no await in between.

        What was missed may bring channels along that the page knows nothing of yet. Their events belong to what was
        missed from there on: by its next hello, the page is beyond them.
        """
        hub = self.node.hub
        if self.connection is not None:
            hub.unfollow(self.connection)
        last, answered = hello.last, False
        followed = dict.fromkeys(hello.channels, 0)  # and from which cursor on
        while True:
            visitor, allowed = await find_allowed(
                self.node, self.site, self.slug, self.token, followed, known=self.connection is not None
            )
            reached, missed = await read_missed(self.node, visitor, last, allowed)
            events = [event for event in missed if event.cursor > followed[event.channel]]
            if brought := {name: event.cursor for event in reversed(events) for name in event.follow.split()}:
                known = len(followed)
                followed = brought | followed
                if len(followed) > known:
                    continue
            connection = self.join(visitor)
            self.check(connection)
            if not answered:
                answered = True
                refused = [name for name in hello.channels if name not in allowed]
                self.note(hello, allowed, refused, len(events), refresh=not reached)
                connection.write(answer_hello(hello, refused=refused, refresh_at=None if reached else visitor.cursor))
            if events or last != visitor.cursor:
                connection.write(*frame_events(events, visitor.cursor))
            last = visitor.cursor
            if hub.is_level(visitor.tenant_id, last):
                break
        hub.follow(connection, allowed, last)
        self.be_present(connection, visitor)

    def be_present(self, connection: Connection, visitor: Visitor) -> None:
        """Be seen on the channels that the page follows now, no more on those it has left, and show who else is."""
        presence = self.node.presence
        here = frozenset(name for name in connection.channels if presence_partial(name))
        person = Person(visitor.id, visitor.name)
        for name in self.present - here:
            presence.leave(visitor.tenant_id, name, person.id, at_once=True)
        news = set()
        for name in here:
            seen = presence.stay if name in self.present else presence.join
            if seen(visitor.tenant_id, visitor.language, name, person):
                news.add(name)
        self.present = here
        for name in sorted(here - news):
            presence.bring_up_to_date(connection, name)

    def note(self, hello: Hello, allowed: list[str], refused: list[str], replayed: int, *, refresh: bool) -> None:
        """Count and log what came of a hello; a refusal is always logged."""
        assert self.connection is not None  # noqa: S101
        member = self.connection.member_id
        for name in refused:
            REFUSALS.labels("channel").inc()
            log.warning(
                "refused", tenant=self.slug, client=self.client, member=member, channel=name[:60], reason="not allowed"
            )
        RESUMES.labels("refreshed" if refresh else "replayed" if replayed else "level").inc()
        log.debug("subscribed", tenant=self.slug, member=member, socket=self.number, channels=" ".join(allowed))
        if replayed or refresh:
            log.debug(
                "resumed",
                tenant=self.slug,
                member=member,
                socket=self.number,
                after=hello.last,
                events=replayed,
                refresh=refresh,
            )

    def note_end(self, code: int | None) -> None:
        """Log that the page has gone."""
        member = self.connection.member_id if self.connection else 0
        log.debug("closed", tenant=self.slug, member=member, socket=self.number, code=code)

    def leave(self) -> None:
        """Take the socket out of hub and presence."""
        self.stop_writer()
        if self.connection is None:
            return
        self.node.hub.remove(self.connection)
        for name in self.present:
            self.node.presence.leave(self.connection.tenant_id, name, self.connection.member_id, at_once=self.cut)
