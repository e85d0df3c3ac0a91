"""All figures that were asked for, in one table beside what was wanted: `make bench`.

    python bench/report.py [PART …]

The parts are `pages`, `large`, `deep`, `memory`, `looking`, `sockets`, `posts`, `workers`, `fairness`, `peers`; all
without one. What they find goes into `bench/figures.json`, with the machine and the day, and from there into the table
of `docs/performance.md`. With `table` alone nothing is measured. Where others use the machine, rates and what is waited
for are not kept: they say nothing then. Times of the processor are, with how busy it was.
"""

from __future__ import annotations

import datetime
import json
import os
import platform
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

FIGURES = ROOT / "bench" / "figures.json"
PAGE = ROOT / "docs" / "performance.md"
BEGIN, END = "<!-- The table is written by bench/report.py. -->", "<!-- The end of the table. -->"
Figures = dict[str, float]


class Line(NamedTuple):
    """A line of the table: what is measured, how much of it is wanted at most (or at least), and by which part."""

    key: str
    what: str
    wanted: float | None
    unit: str
    part: str
    at_least: bool = False


def lines_of(part: str, prefix: str, wanted: str) -> list[Line]:
    """Lines of one part in milliseconds of the processor, each with what is wanted at most."""
    pairs = (each.rpartition(" ") for each in wanted.split(" · "))
    return [Line(f"{part}.{key.replace(' ', '_')}", prefix + key, float(most), "ms", part) for key, _, most in pairs]


WANTED = {
    "pages": (
        "SQLite: ",
        "static 0.2 · home 2 · list 5 · record 3 · room 4 · inbox 4.5 · edit page 8 · save 12 · add 7 · post 2.6",
    ),
    "pages_pg": ("PostgreSQL: ", "home 3 · list 7 · record 6 · room 8 · inbox 8 · edit page 8 · save 12 · post 2.6"),
    "large": (
        "large workspace: ",
        "home 2 · list 5 · record 3 · room 4 · inbox 4.5 · edit page 20 · save 30 · add 7",
    ),
    "deep": ("100,000 books: ", "page 1000 8 · by title 8 · by title, page 1000 8"),
}
LINES = [
    *(line for part, (prefix, wanted) in WANTED.items() for line in lines_of(part, prefix, wanted)),
    Line("memory.ready", "CPU until ready", 1.1, "s", "memory"),
    Line("memory.rest", "a worker at rest", 105, "MB", "memory"),
    Line("memory.alone", "the same, what is shared with other processes counted in parts (PSS)", None, "MB", "memory"),
    Line("memory.grown", "more after 3,000 requests than after 900", 2, "MB", "memory"),
    Line("looking.look", "the look at 10,000 followed workspaces", 1, "ms", "looking"),
    Line("looking.look_at_all", "the one a minute that asks of each", None, "ms", "looking"),
    Line("looking.joins", "1,000 people come within 5 s, and are shown", 0.5, "s", "looking"),
    Line("sockets.accept", "accept with hello", 1.2, "ms", "sockets"),
    Line("sockets.each", "an idle socket of 10,000", 15, "KiB", "sockets"),
    Line("sockets.idle", "10,000 idle sockets", 5, "% of a core", "sockets"),
    Line("sockets.back", "2,000 pages back, all level after", 3, "s", "sockets"),
    Line("posts.sqlite_rate", "50 writers, SQLite", 450, "posts/s", "posts", True),
    Line("posts.sqlite", "a post of 50 writers, SQLite", 2.6, "ms", "posts"),
    Line("posts.postgresql_rate", "50 writers, PostgreSQL", 330, "posts/s", "posts", True),
    Line("posts.postgresql", "a post of 50 writers, PostgreSQL", 2.6, "ms", "posts"),
    Line("posts.eight_rate", "50 writers of eight workspaces, two workers, PostgreSQL", 450, "posts/s", "posts", True),
    Line("workers.one_rate", "20 people add books, one worker", None, "books/s", "workers"),
    Line("workers.one", "the same, p99", None, "ms", "workers"),
    Line("workers.two_rate", "20 people add books, two workers on one SQLite file", None, "books/s", "workers"),
    Line("workers.two", "the same, p99", 250, "ms", "workers"),
    Line("fairness.alone", "a quiet workspace's post, alone, p99", None, "ms", "fairness"),
    Line("fairness.writers", "the same beside 50 writers of another one", None, "ms", "fairness"),
    Line("fairness.readers", "the same beside 50 readers of another one", None, "ms", "fairness"),
    Line("peers.ours", "delivery beyond the publish, 1,000 sockets", 7, "µs", "peers"),
    Line("peers.floor", "C, epoll, one `send()` a socket, in the same run", None, "µs", "peers"),
    Line("peers.ws", "Node ws, in the same run", None, "µs", "peers"),
]

