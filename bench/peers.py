"""Other broadcasters on the same load generator: a floor in C, Node's `ws` and socket.io, Django Channels on Redis.

They only pass a text on: nobody is signed in, nothing is stored. What they stand on is pinned in `bench/peers/`.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench.generator import BUILD, ROOT, compile_program, run_load

PEERS = ROOT / "bench" / "peers"
PLAIN = ("-P", "/ws", "--pub", "ws:/pub")
ENGINE = "/socket.io/?EIO=4&transport=websocket"
SOCKET_IO = (
    *("-P", ENGINE, "-m", "40", "-R", "40{", "-E", "2=3"),
    *("--pub", f"ws:{ENGINE}", "--pub-first", "40", "--pub-ready", "40{", "--pub-msg", '42["pub",%J]'),
)


@dataclass(frozen=True, slots=True)
class Peer:
    """A broadcaster: how it is started on a port, and how the load generator talks to it."""

    name: str
    command: tuple[str, ...]
    options: tuple[str, ...]
    needs_redis: bool = False


def find_free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def install(pinned: Path, into: Path, *commands: list[str]) -> None:
    """Install what a file pins, unless it is there."""
    wanted = hashlib.sha256(pinned.read_bytes()).hexdigest()
    mark = into / "installed"
    if mark.exists() and mark.read_text() == wanted:
        return
    shutil.rmtree(into, ignore_errors=True)
    into.mkdir(parents=True)
    for command in commands:
        subprocess.run(command, check=True, cwd=into, stdout=subprocess.DEVNULL)
    mark.write_text(wanted)


def prepare_peers() -> list[Peer]:
    """The peers that this machine can run, installed under `build/`."""
    peers = [Peer("C, epoll, one send() a socket", (str(compile_program(PEERS / "floor.c")), "{port}"), PLAIN)]
    if shutil.which("node") and shutil.which("npm"):
        node = BUILD / "node"
        names = ("package.json", "package-lock.json")
        copy = ["cp", *(str(PEERS / name) for name in names), "."]
        install(PEERS / "package-lock.json", node, copy, ["npm", "ci", "--silent", "--ignore-scripts"])
        for script in ("ws.js", "socketio.js"):
            shutil.copy(PEERS / script, node)
        peers.append(Peer("Node ws", ("node", str(node / "ws.js"), "{port}"), PLAIN))
        peers.append(Peer("Node socket.io", ("node", str(node / "socketio.js"), "{port}"), SOCKET_IO))
    if shutil.which("redis-server"):
        venv = BUILD / "channels"
        pinned = PEERS / "requirements.txt"
        pip = ["venv/bin/python", "-m", "pip", "install", "--quiet", "--require-hashes", "-r", str(pinned)]
        install(pinned, venv, [sys.executable, "-m", "venv", "venv"], pip)
        uvicorn = (str(venv / "venv/bin/uvicorn"), "--app-dir", str(PEERS), "--port", "{port}", "--log-level", "error")
        options = ("--ws-per-message-deflate", "false", "channels_server:application")
        peers.append(Peer("Django Channels on Redis", (*uvicorn, *options), PLAIN, needs_redis=True))
    return peers


@contextmanager
def run_redis() -> Iterator[tuple[int, int]]:
    """A Redis of its own; its port and process id."""
    port = find_free_port()
    redis = subprocess.Popen(
        ["redis-server", "--port", str(port), "--bind", "127.0.0.1", "--save", ""], stdout=subprocess.DEVNULL
    )
    try:
        wait_for(port)
        yield port, redis.pid
    finally:
        redis.kill()
        redis.wait(20)


def wait_for(port: int) -> None:
    """Wait until somebody listens."""
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        with suppress(OSError), socket.create_connection(("127.0.0.1", port)):
            return
        time.sleep(0.05)
    raise RuntimeError(f"nobody listens on {port}")


@contextmanager
def run_peer(peer: Peer) -> Iterator[tuple[int, dict[str, int]]]:
    """A peer; its port, and the processes to watch."""
    port = find_free_port()
    command = [part.format(port=port) for part in peer.command]
    with run_redis() if peer.needs_redis else nullcontext() as redis:
        environment = {**os.environ, "NODE_ENV": "production"}
        pids = {}
        if redis is not None:
            environment["REDIS_URL"] = f"redis://127.0.0.1:{redis[0]}"
            pids["redis"] = redis[1]
        server = subprocess.Popen(command, env=environment)
        try:
            wait_for(port)
            yield port, {"server": server.pid, **pids}
        finally:
            server.terminate()
            server.wait(20)


def measure_peer(peer: Peer, *options: object, sockets: int, size: int) -> dict[str, Any]:
    """A new server, and one run of the load generator on it."""
    with run_peer(peer) as (port, pids):
        return run_load("-p", port, "-n", sockets, "-s", size, *peer.options, *options, pids=pids)
