"""Sockets of pages: idle ones, a storm of pages that come back, readers that are stuck, two nodes over Redis."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from bench.fanout import run_room, watch
from bench.generator import read_peak, reset_peak
from bench.peers import run_redis
from bench.serving import serve
from bench.workspace import Crowd

MISSED = 20


def measure_idle(crowd: Crowd, data_dir: Path, sockets: int) -> dict[str, Any]:
    """Sockets that follow a room, of which nothing is heard: how fast they come, and what they hold."""
    with serve(data_dir) as (port, pid):
        return watch(crowd, port, pid, "--hold", 10, settle=2, sockets=sockets)


def measure_storm(crowd: Crowd, data_dir: Path, sockets: int) -> dict[str, Any]:
    """Pages that all come back at once and have missed some messages: seconds until all have them."""
    with serve(data_dir) as (port, pid):
        found = run_room(crowd, port, pid, "-k", MISSED - 1, "--warmup", 1, sockets=1)
        assert found["lost"] + found["http_errors"] == 0, found
        last = f"zzS{MISSED - 1:010}T"
        return watch(crowd, port, pid, "-c", sockets, ready=last, settle=0, sockets=sockets)


def measure_stuck(crowd: Crowd, data_dir: Path, sockets: int, stuck: int, seconds: float) -> dict[str, Any]:
    """Ten large messages a second to sockets of which some read nothing more; the server's most memory beside it."""
    with serve(data_dir) as (port, pid):
        reset_peak(pid)
        found = run_room(
            *(crowd, port, pid, "-r", 10, "-k", int(10 * seconds), "--slow", stuck),
            sockets=sockets,
            size=4000,
        )
        return {**found, "peak_kib": read_peak(pid)}


def measure_two_nodes(crowd: Crowd, data_dir: Path, sockets: int, messages: int) -> dict[str, Any]:
    """Two processes on one database, joined by Redis; what is posted to one is timed at the sockets of each."""
    with run_redis() as (redis_port, _):
        url = f"redis://127.0.0.1:{redis_port}"
        with serve(data_dir, REDIS_URL=url) as (near, near_pid):
            base = f"http://hero.localhost:{near}"
            with serve(data_dir, REDIS_URL=url, BASE_URL=base) as (far, _):
                found = run_room(
                    *(crowd, near, near_pid, "-k", messages, "--pub-port", near),
                    sockets=sockets,
                    ports=(near, far),
                )
                return {**found, "near": found["by_port"][str(near)], "far": found["by_port"][str(far)]}
