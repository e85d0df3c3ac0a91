"""What the gateway of Echo and Pusher clients costs, beside Node's `ws` on the same machine in the same run.

    python bench/gateway.py

The sockets are in processes of their own; what is counted is the CPU of the server alone. SOCKETS and EVENTS make it
smaller or larger. Events have 600 bytes. What a publish costs without anybody who follows is taken off a delivery.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import httpx

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from app.demo import seed_demo  # noqa: E402
from app.features import open_database  # noqa: E402
from app.gateway.messages import write_event  # noqa: E402
from app.live.frames import encode  # noqa: E402
from app.migration import migrate_database  # noqa: E402
from bench.peers import prepare_peers, run_peer  # noqa: E402
from bench.serving import serve  # noqa: E402

SOCKETS = int(os.environ.get("SOCKETS", "1000"))
EVENTS = int(os.environ.get("EVENTS", "60"))
SIZE, JOIN_SECONDS, WARM_UP = 600, 5.0, 20
CHANNEL, PRESENCE = "news", "presence-room"
TICKS = os.sysconf("SC_CLK_TCK")
KEY = base64.b64encode(b"0123456789abcdef").decode()


@dataclass(frozen=True, slots=True)
class App:
    """An app, as the command line prints it, and where its server is."""

    id: str
    key: str
    secret: str
    port: int

    @property
    def host(self) -> str:
        """The workspace's host."""
        return f"acme.hero.localhost:{self.port}"

    def sign(self, text: str) -> str:
        """A signature of the protocol."""
        return hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()


def read_cpu(pid: int) -> float:
    """The seconds that a process has computed."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def read_memory(pid: int) -> int:
    """The bytes of a process that are its own."""
    told = Path(f"/proc/{pid}/smaps_rollup").read_text()
    return (
        sum(int(line.split()[1]) for line in told.splitlines() if line.startswith(("Private_Clean", "Private_Dirty")))
        * 1024
    )


def say(line: str) -> None:
    """Print a line at once."""
    print(line, flush=True)


class Sink(asyncio.Protocol):
    """A client's socket that counts what comes: its handshake is made by hand, and frames are not decoded."""

    def __init__(self, crowd: Crowd, opening: bytes) -> None:
        self.crowd = crowd
        self.opening = opening
        self.begun: asyncio.Future[bytes] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Ask for the socket."""
        self.transport: Any = transport
        self.transport.write(self.opening)

    def data_received(self, data: bytes) -> None:
        """The greeting, with the socket's id; then events."""
        if not self.begun.done():
            if b"connection_established" in data or self.crowd.plain:
                self.begun.set_result(data)
            return
        self.crowd.bytes += len(data)

    def say(self, text: str) -> None:
        """Send a text, masked by nothing."""
        raw = text.encode()
        size = bytes([0x80 | len(raw)]) if len(raw) < 126 else bytes([0x80 | 126]) + len(raw).to_bytes(2, "big")
        self.transport.write(b"\x81" + size + b"\0\0\0\0" + raw)


class Crowd:
    """Many sockets, in this process."""

    def __init__(self, host: str, port: int, path: str, *, plain: bool = False) -> None:
        self.port, self.plain = port, plain
        self.bytes = 0
        self.sinks: list[Sink] = []
        lines = (f"GET {path} HTTP/1.1", f"Host: {host}", "Upgrade: websocket", "Connection: Upgrade")
        more = (f"Sec-WebSocket-Key: {KEY}", "Sec-WebSocket-Version: 13", "", "")
        self.opening = "\r\n".join((*lines, *more)).encode()

    async def open(self, count: int) -> None:
        """So many more, twenty at once."""
        loop = asyncio.get_running_loop()
        for start in range(0, count, 20):
            made = []
            for _ in range(min(20, count - start)):
                _, sink = await loop.create_connection(lambda: Sink(self, self.opening), "127.0.0.1", self.port)
                made.append(sink)
            await asyncio.wait_for(asyncio.gather(*(sink.begun for sink in made)), 60)
            self.sinks += made

    async def settle(self, wanted: int = 0) -> None:
        """Wait until nothing more comes, at the least so many bytes."""
        before, quiet = -1, 0
        deadline = time.monotonic() + 60
        while (quiet < 4 or self.bytes < wanted) and time.monotonic() < deadline:
            quiet = quiet + 1 if before == self.bytes else 0
            before = self.bytes
            await asyncio.sleep(0.1)

    def close(self) -> None:
        """Close all."""
        for sink in self.sinks:
            sink.transport.abort()


async def publish(client: httpx.AsyncClient, app: App, channel: str) -> None:
    """One event, as an app's server sends it."""
    content = {"name": "created", "channel": channel, "data": "x" * SIZE}
    body = json.dumps(content).encode()
    named = {
        "auth_key": app.key,
        "auth_timestamp": str(int(time.time())),
        "auth_version": "1.0",
        "body_md5": hashlib.md5(body, usedforsecurity=False).hexdigest(),
    }
    path = f"/apps/{app.id}/events"
    signature = app.sign(f"POST\n{path}\n" + "&".join(f"{name}={named[name]}" for name in sorted(named)))
    address = f"{path}?{urlencode({**named, 'auth_signature': signature})}"
    answered = await client.post(address, content=body, headers={"content-type": "application/json"})
    answered.raise_for_status()


