"""Turns that people take with themselves: who asks for much at once waits for their own, and nobody else does."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Hashable
from contextlib import asynccontextmanager


class NoTurn(Exception):
    """Too many of the same person wait already, or one has waited for too long."""


class OwnTurns:
    """Lets a process do some things of each person at once, and as many as `waiting` wait."""

    def __init__(self, at_once: int, waiting: int) -> None:
        self.at_once = at_once
        self.waiting = waiting
        self.turns: dict[Hashable, asyncio.Semaphore] = {}
        self.asked: Counter[Hashable] = Counter()

    @asynccontextmanager
    async def take(self, whose: Hashable, patience: float) -> AsyncIterator[None]:
        """Wait for a turn, for so many seconds at the most, and have it while the block lasts. Raises NoTurn."""
        if self.asked[whose] >= self.at_once + self.waiting:
            raise NoTurn
        self.asked[whose] += 1
        turns = self.turns.setdefault(whose, asyncio.Semaphore(self.at_once))
        try:
            try:
                async with asyncio.timeout(patience):
                    await turns.acquire()
            except TimeoutError as error:
                raise NoTurn from error
            try:
                yield
            finally:
                turns.release()
        finally:
            self.asked[whose] -= 1
            if not self.asked[whose]:
                del self.asked[whose], self.turns[whose]
