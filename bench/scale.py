"""How many people an installation carries, and which part of it ends first: a simulation from bench/figures.json.

    python bench/scale.py [PEOPLE_OF_A_WORKSPACE]

People come at random (Poisson) and do what bench/day.py does, so often in an hour. Each request takes its worker as
long as was measured, one after the other; a write waits for the writer of its database (on SQLite there is one, on
PostgreSQL one for each workspace), and is delivered to all who are there. The table in docs/scale.md is written from
what comes out: the most people with whom 99 % of all answers are begun within 300 ms.
"""

from __future__ import annotations

import json
import random
import sys
from dataclasses import dataclass
from itertools import accumulate
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from bench.day import MIX  # noqa: E402

PAGE = ROOT / "docs" / "scale.md"
BEGIN, END = "<!-- The table is written by bench/scale.py. -->", "<!-- The end of the table. -->"
# What somebody who is at work asks for in an hour, pages and writes together; and how many pages are open.
REQUESTS_AN_HOUR, OPEN_PAGES = 120, 2
LATEST, SECONDS = 0.3, 30.0
# Of what a write takes of the processor, how much others who write wait for.
HELD = 0.6
# Beside each millisecond that the program spends on a request, what PostgreSQL spends on it.
DATABASE_BESIDE = 0.4
WRITES = {"save", "add", "post"}


@dataclass(frozen=True)
class Installation:
    """Some machines with workers, on a database."""

    name: str
    machines: int
    workers: int
    database: str

    @property
    def all_workers(self) -> int:
        """The workers of all machines."""
        return self.machines * self.workers


INSTALLATIONS = [
    Installation("one worker, SQLite", 1, 1, "sqlite"),
    Installation("two workers, SQLite", 1, 2, "sqlite"),
    Installation("one machine, 2 workers, PostgreSQL", 1, 2, "postgresql"),
    Installation("one machine, 6 workers, PostgreSQL beside it", 1, 6, "postgresql"),
    Installation("4 machines with 6 workers each, PostgreSQL and Redis", 4, 6, "postgresql"),
]


class Costs:
    """What was measured: seconds of the processor, bytes of memory."""

    def __init__(self, figures: dict[str, float], database: str) -> None:
        self.kinds: dict[str, float] = {}
        for kind in MIX:
            name = kind.replace(" ", "_")
            here = figures[f"pages.{name}"]
            self.kinds[kind] = figures.get(f"pages_pg.{name}", here) / 1000 if database == "postgresql" else here / 1000
        self.delivery = figures.get("peers.ours", 8) / 1e6
        self.idle = figures["sockets.idle"] / 100 / 10_000
        self.socket = figures["sockets.each"] * 1024
        self.rest = figures["memory.rest"] * 1e6


def simulate(installation: Installation, costs: Costs, people: int, of_each: int) -> float:
    """How many seconds 99 % of all wait at most until they are served."""
    chance = random.Random(people)
    workers = [0.0] * installation.all_workers
    # What each worker spends on its open pages, and, of several, on what the others have to tell.
    spent = people * OPEN_PAGES * costs.idle / len(workers)
    if spent > 0.9:
        return float("inf")
    writers: dict[int, float] = {}
    waited: list[float] = []
    kinds, weights = list(MIX), list(accumulate(MIX.values()))
    moment = 0.0
    while moment < SECONDS:
        moment += chance.expovariate(people * REQUESTS_AN_HOUR / 3600)
        (kind,) = chance.choices(kinds, cum_weights=weights)
        worker = chance.randrange(len(workers))
        workspace = chance.randrange(max(1, people // of_each))
        begins = max(moment, workers[worker])
        takes = costs.kinds[kind] / (1 - spent)
        if kind in WRITES:
            writer = 0 if installation.database == "sqlite" else workspace
            begins = max(begins, writers.get(writer, 0))
            writers[writer] = begins + takes * HELD
            each = costs.delivery * min(of_each, people) * OPEN_PAGES / len(workers)
            for number in range(len(workers)):  # whatever it does by then
                workers[number] = max(workers[number], moment) + each
        workers[worker] = max(workers[worker], begins + takes)
        waited.append(begins - moment)
    waited.sort()
    return waited[len(waited) * 99 // 100]


def find_most(installation: Installation, costs: Costs, of_each: int) -> int:
    """The most people who are served in time."""
    low, high = 0, int(installation.all_workers / busy(costs, 1)) + 1  # more take more than all cores
    while high - low > max(20, low // 30):
        middle = (low + high) // 2
        if simulate(installation, costs, middle, of_each) > LATEST:
            high = middle
        else:
            low = middle
    return low


def busy(costs: Costs, people: int) -> float:
    """How many cores requests of so many people take."""
    mean = sum(costs.kinds[kind] * times for kind, times in MIX.items()) / sum(MIX.values())
    return people * REQUESTS_AN_HOUR / 3600 * mean


def describe(installation: Installation, costs: Costs, of_each: int) -> str:
    """A line of the table: how many, and how full each part is by then."""
    most = find_most(installation, costs, of_each)
    workers = installation.all_workers
    write = sum(costs.kinds[kind] * MIX[kind] for kind in WRITES) / sum(MIX.values()) * HELD
    writer = most * REQUESTS_AN_HOUR / 3600 * write
    sockets = most * OPEN_PAGES
    memory = (workers * costs.rest + sockets * costs.socket) / installation.machines / 2**30
    parts = {
        "the workers": busy(costs, most) / workers + sockets * costs.idle / workers,
        "the one writer": writer if installation.database == "sqlite" else 0.0,
    }
    first = max(parts, key=lambda name: parts[name])
    database = busy(costs, most) * DATABASE_BESIDE if installation.database == "postgresql" else 0.0
    return (
        f"| {installation.name} | {most:,} | {most * REQUESTS_AN_HOUR / 3600:,.0f} | {sockets:,} | {memory:.1f} GiB"
        f" | {database:.1f} | {first}, {min(parts[first], 1):.0%} |"
    )


def main(of_each: int) -> None:
    """Simulate, and write the table."""
    kept = json.loads((ROOT / "bench" / "figures.json").read_text())
    figures = {key: found["value"] for key, found in kept.items()}
    rows = [
        "| installation | people at work | requests/s | open pages | memory of a machine | cores of PostgreSQL"
        " | what ends first |",
        "|---|---|---|---|---|---|---|",
        *(describe(each, Costs(figures, each.database), of_each) for each in INSTALLATIONS),
    ]
    print("\n".join(rows))
    before, _, rest = PAGE.read_text().partition(BEGIN)
    PAGE.write_text(f"{before}{BEGIN}\n\n" + "\n".join(rows) + f"\n\n{END}{rest.partition(END)[2]}")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
