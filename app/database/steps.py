"""Steps: what the event loop does of a request between two waits, by turns that are fair between workspaces.

A loop goes on with whoever is ready, in the order in which they became so. A request that waits five times, for a
thread or a server, would be behind all who are ready five times. So each step of it has a turn: next is one of the
workspace that has had least. One step is done in a round of the loop, so that what has come meanwhile is known when the
next is chosen, and a long one gives way where it can. Nobody has a turn while something is awaited.
"""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Coroutine, Generator
from types import coroutine
from typing import Any, TypeVar
from weakref import WeakKeyDictionary

from app.database.fairness import FOR_WORKSPACE, FairTurns, WaitingLine

# How long, in seconds, a step may be before it gives way, where it can; and how much less than others a workspace that
# asks little may have had, so that a page and a post of it are next at each of their steps.
SLICE = 0.001
AHEAD = 0.03
# Rounds of the loop before the next step is chosen, after one that has taken so long: what a client has sent, or a
# thread has done, becomes a task that is ready in three. A round takes less than a microsecond.
ROUNDS, WORTH_ROUNDS = 3, 0.0003

CameTo = TypeVar("CameTo")

# The tasks whose steps wait for none and never give way: others wait for what they hold, or are just given, as the one
# writer of SQLite.
HURRIED: set[asyncio.Task[Any] | None] = set()
# The tasks that do their work by turns.
TAKING: set[asyncio.Task[Any] | None] = set()


class StepTurns:
    """The turns at one event loop. `until` is how long the step that is done now may go on without giving way; for ever
    outside of one."""

    def __init__(self) -> None:
        self.turns = FairTurns(1, 1, AHEAD)
        self.until = math.inf

    @coroutine
    def take(self, work: Coroutine[Any, Any, CameTo], whose: str | None) -> Generator[Any, Any, CameTo]:
        """Do some work for a workspace, each of its steps in a turn; what it comes to.

        What is raised where it waits, as when it is cancelled, it is told at once, also when it waits for a turn.
        """
        turns, loop, task = self.turns, asyncio.get_running_loop(), asyncio.current_task()
        raised: BaseException | None = None
        while True:
            has_turn = raised is None and task not in HURRIED
            line = turns.lines.get(whose)
            if has_turn:
                line = turns.find_line(whose)
                try:
                    if not turns.begin_now(line):
                        yield from turns.wait(whose, line).__await__()
                except BaseException as error:
                    raised, has_turn = error, False
            began = time.perf_counter()
            if raised is None:
                self.until = began + SLICE
            try:
                awaited = work.send(None) if raised is None else work.throw(raised)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            finally:
                raised = None
                self.until = math.inf
                took = time.perf_counter() - began
                if line is not None and has_turn:
                    loop.call_soon(self.end, line, took, ROUNDS if took > WORTH_ROUNDS else 0)
                elif line is not None:
                    line.had += took
            try:
                yield awaited
            except BaseException as error:
                raised = error

    def end(self, line: WaitingLine, took: float, rounds: int) -> None:
        """Give the turn of a step that has ended to the next one, after some rounds of the loop."""
        if rounds:
            asyncio.get_running_loop().call_soon(self.end, line, took, rounds - 1)
        else:
            self.turns.end(line, took)


TURNS_AT: WeakKeyDictionary[asyncio.AbstractEventLoop, StepTurns] = WeakKeyDictionary()


async def take_steps(work: Coroutine[Any, Any, CameTo]) -> CameTo:
    """Do some work of the workspace that all is for now, by turns at this event loop. What is a part of such work is
    done as that is."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task in TAKING:
        return await work
    turns = TURNS_AT.get(loop)
    if turns is None:
        turns = TURNS_AT[loop] = StepTurns()
    TAKING.add(task)
    try:
        return await turns.take(work, FOR_WORKSPACE.get())
    finally:
        TAKING.discard(task)


async def give_way() -> None:
    """End the step here if it has been a long one, and others wait for nothing that its task holds."""
    turns = TURNS_AT.get(asyncio.get_running_loop())
    if turns is not None and time.perf_counter() > turns.until and asyncio.current_task() not in HURRIED:
        await asyncio.sleep(0)
