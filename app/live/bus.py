"""The bus: tells the other nodes what happens here, at once. It is a fast path, and may lose everything.

What is lost of events is read from the log; what is lost of presence is asked for again. So nobody ever waits for it:
publishing only puts a message in line, and what can't be sent in time is dropped.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import secrets
from collections import deque
from collections.abc import AsyncIterator, Callable
from typing import TYPE_CHECKING, Any, Protocol

import structlog

from app.background import in_background
from app.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

# A node says this often that it lives, and Redis has to take it within BUS_TIMEOUT. Of so many beats that were said one
# has to be back before another is said: they are counted, as a process that stands still hears nothing meanwhile.
BEAT_EVERY = 1.0
BUS_TIMEOUT = 1.5
BEATS_UNDERWAY = 2
# Who has heard nothing for so long begins anew, for whatever reason: soon others take it for gone (PRESENCE_LEASE).
LONGEST_SILENCE = 4.5
FIRST_RETRY, LAST_RETRY = 0.1, 2.0
# Messages in line; over half of it what is merely seen (presence, typing) is dropped.
BACKLOG_LIMIT = 2000
SIGNATURE = 16
NAME = 16

Handler = Callable[[str, Any], None]

log = structlog.get_logger("live")


class BusLost(Exception):
    """Redis does not answer."""


class Bus(Protocol):
    """What joins the nodes. `name` is this node's, made anew with each process. `reachable` says whether others may
    hear what is said now; `alone` that there are no others. `joined_at` is when they last began to be heard.

    `handlers` are called with the sender's name and the content, by kind of message; `on_join` when messages begin to
    arrive, of which some may have been missed before; `beat` gives what is said each second.
    """

    name: str
    alone: bool
    reachable: bool
    joined_at: float
    handlers: dict[str, Handler]
    on_join: list[Callable[[], None]]
    beat: Callable[[], Any]

    @property
    def state(self) -> str:
        """For /readyz: `in-process`, `ok` or `not reachable`."""

    def publish(self, kind: str, content: Any, *, needed: bool = False) -> None:
        """Send a message to all other nodes, some time soon or never. What is not `needed` is dropped first."""

    def running(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Be connected while the block runs."""


