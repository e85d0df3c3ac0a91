"""Turns of processes at writing to one file of SQLite.

SQLite lets one process write at a time, and the others try again now and then: who has just written is there again
before they look, so that a worker waits up to a second behind another that is busy.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import threading
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

# How often who waits looks again, in seconds: a tenth of what a write takes.
LOOK_AGAIN = 0.0003
# How long, in seconds, writes of one process are one turn, and within how long the next one has to begin.
WRITES_TOGETHER_FOR = 0.015
COMES_WITHIN = 0.002


class FileTurns:
    """The turns of this process among all that write to a file; a process that has just had one is behind those that
    wait.

    There are two locks: who is next takes the first, waits with it for the second, which is the turn itself, and gives
    the first one up as soon as it has that. The system frees both when a process ends, however it does. They only say
    who comes when: that one process writes at a time is still SQLite's own lock.

    Several writes of a process that come right after each other are one turn, up to a limit: passing it on takes some
    of the time that a write does.
    """

    def __init__(self, database: Path) -> None:
        self.paths = [database.with_name(f"{database.name}-{name}") for name in ("next", "turn")]
        self.opened: list[int] = []
        self.since: float | None = None  # when the turn began that this process still has
        self.ending: asyncio.TimerHandle | None = None

    @asynccontextmanager
    async def take(self, seconds: float, more: Callable[[], bool] = lambda: False) -> AsyncIterator[None]:
        """Wait for a turn, and have it while the block lasts. Who waits longer than some seconds goes on without one,
        and finds out from SQLite what keeps it. `more` says at the end whether the next one of this process waits."""
        if not self.opened:
            self.opened = [os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) for path in self.paths]
        if self.ending is not None:
            self.ending.cancel()
            self.ending = None
        first, turn = self.opened
        try:
            if self.since is None:
                if not (try_lock(first) and try_lock(turn)):
                    await wait_in_thread(self.opened, time.monotonic() + seconds)
                unlock(first)
                self.since = time.monotonic()
            yield
        finally:
            if self.since is not None and more() and time.monotonic() < self.since + WRITES_TOGETHER_FOR:
                self.ending = asyncio.get_running_loop().call_later(COMES_WITHIN, self.pass_on)
            else:
                self.pass_on()

    def pass_on(self) -> None:
        """Give up the turn, and the place before it."""
        self.since = self.ending = None
        for descriptor in self.opened:
            unlock(descriptor)

    def close(self) -> None:
        """Close the files."""
        if self.ending is not None:
            self.ending.cancel()
            self.ending = None
        while self.opened:
            os.close(self.opened.pop())


async def wait_in_thread(descriptors: list[int], until: float) -> None:
    """Wait for locks, one after the other, while others go on here. It is over when it is cancelled, too."""
    given_up = threading.Event()

    def wait() -> None:
        for descriptor in descriptors:
            while not try_lock(descriptor):
                if time.monotonic() > until or given_up.wait(LOOK_AGAIN):
                    return

    waiting = asyncio.get_running_loop().run_in_executor(None, wait)
    try:
        await asyncio.shield(waiting)
    except asyncio.CancelledError:
        given_up.set()
        with contextlib.suppress(asyncio.CancelledError):
            await waiting
        raise


def try_lock(descriptor: int) -> bool:
    """Take the lock of an open file, if nobody else has it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def unlock(descriptor: int) -> None:
    """Give up the lock of an open file, if it is held."""
    fcntl.flock(descriptor, fcntl.LOCK_UN)
