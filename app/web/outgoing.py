"""Outgoing requests: all that this program sends to an address that somebody typed, or a browser named.

There is one way out, and it is narrow: by https, unless the installation allows http; to an address that is on the
internet for everybody (`internet.py`), which is looked at after the name was resolved, and which the connection is made
to, so that a name server that says something else the next time changes nothing; with the name for TLS and `Host`. No
proxy of the environment is asked and no redirect followed. How long it takes, and how much is read, is bounded.

What is sent to the same address soon after goes over the same connection, for a minute at the most: then the name is
resolved and looked at anew.
"""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import socket
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

import httptools
from msgspec import Struct

from app.settings import Settings
from app.web.internet import IPAddress, unwrap
from app.web.outgoing_addresses import AddressRefused, NotSent, OutgoingAddress, OutgoingLimits, read_outgoing_address

# How long a name server, a connection with its TLS, and all of it may take, in seconds.
RESOLVING_SECONDS = 5
CONNECTING_SECONDS = 5
TOTAL_SECONDS = 15
# Of so many addresses of a name it is tried which can be reached.
MOST_TRIED = 4
# How much of an answer is taken, in bytes: before its body, and of that.
LONGEST_HEAD = 32 * 1024
# A connection is kept for what comes next for so long, is used for so long in all, and so many are kept.
KEPT_IDLE, KEPT_SECONDS, MOST_KEPT = 5.0, 60.0, 64
KEPT_OF_BODY = 1024

# A name server that does not answer holds a thread longer than we wait for it: nobody else's.
RESOLVERS = ThreadPoolExecutor(max_workers=16, thread_name_prefix="resolver")
Resolve = Callable[[str, int], Awaitable[Sequence[IPAddress]]]


class OutgoingAnswer(Struct, frozen=True):
    """What came back: the status, and the beginning of the body."""

    status: int
    body: bytes
    headers: Mapping[str, str]


async def resolve_name(host: str, port: int) -> Sequence[IPAddress]:
    """The addresses that a name has now. Raises OSError."""
    loop = asyncio.get_running_loop()
    found = await loop.run_in_executor(
        RESOLVERS, lambda: socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, proto=socket.IPPROTO_TCP)
    )
    return list(dict.fromkeys(ipaddress.ip_address(each[4][0]) for each in found))


class ReadAnswer:
    """An answer, as far as it has been read; what the parser calls."""

    def __init__(self) -> None:
        self.parser = httptools.HttpResponseParser(self)
        self.headers: dict[str, str] = {}
        self.body = b""
        self.taken = 0
        self.status = 0
        self.begun = False
        self.over = False
        self.goes_on = False  # whether another request may follow on the connection

    def on_message_begin(self) -> None:
        """One more than was asked for is none of ours."""
        if self.over:
            self.goes_on = False

    def on_header(self, name: bytes, value: bytes) -> None:
        """A header, of which the last one counts."""
        if not self.over:
            self.headers[name.decode("latin-1").lower()] = value.decode("latin-1")

    def on_headers_complete(self) -> None:
        """Its status is known. One below 200 says that another comes."""
        if self.over:
            return
        self.status = self.parser.get_status_code()
        self.begun = self.status >= 200
        if not self.begun:
            self.headers.clear()

    def on_body(self, body: bytes) -> None:
        """A part of the body, of which the beginning is kept."""
        if not self.over:
            self.body = (self.body + body[:KEPT_OF_BODY])[:KEPT_OF_BODY]

    def on_message_complete(self) -> None:
        """There is no more of it."""
        if self.begun and not self.over:
            self.over, self.goes_on = True, self.parser.should_keep_alive()

    @property
    def enough(self) -> bool:
        """Whether nothing more of it would be looked at."""
        return self.over or (self.begun and len(self.body) >= KEPT_OF_BODY)

    def feed(self, data: bytes) -> None:
        """Take some of it. Raises NotSent for what is no answer by HTTP, or has too long a head."""
        self.taken += len(data)
        try:
            self.parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            if not self.begun:
                raise NotSent("what answers does not speak HTTP") from error
            self.over = True
        if not self.begun and self.taken > LONGEST_HEAD:
            raise NotSent("the head of the answer is too long")