# What is worse where others use the machine, too.
WAITED_FOR = {
    *(line.key for line in LINES if line.unit.endswith("/s") or line.part in ("workers", "fairness")),
    "sockets.back",
}


def run(script: str, *arguments: object, **environment: str) -> str:
    """What a script of this folder prints."""
    command = [sys.executable, str(ROOT / "bench" / script), *map(str, arguments)]
    done = subprocess.run(command, env={**os.environ, **environment}, stdout=subprocess.PIPE, check=True, text=True)
    return done.stdout


def measure_pages() -> Figures:
    """What each page and write takes of the processor, on both databases in turn."""
    best: Figures = {}
    for _ in range(2):
        for part, kind in (("pages", "sqlite"), ("pages_pg", "postgresql")):
            best = keep_best(best, part, json.loads(run("in_process.py", TEST_DATABASE=kind)))
    return best


def measure_large() -> Figures:
    """The same with 1,000 members, 300 rooms, 100 collections; the record has 500 revisions and is in 100 messages."""
    return keep_best({}, "large", json.loads(run("in_process.py", LARGE="1", ROUNDS="6")))


def keep_best(best: Figures, part: str, found: Figures) -> Figures:
    """The smaller one of each figure of two runs."""
    named = {f"{part}.{key.replace(' ', '_')}": value for key, value in found.items()}
    return best | {key: min(value, best.get(key, value)) for key, value in named.items()}


def measure_deep() -> Figures:
    """Pages of 100,000 books, by the server's clock."""
    names = {
        "list, page 1000": "page_1000",
        "sort by title": "by_title",
        "sort by title, page 1000": "by_title,_page_1000",
    }
    rows = re.findall(r"\| ([^|]+) \| \d+ \| \d+ \| ([\d.]+) \|", run("pages.py"))
    return {f"deep.{names[name]}": float(value) for name, value in rows if name in names}


def measure_memory() -> Figures:
    """A worker as it is ready and has answered nothing, and how it grows with requests."""
    from bench.serving import serve

    with tempfile.TemporaryDirectory() as directory:
        environment = {"PATH": os.environ["PATH"], "DATA_DIR": directory}
        for command in ("compile", "demo"):
            subprocess.run(
                [sys.executable, "-m", "app", command], env=environment, cwd=ROOT, check=True, capture_output=True
            )
        with serve(Path(directory)):
            pass  # the first start after an installation does once what the others find done
        with serve(Path(directory)) as (_, pid):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ready = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
            time.sleep(1)
            status = Path(f"/proc/{pid}/status").read_text()
            rest = int(status.partition("VmRSS:")[2].split()[0]) / 1024
            shared = Path(f"/proc/{pid}/smaps_rollup").read_text()
            alone = int(shared.partition("Pss:")[2].split()[0]) / 1024
    grown = json.loads(run("day.py"))
    return {"memory.ready": ready, "memory.rest": rest, "memory.alone": alone, "memory.grown": grown["grown"]}


def measure_looking() -> Figures:
    """What a process does for the workspaces and people that it follows."""
    return {f"looking.{name}": value for name, value in json.loads(run("looking.py")).items()}


def measure_sockets() -> Figures:
    """Idle sockets, and pages that come back."""
    run("live.py", "sockets", SOCKETS="200", ROUNDS="1", SECONDS="2")
    idle, storm, *_ = json.loads((ROOT / "build" / "bench" / "sockets.json").read_text())
    server = idle["proc"]["server"]
    return {
        "sockets.accept": server["accept_cpu_us"] / 1000,
        "sockets.each": server["kib_per_conn"],
        "sockets.idle": server["idle_cpu_s"] * 10,
        "sockets.back": storm["connect_s"],
    }


def measure_posts() -> Figures:
    """50 writers of one room, on both databases in turn, and of eight workspaces on PostgreSQL."""
    found: Figures = {}
    for _ in range(2):
        for kind in ("sqlite", "postgresql"):
            posts = json.loads(run("posts.py", 50, 5, TEST_DATABASE=kind))
            rate, cost = posts["msgs"] / posts["seconds"], posts["proc"]["server"]["cpu_us_per_msg"] / 1000
            found[f"posts.{kind}_rate"] = max(rate, found.get(f"posts.{kind}_rate", 0))
            found[f"posts.{kind}"] = min(cost, found.get(f"posts.{kind}", cost))
        eight = json.loads(run("posts.py", 50, 5, 8, 2, TEST_DATABASE="postgresql"))
        assert not eight["errors"], eight
        found["posts.eight_rate"] = max(eight["rate"], found.get("posts.eight_rate", 0))
    return found


