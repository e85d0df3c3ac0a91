"""Processes that write to one file of SQLite take turns."""

from __future__ import annotations

import asyncio
import itertools
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from app.database.file_turns import FileTurns
from tests.processes import ROOT

# Has turns one after another, and notes each while it has it; or has one and says so, until it is ended.
WRITER = """
import asyncio, sys, time
from pathlib import Path
from app.database.file_turns import FileTurns

async def main(path, name, count):
    turns = FileTurns(Path(path) / "mutirao.sqlite")
    for _ in range(count or 1):
        async with turns.take(60):
            with (Path(path) / "order").open("a") as order:
                order.write(name)
            print(name, flush=True)
            await asyncio.sleep(0.002 if count else 3600)

asyncio.run(main(sys.argv[1], sys.argv[2], int(sys.argv[3])))
"""


class Writers:
    """Other processes that have turns."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.started: list[subprocess.Popen[str]] = []

    def start(self, name: str, count: int) -> subprocess.Popen[str]:
        command = [sys.executable, "-c", WRITER, str(self.directory), name, str(count)]
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        self.started.append(process)
        return process


@pytest.fixture
def writers(tmp_path: Path) -> Iterator[Writers]:
    others = Writers(tmp_path)
    yield others
    for process in others.started:
        process.kill()
        process.communicate()


@pytest.fixture
def turns(tmp_path: Path) -> Iterator[FileTurns]:
    made = FileTurns(tmp_path / "mutirao.sqlite")
    yield made
    made.close()


def has_begun(process: subprocess.Popen[str]) -> None:
    """Wait until a process has its first turn."""
    assert process.stdout
    assert process.stdout.readline()


def test_two_processes_that_write_all_the_time_write_by_turns(tmp_path: Path, writers: Writers) -> None:
    for name in "ab":
        writers.start(name, 150)
    for process in writers.started:
        assert process.wait(60) == 0
    order = (tmp_path / "order").read_text()
    assert sorted(order) == sorted("ab" * 150)
    both = order[max(order.index("a"), order.index("b")) - 1 : min(order.rindex("a"), order.rindex("b")) + 2]
    changes = sum(one != other for one, other in itertools.pairwise(both))
    assert changes > 0.8 * (len(both) - 1), order


async def test_the_turn_of_a_process_that_is_killed_is_free(turns: FileTurns, writers: Writers) -> None:
    other = writers.start("a", 0)
    has_begun(other)
    mine = asyncio.create_task(have_one(turns, 60))
    await asyncio.sleep(0)
    other.kill()
    assert await mine


async def test_who_waits_for_a_process_that_does_not_go_on_goes_on_without_a_turn(
    turns: FileTurns, writers: Writers
) -> None:
    """SQLite has a lock of its own, which says then what keeps it."""
    other = writers.start("a", 0)
    has_begun(other)
    other.send_signal(signal.SIGSTOP)
    assert await have_one(turns, 0.01)


async def test_who_gives_up_waiting_leaves_the_turn_to_others(turns: FileTurns, writers: Writers) -> None:
    other = writers.start("a", 0)
    has_begun(other)
    mine = asyncio.create_task(have_one(turns, 60))
    await asyncio.sleep(0)
    mine.cancel()
    await asyncio.gather(mine, return_exceptions=True)
    next_one = writers.start("b", 1)
    other.kill()
    assert await asyncio.to_thread(next_one.wait, 60) == 0


async def test_who_can_have_no_thread_to_wait_in_goes_on_without_a_turn_and_holds_up_nobody(
    turns: FileTurns, writers: Writers, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(thread: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    other = writers.start("a", 0)
    has_begun(other)
    with monkeypatch.context() as full:
        full.setattr(threading.Thread, "start", refuse)
        assert await have_one(turns, 60)
    next_one = writers.start("b", 1)
    other.kill()
    assert await asyncio.to_thread(next_one.wait, 60) == 0
    assert await have_one(turns, 60)


def test_the_files_are_the_owners_alone(tmp_path: Path, turns: FileTurns) -> None:
    asyncio.run(have_one(turns, 1))
    assert {path.stat().st_mode & 0o777 for path in tmp_path.iterdir()} == {0o600}


async def have_one(turns: FileTurns, seconds: float) -> bool:
    async with turns.take(seconds):
        return True


async def test_writes_right_after_each_other_are_one_turn_and_the_last_one_gives_it_up(
    tmp_path: Path, turns: FileTurns, writers: Writers
) -> None:
    async with turns.take(60, lambda: True):
        pass
    assert turns.since is not None
    async with turns.take(60, lambda: False):
        pass
    assert turns.since is None
    async with turns.take(60, lambda: True):
        pass  # and the next one does not come
    other = writers.start("a", 1)
    async with asyncio.timeout(60):
        assert await asyncio.to_thread(other.wait) == 0
