"""A connection to a server on which anything may be said: what clients' libraries refuse to send."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import Server

CONT, TEXT, BINARY, CLOSE, PING, PONG = 0x0, 0x1, 0x2, 0x8, 0x9, 0xA
FIN = 0x80
PATIENCE = 20
KEY = b"dGhlIHNhbXBsZSBub25jZQ=="


@dataclass
class Answer:
    """An answer to a request. The names of headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes


@dataclass(eq=False)
class Wire:
    """A TCP connection to a server."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def send(self, data: bytes) -> None:
        """Send bytes; a server that hangs up is for the reader to notice."""
        self.writer.write(data)
        try:
            await self.writer.drain()
        except ConnectionError:
            return

    async def ask(self, request: bytes) -> Answer:
        """Send a request, and read the answer."""
        await self.send(request)
        return await self.read_answer()

    async def read_answer(self) -> Answer:
        """Read an answer; raises EOFError when there is none."""
        async with asyncio.timeout(PATIENCE):
            head = await self.reader.readuntil(b"\r\n\r\n")
            first, *lines = head[:-4].decode("latin-1").split("\r\n")
            headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
            status = int(first.split()[1])
            body = await self.reader.readexactly(int(headers.get("content-length", "0"))) if status != 101 else b""
        return Answer(status, headers, body)

    async def read_frame(self) -> tuple[int, bytes]:
        """Read a frame: its first byte and its payload. Raises EOFError when the server has hung up."""
        async with asyncio.timeout(PATIENCE):
            first, length = await self.reader.readexactly(2)
            assert length < 128, "a server's frame is not masked"
            if length >= 126:
                length = int.from_bytes(await self.reader.readexactly(2 if length == 126 else 8), "big")
            return first, await self.reader.readexactly(length)

    async def read_frames(self, last: tuple[int, bytes] | None = None) -> list[tuple[int, bytes]]:
        """The frames up to a certain one, or up to the server's close or hanging up."""
        frames: list[tuple[int, bytes]] = []
        try:
            while not frames or (frames[-1] != last and frames[-1][0] != FIN | CLOSE):
                frames.append(await self.read_frame())
        except (EOFError, ConnectionError):
            pass
        return frames

    async def read_rest(self) -> bytes:
        """What comes until the server hangs up, be it with a reset because it was not sent everything it had read."""
        rest = b""
        async with asyncio.timeout(3 * PATIENCE):
            try:
                while data := await self.reader.read(65536):
                    rest += data
            except ConnectionError:
                pass
        return rest


@asynccontextmanager
async def dial(server: Server, *, buffer: int = 0) -> AsyncIterator[Wire]:
    """Connect to a server; the system keeps at most `buffer` bytes that were not read, if that is given."""
    dialing = socket.socket()
    dialing.setblocking(False)
    if buffer:
        dialing.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    await asyncio.get_running_loop().sock_connect(dialing, (server.address, server.port))
    reader, writer = await asyncio.open_connection(sock=dialing)
    try:
        yield Wire(reader, writer)
    finally:
        writer.transport.abort()


@asynccontextmanager
async def dial_live(server: Server, slug: str, cookie: str | bytes, *, buffer: int = 0) -> AsyncIterator[Wire]:
    """Open a socket, as the page of somebody with this cookie."""
    async with dial(server, buffer=buffer) as wire:
        answer = await wire.ask(handshake(server, slug, cookie))
        assert answer.status == 101, answer
        yield wire


def request(server: Server, slug: str, line: str, *headers: bytes, body: bytes = b"") -> bytes:
    """A request of a page of that host, such as `GET /login`."""
    lines = [f"{line} HTTP/1.1".encode(), f"Host: {server.host(slug)}".encode()]
    if not line.startswith("GET"):
        lines += [f"Origin: http://{server.host(slug)}".encode(), b"Content-Type: application/x-www-form-urlencoded"]
        lines += [b"Content-Length: %d" % len(body)]
    return b"\r\n".join([*lines, *headers, b"", body])


def handshake(server: Server, slug: str, cookie: str | bytes = b"", *headers: bytes) -> bytes:
    """The request that opens a socket."""
    given = cookie.encode() if isinstance(cookie, str) else cookie
    return request(
        server, slug, "GET /live",
        b"Upgrade: websocket", b"Connection: Upgrade", b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: " + KEY,
        f"Origin: http://{server.host(slug)}".encode(), *([b"Cookie: " + given] if given else []), *headers,
    )  # fmt: skip


def frame(
    first: int, payload: bytes = b"", *, masked: bool = True, length: int | None = None, form: int | None = None
) -> bytes:
    """A frame with this first byte (FIN, the reserved bits and the opcode).

    `length` says another length than the payload's; `form` is 2 or 8, to write it in more bytes than it needs.
    """
    size = len(payload) if length is None else length
    form = form or (0 if size < 126 else 2 if size < 65536 else 8)
    second = {0: size, 2: 126, 8: 127}[form]
    head = bytes((first, second | (0x80 if masked else 0))) + (size.to_bytes(form, "big") if form else b"")
    mask = b"\x37\xfa\x21\x3d"
    if not masked:
        return head + payload
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))


def text(*fragments: bytes) -> bytes:
    """A text message, in so many frames."""
    firsts = [TEXT, *(CONT for _ in fragments[1:])]
    firsts[-1] |= FIN
    return b"".join(frame(first, fragment) for first, fragment in zip(firsts, fragments, strict=True))


def close_payload(code: int, reason: bytes = b"") -> bytes:
    """What a close frame says."""
    return struct.pack("!H", code) + reason


def codes(frames: Iterable[tuple[int, bytes]]) -> list[int]:
    """The codes of the close frames among these; 1005 for one without a code."""
    return [
        int.from_bytes(payload[:2], "big") if payload else 1005 for first, payload in frames if first == FIN | CLOSE
    ]


def count_connections(server: Server) -> int:
    """How many connections a server holds open."""
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:]]
    return sum(int(row[1].partition(":")[2], 16) == server.port and row[3] in ("01", "08") for row in rows)


def read_memory(server: Server) -> int:
    """The memory of a server's process, in KiB."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0])


async def read_metric(server: Server, name: str) -> float:
    """A number that the process that answers counts."""
    async with server.client("") as client:
        text = (await client.get("/metrics")).text
    return sum(float(line.rpartition(" ")[2]) for line in text.splitlines() if line.startswith(f"{name} "))
