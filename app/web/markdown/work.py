"""What parsing a text may cost: so many steps for each of its characters, whatever it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Steps for any text, for each of its characters, and for the longest: a step takes 2 to 3 µs, so that is some 50 ms.
ANY_TEXT = 800
A_CHARACTER = 6
MOST_STEPS = 18_000
# What a block costs, an item of a list, a token in a paragraph, a cell of a table and a reference, beside what was
# tried to find it.
BLOCK = 16
ITEM = 10
TOKEN = 4
CELL = 16
REFERENCE = 8
# What it costs to read what may be an address.
ADDRESS_COST = 20
# What it costs, in steps, to find out whether an address may be a link.
VALIDATION = 60


class WorkBudget:
    """The steps that a text has left."""

    __slots__ = ("left",)

    def __init__(self, length: int) -> None:
        self.left = min(ANY_TEXT + A_CHARACTER * length, MOST_STEPS)


CURRENT: ContextVar[WorkBudget] = ContextVar("work")


@contextmanager
def allowance(length: int) -> Iterator[WorkBudget]:
    """Allow what a text of so many characters may cost."""
    work = WorkBudget(length)
    token = CURRENT.set(work)
    try:
        yield work
    finally:
        CURRENT.reset(token)


def spend(steps: int = 1) -> bool:
    """Count steps; whether the text may cost them."""
    work = CURRENT.get()
    work.left -= steps
    return work.left >= 0
