"""Long work in steps of some milliseconds, with pauses between them, so that nobody waits for all of it.

Beside the event loop and the writer, which everybody needs, there is nothing that a long job could hold: how much one
step takes on is found out by how long the steps before have taken.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Iterator
from contextlib import contextmanager

# How long a step shall take, and at the most how long the pause after it is, in seconds.
SECONDS_A_STEP = 0.008
LONGEST_REST = 0.25
# Of so many steps the fastest tells: the others have waited for something else on a busy machine.
STEPS_REMEMBERED = 4


class Steps:
    """The steps of one kind, such as those that write: `size` is how many things the next one takes on."""

    def __init__(self, *, first: int = 20, most: int = 500) -> None:
        self.size = min(first, most)
        self.most = most
        self.taken = 0.0
        self.costs: deque[float] = deque(maxlen=STEPS_REMEMBERED)

    @contextmanager
    def step(self) -> Iterator[None]:
        """One step, without what it waits for before: that is others' time."""
        begun = time.perf_counter()
        yield
        self.taken = time.perf_counter() - begun
        self.costs.append(max(self.taken, SECONDS_A_STEP / 100) / self.size)
        self.size = int(max(1, min(SECONDS_A_STEP / min(self.costs), 2 * self.size, self.most)))

    async def pause(self) -> None:
        """Let others do as much as the last step has kept them from."""
        await asyncio.sleep(min(self.taken, LONGEST_REST))
