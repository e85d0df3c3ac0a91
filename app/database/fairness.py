"""Turns: who may use what there is little of, such as the one writer of a database."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager
from contextvars import ContextVar

from msgspec import Struct, field

# The workspace for which something is done, as its address has it: whoever begins something for one says so, and all
# that is done on the way to it waits in its line.
FOR_WORKSPACE: ContextVar[str | None] = ContextVar("for_workspace", default=None)


class WaitingLine(Struct):
    """Those of one workspace who wait, how many have a turn, and at most how many may. `had` is how much time its turns
    took, in seconds of the clock that all lines share."""

    most: int
    had: float
    going: int = 0
    waiting: deque[asyncio.Future[None]] = field(default_factory=deque)


class FairTurns:
    """At most some at once, and at most some of the same workspace: one that asks much waits behind itself.

    Next is who waits first of the workspace whose turns have taken the least time, so that one with long turns has
    fewer. One that has not asked for a while begins where the others are: it can't save up what it did not use
    (start-time fair queueing: Goyal, Vin and Cheng, 1996), or no more than the seconds that it may be `ahead`. What
    belongs to no workspace is as one, without a limit.
    """

    def __init__(self, at_once: int, of_each: int, ahead: float = 0.0) -> None:
        self.at_once = self.free = at_once
        self.of_each = of_each
        self.ahead = ahead
        self.lines: dict[Hashable, WaitingLine] = {}
        # Those of them in which somebody waits.
        self.queues: dict[Hashable, WaitingLine] = {}
        self.clock = 0.0

    @asynccontextmanager
    async def take(self, whose: Hashable, seconds: float | None = None) -> AsyncIterator[None]:
        """Wait for a turn of a workspace (None: of no one), and have it while the block lasts. Raises TimeoutError when
        it does not come within so many seconds."""
        line = await self.enter(whose, seconds)
        began = time.perf_counter()
        try:
            yield
        finally:
            self.end(line, time.perf_counter() - began)

    async def enter(self, whose: Hashable, seconds: float | None = None) -> WaitingLine:
        """Wait for a turn, which is to be ended. Raises TimeoutError likewise."""
        line = self.find_line(whose)
        if not self.begin_now(line):
            async with asyncio.timeout(seconds):
                await self.wait(whose, line)
        return line

    def find_line(self, whose: Hashable) -> WaitingLine:
        """The line of a workspace."""
        line = self.lines.get(whose)
        if line is None:
            most = self.at_once if whose is None else self.of_each
            line = self.lines[whose] = WaitingLine(most, self.clock - self.ahead)
        return line

    def begin_now(self, line: WaitingLine) -> bool:
        """Begin a turn that needs not be waited for, and is to be ended; whether there was one."""
        if not self.free or line.going >= line.most or line.waiting:
            return False
        self.begin(line)
        return True

    def begin(self, line: WaitingLine) -> None:
        """Count a turn that begins."""
        self.free -= 1
        line.going += 1
        line.had = max(self.clock - self.ahead, line.had)
        self.clock = max(self.clock, line.had)

    def end(self, line: WaitingLine, took: float) -> None:
        """Count a turn that has ended after so many seconds, and give what is free to those who wait."""
        self.free += 1
        line.going -= 1
        line.had += took
        self.give()
        if self.free == self.at_once:  # nobody is there whom it would matter to
            self.lines.clear()

    def give(self) -> None:
        """Give the turns that are free."""
        while self.free:
            able = [each for each in self.queues.items() if each[1].going < each[1].most]
            if not able:
                return
            whose, line = min(able, key=lambda each: max(each[1].had, self.clock - self.ahead))
            given = line.waiting.popleft()
            del self.queues[whose]
            if line.waiting:
                self.queues[whose] = line  # behind the others, of which it may have had no more
            if not given.cancelled():  # as who waited has given up just now
                self.begin(line)
                given.set_result(None)

    async def wait(self, whose: Hashable, line: WaitingLine) -> None:
        """Wait behind the others of a line until a turn was given."""
        given: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.waiting.append(given)
        self.queues[whose] = line
        try:
            await given
        except BaseException:  # cancelled, or dropped with the loop
            if given.done() and not given.cancelled():  # it was given in the same moment
                self.end(line, 0)
            elif given in line.waiting:
                line.waiting.remove(given)
                if not line.waiting:
                    del self.queues[whose]
            raise
