"""The real path of a chat message to many open pages: signed-in sockets, a POST, the database, the log, the hub."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

from bench.generator import run_load
from bench.workspace import Crowd


def open_pages(crowd: Crowd, host: str, ready: str, last: int | None) -> tuple[object, ...]:
    """Options of the load generator: sockets as pages of the room have them."""
    return (
        *("-P", "/live", "--lines", crowd.lines, "--host-header", host),
        *("-A", "Cookie: session=%t", "-A", f"Origin: http://{host}", "-m", crowd.hello(last), "-R", ready),
    )


def watch(
    crowd: Crowd, port: int, pid: int, *options: object, sockets: int, ready: str = "<!--@1", settle: float = 1
) -> dict[str, Any]:
    """Open sockets as pages of the room, ready when they were told something, and post nothing."""
    pages = open_pages(crowd, f"{crowd.workspace}.hero.localhost:{port}", ready, None)
    options = ("--settle", settle, "--pub", "none", *options)
    return run_load("-p", port, "-n", sockets, *pages, *options, pids={"server": pid})


def run_room(
    crowd: Crowd,
    port: int,
    pid: int,
    *options: object,
    sockets: int,
    size: int = 100,
    last: int | None = None,
    ports: tuple[int, ...] = (),
) -> dict[str, Any]:
    """Open sockets as pages of the room, post messages as members, count who gets what when."""
    host = f"{crowd.workspace}.hero.localhost:{port}"
    return run_load(
        *("-p", ",".join(map(str, ports or (port,))), "-n", sockets, *open_pages(crowd, host, "<!--@1", last)),
        *("--pub", f"http:/chat/{crowd.slug}", "--pub-hdr", "Cookie: session=%t"),
        *("--pub-hdr", f"Origin: http://{host}", "--pub-hdr", "X-Page: bench"),
        *("--ctype", "application/x-www-form-urlencoded", "--pub-msg", "key=%N&text=%U", "-s", size),
        *options,
        pids={"server": pid},
    )


def read_cursor(file: Path) -> int:
    """The cursor of the log of acme in a database of SQLite."""
    with closing(sqlite3.connect(file)) as connection:
        return int(connection.execute("SELECT cursor FROM tenant WHERE id = 1").fetchone()[0])