def measure_workers() -> Figures:
    """Writers on one SQLite file, of one worker and of two."""
    found: Figures = {}
    rows = re.findall(r"writes: (\d+)/s, median \d+ ms, p99 (\d+) ms", run("workers.py", "writes", 1, 2))
    for name, (rate, late) in zip(("one", "two"), rows, strict=True):
        found |= {f"workers.{name}_rate": float(rate), f"workers.{name}": float(late)}
    return found


def measure_fairness() -> Figures:
    """What a quiet workspace notices."""
    found = re.findall(r"(alone|writers|readers) .*post +[\d.]+ +([\d.]+) ms", run("fairness.py", 50, 10))
    return {f"fairness.{name}": float(late) for name, late in found}


def measure_peers() -> Figures:
    """Fan-out beside the others, of which live.py keeps a table."""
    table = run("live.py", "fanout", ROUNDS="2", SECONDS="3")
    beyond = {
        name: float(value) for name, value in re.findall(r"^\| ([^|]+) \| [^|]+\| ([\d.]+) \|", table, re.MULTILINE)
    }
    wanted = {"ours": "Mutirão", "floor": "C, epoll", "ws": "Node ws"}
    return {
        f"peers.{key}": value
        for key, begins in wanted.items()
        for name, value in beyond.items()
        if name.startswith(begins)
    }


PARTS: dict[str, Callable[[], Figures]] = {
    "pages": measure_pages,
    "large": measure_large,
    "deep": measure_deep,
    "memory": measure_memory,
    "looking": measure_looking,
    "sockets": measure_sockets,
    "posts": measure_posts,
    "workers": measure_workers,
    "fairness": measure_fairness,
    "peers": measure_peers,
}


def describe_machine() -> str:
    """The processor, and how many of it."""
    model = re.search(r"model name\s*: (.+)", Path("/proc/cpuinfo").read_text())
    return f"{model[1] if model else platform.processor()}, {os.cpu_count()} cores"


def write_number(value: float) -> str:
    """A figure with as many digits as it has a meaning for."""
    return f"{value:.2f}" if value < 1 else f"{value:.1f}" if value < 20 else f"{value:,.0f}"


def write_table(kept: dict[str, Any]) -> str:
    """The lines, each with what was wanted, measured, when and where."""
    rows = ["| what | wanted | measured | by | on |", "|---|---|---|---|---|"]
    for line in LINES:
        found = kept.get(line.key)
        if found is None:
            continue
        sign = "≥" if line.at_least else "≤"
        wanted = "" if line.wanted is None else f"{sign} {line.wanted:g} {line.unit}"
        met = line.wanted is None or (found["value"] >= line.wanted if line.at_least else found["value"] <= line.wanted)
        measured = f"{write_number(found['value'])} {line.unit}"
        rows.append(
            f"| {line.what} | {wanted} | {measured if met else f'**{measured}**'} | `{line.part.partition('_')[0]}`"
            f" | {found['at']}, load {found['load']:.0f} |"
        )
    where = sorted({found["where"] for found in kept.values()})
    return "\n".join([*rows, "", "Machine: " + "; ".join(where) + "."])


def main(parts: list[str]) -> None:
    """Measure, keep what was found, and write the table."""
    kept: dict[str, Any] = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    for part in [] if parts == ["table"] else parts or PARTS:
        about: dict[str, Any] = {"at": datetime.datetime.now(tz=datetime.UTC).date().isoformat()}
        about |= {"where": describe_machine(), "load": round(os.getloadavg()[1], 1)}
        busy = os.getloadavg()[0] > (os.cpu_count() or 1) / 2
        found = PARTS[part]()
        if busy:
            found = {key: value for key, value in found.items() if key not in WAITED_FOR}
        kept |= {key: {"value": round(value, 3), **about} for key, value in found.items()}
        FIGURES.write_text(json.dumps(kept, indent=1, sort_keys=True, ensure_ascii=False) + "\n")
        print(f"{part}: {', '.join(f'{key} {write_number(value)}' for key, value in found.items())}", flush=True)
    page = PAGE.read_text()
    before, _, rest = page.partition(BEGIN)
    after = rest.partition(END)[2]
    PAGE.write_text(f"{before}{BEGIN}\n\n{write_table(kept)}\n\n{END}{after}")


if __name__ == "__main__":
    main(sys.argv[1:])
