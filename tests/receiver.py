"""A receiver of what this program sends: an HTTP server in the test's own process, which answers as it is told."""

from __future__ import annotations

import asyncio
import json
import ssl
import subprocess
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nDone"


def answer(status: int, body: bytes = b"", *headers: str) -> bytes:
    """A whole answer."""
    lines = [f"HTTP/1.1 {status} Said", f"content-length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


@dataclass
class Received:
    """One request that came."""

    line: str
    headers: dict[str, str]
    body: bytes

    @property
    def told(self) -> dict[str, Any]:
        """What it says, as JSON."""
        return json.loads(self.body)  # type: ignore[no-any-return]


@dataclass
class Receiver:
    """The server. `say` gives the bytes to answer a request with; None is for no answer at all."""

    say: Callable[[Received], bytes | None] = lambda _: OK
    port: int = 0
    tls: ssl.SSLContext | None = None
    keeps: bool = False  # whether it takes several requests over one connection
    connections: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)
    requests: list[Received] = field(default_factory=list)
    server: asyncio.Server | None = None
    stays: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def url(self) -> str:
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self.port}/hook"

    async def open(self) -> None:
        self.server = await asyncio.start_server(self.serve, "127.0.0.1", self.port, ssl=self.tls)
        self.port = self.server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        if self.server is not None:
            self.server.close()
            self.server = None

    def hang(self) -> asyncio.Event:
        """Answer nothing from now on; the event is set with the first request that comes."""
        arrived = asyncio.Event()

        def answer_nothing(_: Received) -> None:
            arrived.set()

        self.say = answer_nothing
        return arrived

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.writers.append(writer)
        try:
            await self.take(reader, writer)
            while self.keeps:
                await self.take(reader, writer)
        except (OSError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        named = dict(line.split(": ", 1) for line in head[1:] if line)
        headers = {name.lower(): value for name, value in named.items()}
        received = Received(head[0], headers, await reader.readexactly(int(headers["content-length"])))
        said = self.say(received)
        self.requests.append(received)
        if said is None:
            await self.stays.wait()
            return
        writer.write(said)
        await writer.drain()


@asynccontextmanager
async def receiving(say: Callable[[Received], bytes | None] = lambda _: OK, **more: Any) -> AsyncIterator[Receiver]:
    """A receiver that is open while the block runs."""
    made = Receiver(say, **more)
    await made.open()
    try:
        yield made
    finally:
        made.stays.set()
        await made.close()
        for writer in made.writers:  # what was kept open
            writer.transport.abort()
        await asyncio.sleep(0)


def make_certificates(folder: Path, name: str) -> tuple[Path, ssl.SSLContext]:
    """An authority's certificate, and what a server of this name speaks TLS with, which it vouches for."""

    def openssl(*words: str) -> None:
        subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

    curve = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes")
    openssl(*("req", "-x509", *curve, "-days", "2", "-subj", "/CN=Authority", "-keyout", "ca.key", "-out", "ca.pem"))
    openssl(*("req", *curve, "-subj", f"/CN={name}", "-keyout", "key.pem", "-out", "request.pem"))
    (folder / "names").write_text(f"subjectAltName=DNS:{name}\n")
    signing = ("-CA", "ca.pem", "-CAkey", "ca.key", "-CAcreateserial", "-extfile", "names")
    openssl("x509", "-req", "-days", "2", "-in", "request.pem", *signing, "-out", "certificate.pem")
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return folder / "ca.pem", context
