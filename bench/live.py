"""What live delivery costs: the real path of a chat message, beside other broadcasters, and its limits.

    python bench/live.py [PART …]

The parts are `fanout`, `sockets` and `posts`; all without any. Prints tables, and leaves them with a plot in
`build/bench/`. SOCKETS, IDLE, STORM, ROUNDS and SECONDS make it smaller or larger.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from bench.fanout import run_room  # noqa: E402
from bench.generator import BUILD  # noqa: E402
from bench.peers import measure_peer, prepare_peers  # noqa: E402
from bench.plot import draw_bars  # noqa: E402
from bench.serving import serve  # noqa: E402
from bench.sockets import measure_idle, measure_storm, measure_stuck, measure_two_nodes  # noqa: E402
from bench.workspace import Crowd, fill  # noqa: E402

SOCKETS = int(os.environ.get("SOCKETS", "1000"))
IDLE = int(os.environ.get("IDLE", "10000"))
STORM = int(os.environ.get("STORM", "2000"))
ROUNDS = int(os.environ.get("ROUNDS", "3"))
SECONDS = float(os.environ.get("SECONDS", "6"))
FEW = 10
PARTS = ("fanout", "sockets", "posts")
OURS = "Mutirão, a chat message by POST"

Row = dict[str, Any]


class Bench:
    """One run: its database, and the lines it has found."""

    def __init__(self, seed: Path) -> None:
        self.seed = seed
        self.lines: list[str] = []
        self.after = ""
        members = min(1000, max(SOCKETS, FEW))
        most = max(SOCKETS, IDLE, STORM)
        url = f"sqlite+aiosqlite:///{seed}/mutirao.sqlite"
        self.crowd: Crowd = asyncio.run(fill(url, seed, members=members, sessions=-(-most // members)))

    def say(self, line: str = "") -> None:
        """Print a line, and keep it."""
        print(line, flush=True)
        self.lines.append(line)

    @contextmanager
    def copy(self) -> Iterator[Path]:
        """A directory with a database of its own."""
        with tempfile.TemporaryDirectory() as directory:
            shutil.copy(self.seed / "mutirao.sqlite", directory)
            yield Path(directory)

    def run_ours(self, *options: object, sockets: int) -> Row:
        """The real path, on a new server."""
        with self.copy() as data_dir, serve(data_dir) as (port, pid):
            return run_room(self.crowd, port, pid, *options, sockets=sockets)

    def measure_fanout(self) -> None:
        """One event at a time and eight, to few sockets and to many, of all servers in turn."""
        peers = prepare_peers()
        found: dict[str, dict[str, list[Row]]] = {}
        size = 1700
        for _ in range(ROUNDS):
            for name, peer in ((OURS, None), *((each.name, each) for each in peers)):
                runs = found.setdefault(name, {"few": [], "one": [], "eight": []})
                for kind, sockets, outstanding in (("few", FEW, 1), ("one", SOCKETS, 1), ("eight", SOCKETS, 8)):
                    options = ("-k", 400 if outstanding == 8 else 150, "--max-time", SECONDS, "-w", outstanding)
                    if peer is None:
                        runs[kind].append(self.run_ours(*options, sockets=sockets))
                        size = round(runs[kind][-1]["bytes_per_delivery"]) or size
                    else:
                        runs[kind].append(measure_peer(peer, *options, sockets=sockets, size=size))
        (BUILD / "fanout.json").write_text(json.dumps(found, indent=1))
        self.say(
            f"Server CPU per delivery, {SOCKETS:,} sockets, {size} bytes a message, best of {ROUNDS} runs (worst):"
        )
        self.say()
        self.say(
            "| server | µs, one outstanding | beyond the publish | µs, 8 outstanding | beyond | p50 / p99 ms | lost |"
        )
        self.say("|---|---|---|---|---|---|---|")
        bars = []
        for name, runs in found.items():
            publish = min(cost(run) for run in runs["few"]) * FEW  # of which FEW deliveries are a small part
            one, eight = ([cost(run) for run in runs[kind]] for kind in ("one", "eight"))
            slope = (min(one) * SOCKETS - publish) / (SOCKETS - FEW)
            fixed = max(0.0, publish - FEW * slope)
            beyond = [max(0.0, min(each) - fixed / SOCKETS) for each in (one, eight)]
            best = min(runs["one"], key=cost)["lat_ms"]
            lost = sum(run["lost"] + run["dup"] for kind in runs.values() for run in kind)
            self.say(
                f"| {name} | {min(one):.1f} ({max(one):.1f}) | {beyond[0]:.1f} | {min(eight):.1f} ({max(eight):.1f})"
                f" | {beyond[1]:.1f} | {best['p50']:.0f} / {best['p99']:.0f} | {lost} |"
            )
            bars.append((name, beyond[0]))
            if name == OURS:
                bars.append(("Mutirão, 8 outstanding", beyond[1]))
                self.say_publish(fixed, runs["eight"])
        title = f"Server CPU per delivery beyond the publish, µs, {SOCKETS:,} sockets (logarithmic)"
        (BUILD / "fan-out.svg").write_text(draw_bars(title, bars, target=8.0))

    def say_publish(self, fixed: float, runs: list[Row]) -> None:
        """Keep for the end what our publish costs; a table can't be interrupted."""
        joined = max(run["deliveries"] / max(1, run["frames"]) for run in runs)
        self.after = (
            f"A post costs {fixed / 1000:.1f} ms of CPU; with 8 outstanding {joined:.1f} messages share a frame."
        )

    def measure_sockets(self) -> None:
        """Idle sockets, a storm, stuck readers, two nodes."""
        self.say("| sockets | |\n|---|---|")
        with self.copy() as data_dir:
            idle = measure_idle(self.crowd, data_dir, IDLE)
        server = idle["proc"]["server"]
        self.say(
            f"| {IDLE:,} idle sockets | {server['rss_kib'][3] / 1024:.0f} MiB in all,"
            f" {server['kib_per_conn']:.0f} KiB each; {server['idle_cpu_s'] * 10:.1f} % of a core |"
        )
        self.say(
            f"| accepts, each with its hello | {idle['accepts_per_s']}/s, {server['accept_cpu_us'] / 1000:.1f} ms CPU |"
        )
        with self.copy() as data_dir:
            storm = measure_storm(self.crowd, data_dir, STORM)
        self.say(
            f"| {STORM:,} pages come back at once, 20 messages behind | all level after {storm['connect_s']:.1f} s |"
        )
        sockets, seconds = max(10, SOCKETS // 5), SECONDS * 5
        rounds: dict[int, list[Row]] = {0: [], sockets // 10: []}
        for _ in range(ROUNDS):
            for number, runs in rounds.items():
                with self.copy() as data_dir:
                    runs.append(measure_stuck(self.crowd, data_dir, sockets, number, seconds))
        well, stuck = (runs[-1] for runs in rounds.values())
        more = (stuck["peak_kib"] - well["peak_kib"]) / (sockets // 10) / 1024
        # The p99 of a run is one message or two, and what else the machine did then: the median of several counts.
        before, after = (statistics.median(run["lat_ms"]["p99"] for run in runs) for runs in rounds.values())
        slow = stuck["slow"]
        self.say(
            f"| one in ten of {sockets} stuck | the others' p99 {before:.1f} → {after:.1f} ms, lost {stuck['lost']};"
            f" {more:.2f} MiB for each; {slow['gone_before_end']} of {slow['n']} gone,"
            f" the last after {slow['last_gone_s']:.0f} s |"
        )
        with self.copy() as data_dir:
            nodes = measure_two_nodes(self.crowd, data_dir, max(10, SOCKETS // 5), 150)
        self.say(
            f"| two processes over Redis | median {nodes['near']['p50']:.1f} ms at the one that was posted to,"
            f" {nodes['far']['p50']:.1f} ms at the other |"
        )
        (BUILD / "sockets.json").write_text(json.dumps([idle, storm, well, stuck, nodes], indent=1))

    def measure_posts(self) -> None:
        """50 writers at once on each database."""
        self.say(
            "| 50 writers of one workspace | posts/s | errors | CPU ms a post | median ms |\n|---|---|---|---|---|"
        )
        for kind in ("sqlite", "postgresql"):
            command = [sys.executable, str(ROOT / "bench" / "posts.py"), "50", str(SECONDS)]
            environment = {**os.environ, "TEST_DATABASE": kind}
            done = subprocess.run(command, env=environment, stdout=subprocess.PIPE, check=True)
            found = json.loads(done.stdout)
            self.say(
                f"| {kind} | {found['msgs'] / found['seconds']:.0f} | {found['http_errors'] + found['lost']}"
                f" | {found['proc']['server']['cpu_us_per_msg'] / 1000:.1f} | {found['lat_ms']['p50']:.0f} |"
            )


def cost(run: Row) -> float:
    """Microseconds of the server's CPU time for each message that a socket got."""
    return float(run["proc"]["server"]["cpu_us_per_delivery"])


def main(parts: list[str]) -> None:
    """Measure, and leave the tables in `build/bench/`."""
    BUILD.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as directory:
        bench = Bench(Path(directory))
        if "fanout" in parts:
            bench.measure_fanout()
            bench.say(f"\n{bench.after}\n")
        if "sockets" in parts:
            bench.measure_sockets()
            bench.say()
        if "posts" in parts:
            bench.measure_posts()
        (BUILD / f"{'-'.join(parts)}.md").write_text("\n".join(bench.lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1:] or list(PARTS))