class InProcessBus:
    """The bus of a node that is `alone`, or can't tell others anything."""

    state = "in-process"
    name = ""
    reachable = False
    joined_at = 0.0

    def __init__(self, *, alone: bool = True) -> None:
        self.alone = alone
        self.handlers: dict[str, Handler] = {}
        self.on_join: list[Callable[[], None]] = []
        self.beat: Callable[[], Any] = lambda: None

    def publish(self, kind: str, content: Any, *, needed: bool = False) -> None:
        """Nobody hears it."""

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Nothing runs."""
        yield


class RedisBus:
    """One pub/sub channel of Redis, on which every node hears all others.

    Messages are signed with the installation's secret, as they bring HTML into pages. Connections are not mended in
    silence, as redis-py would: a new one starts with `on_join`.
    """

    alone = False

    def __init__(self, url: str, secret: str) -> None:
        self.handlers: dict[str, Handler] = {}
        self.on_join: list[Callable[[], None]] = []
        self.beat: Callable[[], Any] = lambda: None
        self.url = url
        self.key = hashlib.blake2b(secret.encode(), person=b"mutirao bus").digest()
        self.channel = f"mutirao:{hashlib.blake2b(self.key, digest_size=8).hexdigest()}"
        self.name = secrets.token_hex(NAME // 2)
        self.line: deque[bytes] = deque()
        self.due = asyncio.Event()
        self.reachable = False
        self.lost_since: float | None = None
        self.heard_at = 0.0
        self.unheard = 0
        self.joined_at = 0.0

    @property
    def state(self) -> str:
        """Whether what this node says comes back to it."""
        return "ok" if self.reachable else "not reachable"

    def publish(self, kind: str, content: Any, *, needed: bool = False) -> None:
        """Put a message in line, or drop it when nobody would hear it in time."""
        if not self.reachable or (not needed and len(self.line) > BACKLOG_LIMIT // 2):
            return
        if len(self.line) >= BACKLOG_LIMIT:
            self.line.popleft()
        self.line.append(self.pack(kind, content))
        self.due.set()

    def pack(self, kind: str, content: Any) -> bytes:
        """A message as it is sent: signature, sender, and what it says."""
        signed = (self.name + json.dumps([kind, content], separators=(",", ":"))).encode()
        return self.sign(signed) + signed

    def sign(self, signed: bytes) -> bytes:
        """The signature of a message, 16 bytes."""
        return hashlib.blake2b(signed, key=self.key, digest_size=SIGNATURE).digest()

    def take(self, data: bytes) -> None:
        """Hand a message to its handler; what is not understood is noted and left."""
        signature, signed = data[:SIGNATURE], data[SIGNATURE:]
        if not hmac.compare_digest(signature, self.sign(signed)):
            log.warning("a message on the bus is not signed by this installation", bytes=len(data))
            return
        sender = signed[:NAME].decode("ascii", "replace")
        if sender == self.name:
            self.hear()
            return
        try:
            kind, content = json.loads(signed[NAME:])
            handler = self.handlers.get(kind)
            if handler:
                handler(sender, content)
        except Exception as error:
            log.warning("a message on the bus is not understood", reason=repr(error))

    def hear(self) -> None:
        """Note that what this node says comes back."""
        loop = asyncio.get_running_loop()
        self.heard_at, self.unheard = loop.time(), 0
        if self.reachable:
            return
        self.reachable, self.joined_at = True, loop.time()
        if self.lost_since is not None:
            log.info("the bus is back", seconds=round(loop.time() - self.lost_since, 1))
            self.lost_since = None
        for joined in self.on_join:
            joined()

    def lose(self, reason: BaseException) -> None:
        """Note that Redis can't be reached; once, until it is."""
        self.reachable = False
        self.line.clear()
        if self.lost_since is None:
            self.lost_since = asyncio.get_running_loop().time()
            log.error("the bus can't be reached; events are delivered from the log", reason=repr(reason))

    async def run(self) -> None:
        """Be connected, and connect again, until cancelled."""
        wait = FIRST_RETRY
        while True:
            try:
                await self.connect()
            except* Exception as group:
                if self.reachable:
                    wait = FIRST_RETRY
                self.lose(group.exceptions[0])
            await asyncio.sleep(wait)
            wait = min(LAST_RETRY, wait * 2)

    async def connect(self) -> None:
        """Talk and listen on one connection each, until one of them breaks."""
        async with (
            connect_redis(self.url, patience=1.0) as client,
            client.pubsub(ignore_subscribe_messages=True) as hearing,
            asyncio.timeout(None) as patience,
        ):
            patience.reschedule(asyncio.get_running_loop().time() + BUS_TIMEOUT)
            await hearing.subscribe(self.channel)
            patience.reschedule(None)
            self.heard_at, self.unheard = asyncio.get_running_loop().time(), 0
            async with asyncio.TaskGroup() as both:
                both.create_task(self.listen(hearing))
                both.create_task(self.talk(client))

    async def listen(self, hearing: Any) -> None:
        """Take what is said."""
        async for message in hearing.listen():
            self.take(message["data"])
        raise BusLost("the subscription ended")

    async def talk(self, client: Redis) -> None:
        """Say what is in line, and each second that this node lives; give up when it does not come back."""
        loop = asyncio.get_running_loop()
        beat_at = 0.0
        while True:
            if loop.time() >= beat_at:
                if self.unheard >= BEATS_UNDERWAY:
                    raise BusLost("what was said did not come back")
                if (silent := loop.time() - self.heard_at) > LONGEST_SILENCE:
                    raise BusLost(f"this process stood still, and heard nothing for {silent:.1f} s")
                self.unheard += 1
                beat_at = loop.time() + BEAT_EVERY
                self.line.append(self.pack("beat", self.beat()))
            messages = list(self.line)
            self.line.clear()
            self.due.clear()
            if messages:
                pipeline = client.pipeline(transaction=False)
                for message in messages:
                    pipeline.publish(self.channel, message)
                async with asyncio.timeout(BUS_TIMEOUT):
                    await pipeline.execute()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(beat_at):
                    await self.due.wait()

    def running(self) -> contextlib.AbstractAsyncContextManager[None]:
        """Be connected while the block runs."""
        return in_background(self.run())


def connect_redis(url: str, *, patience: float) -> Redis:
    """A client that waits some seconds at most, and leaves trying again to us."""
    from redis.asyncio import Redis
    from redis.asyncio.retry import Retry
    from redis.backoff import NoBackoff

    return Redis.from_url(
        url,
        socket_timeout=patience,
        socket_connect_timeout=patience,
        retry=Retry(NoBackoff(), 0),
    )


def make_bus(settings: Settings) -> Bus:
    """The bus that the settings ask for."""
    if settings.redis_url:
        return RedisBus(settings.redis_url, settings.secret_key)
    return InProcessBus(alone=settings.workers == 1)
