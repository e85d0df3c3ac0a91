"""What a delivery to a program's stream costs beside one to a page's socket: the same bytes, in turns, in one process.

    SOCKETS=1000 python bench/streams.py

The program serves real sockets and real streams, so many of each, that follow one room. Then its hub is given, in
turns, a partial for the sockets and a fact for the streams; what is measured is the CPU time of delivering each to all.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from app.accounts.program_tokens import make_secret  # noqa: E402
from app.accounts.sessions import digest  # noqa: E402
from app.background import in_background  # noqa: E402
from app.live.frames import encode, numbered  # noqa: E402
from app.live.log import Event  # noqa: E402
from app.live.node import Node  # noqa: E402
from app.live.stream_frames import encode_chunk, stream_facts  # noqa: E402
from app.server import asgi  # noqa: E402
from app.server.logs import set_up_logs  # noqa: E402
from app.server.serving import serve_on  # noqa: E402
from app.settings import read_settings  # noqa: E402
from bench.generator import BUILD  # noqa: E402
from bench.workspace import Crowd, fill  # noqa: E402
from tests.databases import Store  # noqa: E402
from tests.waiting import until  # noqa: E402

SOCKETS = int(os.environ.get("SOCKETS", "1000"))
ROUNDS = int(os.environ.get("ROUNDS", "150"))
SIZE = int(os.environ.get("SIZE", "600"))
PAUSE = 0.03
STREAMS_OF_A_TOKEN = 50
READING: set[asyncio.Task[None]] = set()


class Measured(Node):
    """The node of the program, which measures its own hub once everybody is there."""

    async def run(self) -> None:
        async with in_background(self.measure()):
            await super().run()

    async def measure(self) -> None:
        room = os.environ["ROOM"]
        places = {"sockets": (1, f"room.{room}"), "streams": (1, f"facts room.{room}")}
        await until(
            lambda: all(len(self.hub.followers.get(place, ())) >= SOCKETS for place in places.values()), seconds=120
        )
        await asyncio.sleep(1)
        cursor, took = 10**9, dict[str, list[float]](sockets=[], streams=[])
        sizes: dict[str, int] = {}
        for turn in range(2 * ROUNDS):
            kind = ("sockets", "streams")[turn % 2]
            cursor += 1
            event, sizes[kind] = make_event(kind, cursor, places[kind][1])
            began = time.thread_time()
            self.hub.deliver(1, [event])
            if self.hub.due:
                self.hub.flush()
            took[kind].append(time.thread_time() - began)
            await asyncio.sleep(PAUSE)
        left = {kind: len(self.hub.followers.get(place, ())) for kind, place in places.items()}
        assert set(left.values()) == {SOCKETS}, f"what is left is no measure of all: {left}"
        each = {kind: statistics.median(times[10:]) / SOCKETS * 1e6 for kind, times in took.items()}
        ratio = each["streams"] / each["sockets"]
        print(json.dumps({"us_per_delivery": each, "ratio": ratio, "bytes": sizes, "left": left}), flush=True)


def make_event(kind: str, cursor: int, place: str) -> tuple[Event, int]:
    """Something of which as many bytes go over each connection, whichever it is; and how many."""
    for length in range(SIZE - 100, SIZE + 1):
        body = "x" * length
        event = Event(cursor, place, body, kind="message.posted" if kind == "streams" else "")
        sent = encode_chunk(stream_facts([event])) if kind == "streams" else encode(numbered(cursor, [body]))
        if len(sent) == SIZE:
            return event, SIZE
    raise AssertionError("no such length")


def add_tokens(data_dir: Path, count: int) -> list[str]:
    """So many tokens of members."""
    store, secrets = Store(data_dir), []
    for number in range(count):
        secrets.append(make_secret())
        store.rows(
            "INSERT INTO token (tenant_id, member_id, name, token_hash, scopes, origins, made_at)"
            " VALUES (1, 1, ?, ?, ?, '[]', '2026-01-01 00:00:00.000000')",
            *(f"bench {number}", digest(secrets[-1]), '["chat:read", "records:read"]'),
        )
    return secrets


def websocket_text(text: str) -> bytes:
    """A masked frame, by a key of zeros."""
    payload = text.encode()
    length = bytes((0x80 | len(payload),)) if len(payload) < 126 else b"\xfe" + len(payload).to_bytes(2, "big")
    return b"\x81" + length + bytes(4) + payload


async def open_connection(port: int, request: bytes, first: bytes) -> None:
    """Ask, read the head of the answer, say what comes first, and read all that comes."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head = await reader.readuntil(b"\r\n\r\n")
    assert head.startswith((b"HTTP/1.1 101", b"HTTP/1.1 200")), head
    writer.write(first)
    READING.add(asyncio.get_running_loop().create_task(drop_all(reader, writer)))


