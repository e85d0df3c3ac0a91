"""The real path of a chat message to many open pages: signed-in sockets, a POST, the database, the log, the hub."""

from __future__ import annotations

from typing import Any

from bench.generator import run_load
from bench.workspace import Crowd


def run_room(
    crowd: Crowd, port: int, pid: int, *options: object, sockets: int, size: int = 100, base_port: int | None = None
) -> dict[str, Any]:
    """Open sockets as pages of the room, post messages as members, count who gets what when."""
    host = f"acme.hero.localhost:{base_port or port}"
    return run_load(
        *("-p", port, "-n", sockets, "-P", "/live", "--lines", crowd.lines, "--host-header", host),
        *("-A", "Cookie: session=%t", "-A", f"Origin: http://{host}", "-m", crowd.hello(), "-R", "<!--@1"),
        *("--pub", f"http:/chat/{crowd.slug}", "--pub-hdr", "Cookie: session=%t"),
        *("--pub-hdr", f"Origin: http://{host}", "--pub-hdr", "X-Page: bench"),
        *("--ctype", "application/x-www-form-urlencoded", "--pub-msg", "key=%N&text=%U", "-s", size),
        *options,
        pids={"server": pid},
    )
