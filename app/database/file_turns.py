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
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

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

    The system wakes a thread that waits as soon as it may go on; nothing ends its waiting before. So a turn that is
    waited for is this process's: who asks next has it, and it is passed on where nobody asks any more.
    """

    def __init__(self, database: Path) -> None:
        self.paths = [database.with_name(f"{database.name}-{name}") for name in ("next", "turn")]
        self.opened: list[int] = []
        self.since: float | None = None  # when the turn began that this process still has
        self.ending: asyncio.TimerHandle | None = None
        self.coming: asyncio.Future[None] | None = None  # the turn that a thread waits for
        self.asked = False  # whether somebody here waits for it

    @asynccontextmanager
    async def take(self, seconds: float, more: Callable[[], bool] = lambda: False) -> AsyncIterator[None]:
        """Wait for a turn, and have it while the block lasts. Who waits longer than some seconds goes on without one,
        and finds out from SQLite what keeps it. `more` says at the end whether the next one of this process waits."""
        if self.ending is not None:
            self.ending.cancel()
            self.ending = None
        try:
            if self.since is None:
                await self.wait(seconds)
            yield
        finally:
            if self.since is not None:
                if more() and time.monotonic() < self.since + WRITES_TOGETHER_FOR:
                    self.ending = asyncio.get_running_loop().call_later(COMES_WITHIN, self.pass_on)
                else:
                    self.pass_on()

    async def wait(self, seconds: float) -> None:
        """Wait for a turn, for some seconds at most, while others go on here."""
        if not self.opened:
            self.opened = [os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600) for path in self.paths]
        if self.coming is None:
            if all(map(try_lock, self.opened)):
                self.begin()
                return
            loop = asyncio.get_running_loop()
            own = [os.dup(each) for each in self.opened]  # as these may be closed meanwhile
            try:
                threading.Thread(target=wait_for_locks, args=(own, loop, self.begin), daemon=True).start()
            except RuntimeError:  # there can't be one more: SQLite says what keeps the write
                unlock(self.opened[0])
                for each in own:
                    os.close(each)
                return
            self.coming = loop.create_future()
        self.asked = True
        try:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await asyncio.shield(self.coming)
        finally:
            self.asked = False

    def begin(self) -> None:
        """Have the turn that has come, if somebody still asks for it."""
        coming, self.coming = self.coming, None
        self.since = time.monotonic()
        if self.opened:
            unlock(self.opened[0])
        if coming is not None:
            coming.set_result(None)
            if not self.asked:
                self.pass_on()

    def pass_on(self) -> None:
        """Give up the turn."""
        self.since = self.ending = None
        if self.opened:
            unlock(self.opened[1])

    def close(self) -> None:
        """Close the files."""
        if self.ending is not None:
            self.ending.cancel()
            self.ending = None
        while self.opened:
            os.close(self.opened.pop())


def wait_for_locks(own: Sequence[int], loop: asyncio.AbstractEventLoop, begin: Callable[[], None]) -> None:
    """Wait for locks, one after the other, and tell the loop; where it is closed by then, they are free again."""
    try:
        for descriptor in own:
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        loop.call_soon_threadsafe(begin)
    except RuntimeError:
        for descriptor in own:
            unlock(descriptor)
    finally:
        for descriptor in own:
            os.close(descriptor)


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