async def drop_all(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Read all that comes, and answer pings, the only bytes of their kind, so that no socket is given up."""
    while read := await reader.read(65536):
        _, ping, rest = read.partition(b"\x89")
        if ping:
            payload = rest[1 : 1 + rest[0]]
            writer.write(bytes((0x8A, 0x80 | len(payload), 0, 0, 0, 0)) + payload)
    writer.close()


async def open_all(port: int, crowd: Crowd, secrets: list[str]) -> None:
    """So many sockets, and so many streams."""
    host = f"acme.hero.localhost:{port}"
    lines = [line.split() for line in crowd.lines.read_text().splitlines()]
    for number in range(SOCKETS):
        session, member = lines[number % len(lines)]
        ask = (
            f"GET /live HTTP/1.1\r\nHost: {host}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nOrigin: http://{host}\r\n"
            "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
            f"Cookie: session={session}\r\n\r\n"
        )
        hello = {"sub": f"room.{crowd.room_id}", "last": crowd.cursor, "n": 1}
        await open_connection(port, ask.encode(), websocket_text(json.dumps(hello)))
        ask = (
            f"GET /api/v1/events?channels=room.{crowd.room_id} HTTP/1.1\r\nHost: {host}\r\n"
            f"Accept: text/event-stream\r\nAuthorization: Bearer {secrets[number // STREAMS_OF_A_TOKEN]}\r\n\r\n"
        )
        await open_connection(port, ask.encode(), b"")
        del member
    await asyncio.sleep(3600)


def serve_and_measure(port: int) -> None:
    """The process of the server."""
    set_up_logs(debug=False)
    asgi.Node = Measured  # type: ignore[misc]
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    serve_on(read_settings(), listener)


def main() -> None:
    """Measure, and print JSON."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        data_dir = Path(directory)
        url = f"sqlite+aiosqlite:///{data_dir}/mutirao.sqlite"
        crowd = asyncio.run(fill(url, data_dir, members=200))
        secrets = add_tokens(data_dir, -(-SOCKETS // STREAMS_OF_A_TOKEN))
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            port = probe.getsockname()[1]
        environment = {
            **{"PATH": os.environ["PATH"], "DATA_DIR": directory, "BASE_URL": f"http://hero.localhost:{port}"},
            **{"SOCKETS": str(SOCKETS), "ROUNDS": str(ROUNDS), "SIZE": str(SIZE), "ROOM": str(crowd.room_id)},
        }
        log = (data_dir / "server.log").open("wb")
        command = [sys.executable, __file__, "serve", str(port)]
        server = subprocess.Popen(command, env=environment, cwd=ROOT, stdout=subprocess.PIPE, stderr=log)
        readers = None
        try:
            while socket.socket().connect_ex(("127.0.0.1", port)):
                time.sleep(0.2)
            said = [sys.executable, __file__, "read", str(port), str(crowd.room_id), str(crowd.cursor)]
            readers = subprocess.Popen([*said, str(crowd.lines), *secrets], env=environment, cwd=ROOT)
            assert server.stdout is not None
            print(server.stdout.readline().decode().strip())
        finally:
            for process in (readers, server):
                if process is not None:
                    process.kill()
                    process.wait()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", port]:
            serve_and_measure(int(port))
        case ["read", port, room, cursor, lines, *secrets]:
            asyncio.run(open_all(int(port), Crowd(int(room), "general", int(cursor), Path(lines)), secrets))
        case _:
            main()