class OutgoingConnection(Struct):
    """A connection to a receiver, and when it was made."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    made_at: float
    dropping: asyncio.TimerHandle | None = None

    @property
    def usable(self) -> bool:
        """Whether a request may go over it."""
        return not (self.reader.at_eof() or self.writer.is_closing() or self.reader.exception())

    def drop(self) -> None:
        """Close it at once."""
        if self.dropping is not None:
            self.dropping.cancel()
        self.writer.transport.abort()


class Outgoing:
    """The way out of this process."""

    def __init__(self, settings: Settings, *, resolve: Resolve = resolve_name) -> None:
        self.settings = settings
        self.resolve = resolve
        self.limits = OutgoingLimits(settings)
        self.tls: ssl.SSLContext | None = None
        self.kept: dict[str, OutgoingConnection] = {}

    async def post(self, url: str, headers: Mapping[str, str], body: bytes) -> OutgoingAnswer:
        """Send something, and take what is answered. Raises NotSent."""
        address = read_outgoing_address(url)
        self.limits.check(address)
        read = ReadAnswer()
        try:
            async with asyncio.timeout(TOTAL_SECONDS):
                await self.talk(url, address, write_request(address, headers, body), read)
        except TimeoutError as error:
            if not read.begun:
                raise NotSent(f"there was no answer within {TOTAL_SECONDS} s") from error
        except OSError as error:
            if not read.begun:
                raise NotSent(describe_fault(error)) from error
        if not read.begun:
            raise NotSent("the connection was closed without an answer")
        return OutgoingAnswer(read.status, read.body, read.headers)

    async def talk(self, url: str, address: OutgoingAddress, request: bytes, read: ReadAnswer) -> None:
        """Write, and read as much as is looked at; over the connection that was kept, if it goes on."""
        if kept := self.take_kept(url):
            with contextlib.suppress(OSError):  # its end and this request have crossed
                await self.exchange(url, kept, request, read)
            if read.taken:
                return
        loop = asyncio.get_running_loop()
        made = OutgoingConnection(*await self.connect(address), loop.time())
        await self.exchange(url, made, request, read)

    async def exchange(self, url: str, connection: OutgoingConnection, request: bytes, read: ReadAnswer) -> None:
        """Write a request, and read the answer."""
        try:
            connection.writer.write(request)
            await connection.writer.drain()
            while not read.enough:
                data = await connection.reader.read(16 * 1024)
                if not data:
                    return
                read.feed(data)
        finally:
            if not (read.over and read.goes_on and self.keep(url, connection)):
                connection.drop()

    def keep(self, url: str, connection: OutgoingConnection) -> bool:
        """Keep a connection for what comes next, unless there are many, or it is old."""
        loop = asyncio.get_running_loop()
        if url in self.kept or len(self.kept) >= MOST_KEPT or not connection.usable:
            return False
        left = connection.made_at + KEPT_SECONDS - loop.time()
        if left <= 0:
            return False
        connection.dropping = loop.call_later(min(left, KEPT_IDLE), self.forget, url, connection)
        self.kept[url] = connection
        return True

    def take_kept(self, url: str) -> OutgoingConnection | None:
        """The connection that was kept for an address, if it can be used still."""
        connection = self.kept.pop(url, None)
        if connection is None:
            return None
        if connection.dropping is not None:
            connection.dropping.cancel()
        if connection.usable:
            return connection
        connection.drop()
        return None

    def forget(self, url: str, connection: OutgoingConnection) -> None:
        """Close what was kept for long enough."""
        if self.kept.get(url) is connection:
            del self.kept[url]
        connection.drop()

    def close(self) -> None:
        """Close all that was kept."""
        for url, connection in list(self.kept.items()):
            self.forget(url, connection)

    async def connect(self, address: OutgoingAddress) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to the first of the name's addresses that can be reached. Raises AddressRefused when any of
        them is not on the internet, and OSError."""
        context = await self.load_tls() if address.scheme == "https" else None
        fault: OSError | None = None
        for found in await self.find_addresses(address):
            try:
                async with asyncio.timeout(CONNECTING_SECONDS):
                    return await asyncio.open_connection(
                        str(found),
                        address.port,
                        ssl=context,
                        server_hostname=address.host if context else None,
                    )
            except OSError as error:  # a timeout is one, too
                fault = error if str(error) else OSError("the connection was not made in time")
        raise fault or OSError("the name has no address")

    async def find_addresses(self, address: OutgoingAddress) -> Sequence[IPAddress]:
        """The addresses to connect to. Raises AddressRefused and OSError."""
        try:
            async with asyncio.timeout(RESOLVING_SECONDS):
                found = [unwrap(each) for each in await self.resolve(address.host, address.port)]
        except TimeoutError as error:
            raise OSError("the name server did not answer in time") from error
        except UnicodeError as error:
            raise AddressRefused("this is no address of the web") from error
        for each in found:
            self.limits.check_reached(each)
        return found[:MOST_TRIED]

    async def load_tls(self) -> ssl.SSLContext:
        """What certificates are looked at by: those of the system, or of SSL_CERT_FILE."""
        if self.tls is None:
            self.tls = await asyncio.to_thread(ssl.create_default_context)
        return self.tls


def write_request(address: OutgoingAddress, headers: Mapping[str, str], body: bytes) -> bytes:
    """The request as it goes over the wire."""
    named = {"host": address.host_header, "user-agent": "Mutirao", "connection": "keep-alive", **headers}
    named["content-length"] = str(len(body))
    lines = [f"POST {address.target} HTTP/1.1", *(f"{name}: {value}" for name, value in named.items())]
    if any("\r" in line or "\n" in line for line in lines):
        raise ValueError("a header has several lines")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def describe_fault(error: OSError) -> str:
    """Why nothing was sent, in one line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"the certificate won't do: {error.verify_message}"
    if isinstance(error, socket.gaierror):
        return "the name is not known"
    return " ".join(str(error.strerror or error or "the connection was not made").split())[:200]
