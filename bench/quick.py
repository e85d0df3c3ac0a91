"""What a change does to the time of pages and writes: a minute, `make bench-quick`.

The program as it is here, and as it was at the last commit (where nothing has changed since: at the one before), each
in a process of its own on SQLite with the demo. Both do the same few requests in turns of some milliseconds, so that
whatever else the machine does meets both alike. Printed are the milliseconds of the processor that a quarter of the
requests stay under, how one relates to the other, and how many statements each takes.

    python bench/quick.py [COMMIT]
"""

from __future__ import annotations

import asyncio
import io
import json
import os
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
SECONDS = float(os.environ.get("SECONDS", "35"))
TIMES = 6
# Such a change is said to be one: less is the machine's noise.
NOTED = 0.08


def git(*arguments: str) -> bytes:
    """What git says."""
    return subprocess.run(["git", *arguments], cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


def write_tree(commit: str, directory: Path) -> None:
    """The program of a commit, measured by the benchmark of today."""
    with tarfile.open(fileobj=io.BytesIO(git("archive", commit))) as archive:
        archive.extractall(directory, filter="data")
    for name in ("in_process.py", "quick.py", "workspace.py"):
        (directory / "bench" / name).write_text((ROOT / "bench" / name).read_text())


async def serve() -> None:
    """Measure what is asked for on standard input, a line each."""
    from bench import in_process

    with tempfile.TemporaryDirectory() as directory:
        program = await in_process.start(Path(directory))
        counts = {kind: await program.count_statements(kind) for kind in in_process.KINDS}
        print(json.dumps(counts), flush=True)
        for line in sys.stdin:
            print(json.dumps(await program.measure_some(line.strip(), TIMES)), flush=True)


class Measured:
    """A process that measures a tree."""

    def __init__(self, tree: Path) -> None:
        command = [sys.executable, str(tree / "bench" / "quick.py"), "--serve"]
        self.process = subprocess.Popen(
            command, cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
        )
        self.took: dict[str, list[float]] = {}

    def read(self) -> Any:
        """What it has measured."""
        assert self.process.stdout
        return json.loads(self.process.stdout.readline())

    def measure(self, kind: str) -> None:
        """Have it do one thing some times."""
        assert self.process.stdin
        self.process.stdin.write(f"{kind}\n")
        self.process.stdin.flush()
        self.took.setdefault(kind, []).extend(self.read())

    def end(self) -> None:
        """End it."""
        self.process.kill()
        self.process.wait()


def compare(trees: list[Path]) -> list[tuple[str, float, float, int, int]]:
    """What each thing takes in both trees: a quarter stay under it, and its statements."""
    from bench.in_process import KINDS, quartile

    both = [Measured(tree) for tree in trees]
    try:
        counts = [each.read() for each in both]
        until = time.monotonic() + SECONDS
        while time.monotonic() < until:
            for kind in KINDS:
                for each in both:
                    each.measure(kind)
    finally:
        for each in both:
            each.end()
    before, now = both
    return [
        (kind, quartile(before.took[kind]), quartile(now.took[kind]), counts[0][kind], counts[1][kind])
        for kind in KINDS
    ]


def main(arguments: list[str]) -> None:
    """Compare, and print a table."""
    changed = bool(git("status", "--porcelain", "--", "app").strip())
    commit = arguments[0] if arguments else "HEAD" if changed else "HEAD~1"
    with tempfile.TemporaryDirectory() as directory:
        write_tree(commit, Path(directory))
        found = compare([Path(directory), ROOT])
    name = git("rev-parse", "--short", commit).decode().strip()
    print(f"| request | {name}, CPU ms | now | ratio | statements |\n|---|---|---|---|---|")
    for kind, before, now, asked_before, asked in found:
        ratio = now / before
        said = "slower" if ratio > 1 + NOTED else "faster" if ratio < 1 - NOTED else ""
        statements = f"{asked}" if asked == asked_before else f"{asked_before} → {asked}"
        print(f"| {kind} | {before:.2f} | {now:.2f} | {ratio:.2f} {said} | {statements} |")


if __name__ == "__main__":
    sys.path.insert(0, str(Path.cwd() if "--serve" in sys.argv else ROOT))
    if "--serve" in sys.argv:
        asyncio.run(serve())
    else:
        main(sys.argv[1:])