async def measure_publishing(client: httpx.AsyncClient, app: App, pid: int, crowd: Crowd, channel: str) -> float:
    """The seconds of CPU of some events, one after another, with time between."""
    before = read_cpu(pid)
    for _ in range(EVENTS):
        await publish(client, app, channel)
        await asyncio.sleep(0.03)
    await crowd.settle(EVENTS * SOCKETS * SIZE if channel == CHANNEL else 0)
    return read_cpu(pid) - before


async def measure_joins(app: App, pid: int) -> float:
    """The seconds of CPU of users who come to a channel with presence, over some seconds."""
    crowd = Crowd(app.host, app.port, f"/app/{app.key}?protocol=7&client=js&version=8.6.0")
    await crowd.open(SOCKETS)
    await crowd.settle()
    before, began = read_cpu(pid), time.monotonic()
    for number, sink in enumerate(crowd.sinks):
        hello = sink.begun.result()
        socket_id = hello.partition(b'socket_id\\":\\"')[2].partition(b'\\"')[0].decode()
        person = json.dumps({"user_id": str(number), "user_info": {"name": f"Member {number}"}})
        auth = f"{app.key}:{app.sign(f'{socket_id}:{PRESENCE}:{person}')}"
        data = {"channel": PRESENCE, "auth": auth, "channel_data": person}
        sink.say(json.dumps({"event": "pusher:subscribe", "data": data}))
        late = began + JOIN_SECONDS * number / SOCKETS - time.monotonic()
        await asyncio.sleep(max(0, late))
    await crowd.settle()
    spent = read_cpu(pid) - before
    crowd.close()
    return spent


async def measure_ours(app: App, pid: int) -> None:
    """Print what our gateway needs."""
    path = f"/app/{app.key}?protocol=7&client=js&version=8.6.0"
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{app.port}", headers={"host": app.host}) as client:
        warm = Crowd(app.host, app.port, path)
        await warm.open(WARM_UP)
        warm.close()
        await publish(client, app, "nobody")
        await asyncio.sleep(2)
        crowd = Crowd(app.host, app.port, path)
        memory, before = read_memory(pid), read_cpu(pid)
        await crowd.open(SOCKETS)
        for sink in crowd.sinks:
            sink.say(json.dumps({"event": "pusher:subscribe", "data": {"auth": "", "channel": CHANNEL}}))
        await crowd.settle()
        say(f"  accepted and subscribed: {(read_cpu(pid) - before) / SOCKETS * 1000:.2f} ms of CPU a socket")
        await asyncio.sleep(2)
        say(f"  idle: {(read_memory(pid) - memory) / SOCKETS / 1024:.1f} KiB a socket")
        alone = await measure_publishing(client, app, pid, crowd, "nobody")
        crowd.bytes = 0
        all_of_it = await measure_publishing(client, app, pid, crowd, CHANNEL)
        came = crowd.bytes // len(encode(write_event("created", "x" * SIZE, CHANNEL)))
        each = (all_of_it - alone) / (EVENTS * SOCKETS) * 1e6
        say(f"  delivered: {each:.1f} µs of CPU each beyond the publish ({came} of {EVENTS * SOCKETS} came)")
        crowd.close()
        await asyncio.sleep(2)
    say(f"  {SOCKETS} presence joins in {JOIN_SECONDS:.0f} s: {await measure_joins(app, pid):.2f} s of CPU")


async def measure_ws(port: int, pid: int) -> None:
    """Print what a delivery costs Node's `ws`, which only passes a text on."""
    crowd = Crowd("localhost", port, "/ws", plain=True)
    await crowd.open(SOCKETS)
    sender = Crowd("localhost", port, "/pub", plain=True)
    await sender.open(1)
    for sends in (True, False):  # the first time it is compiled
        crowd.bytes = 0
        before = read_cpu(pid)
        for _ in range(EVENTS):
            sender.sinks[0].say("x" * SIZE)
            await asyncio.sleep(0.03)
        await crowd.settle(EVENTS * SOCKETS * SIZE)
        if not sends:
            say(f"  delivered: {(read_cpu(pid) - before) / (EVENTS * SOCKETS) * 1e6:.1f} µs of CPU each")
    crowd.close()
    sender.close()


def add_app(data_dir: Path, port: int) -> App:
    """An app of the demo's workspace."""
    environment = {"PATH": os.environ["PATH"], "DATA_DIR": str(data_dir), "BASE_URL": f"http://hero.localhost:{port}"}
    command = [sys.executable, "-m", "app", "app", "add", "acme", "Bench"]
    done = subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True)
    said = json.loads(done.stdout)
    return App(said["id"], said["key"], said["secret"], port)


async def fill(url: str) -> None:
    """The demo."""
    database = open_database(url)
    await seed_demo(database)
    await database.close()


def main() -> None:
    """Measure ours, then the peer."""
    with tempfile.TemporaryDirectory() as directory:
        data_dir = Path(directory)
        url = f"sqlite+aiosqlite:///{data_dir}/mutirao.sqlite"
        migrate_database(url, "")
        asyncio.run(fill(url))
        say(f"The gateway, {SOCKETS} sockets, {SIZE} bytes:")
        with serve(data_dir, WORKSPACE_SOCKETS="5000") as (port, pid):
            asyncio.run(measure_ours(add_app(data_dir, port), pid))
    if shutil.which("node"):
        with suppress(OSError, subprocess.CalledProcessError):
            peer = next((each for each in prepare_peers() if each.name == "Node ws"), None)
            if peer is not None:
                say("Node ws, likewise:")
                with run_peer(peer) as (port, pids):
                    asyncio.run(measure_ws(port, pids["server"]))


if __name__ == "__main__":
    main()
