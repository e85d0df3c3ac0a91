"""What parsing a text may cost: so many steps for each of its characters, whatever it is made of."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

# Steps for any text, and for each of its characters. A message that means anything takes less than half of it.
ANY_TEXT = 2_000
A_CHARACTER = 6
# What it costs, in steps, to find out whether an address may be a link.
VALIDATION = 150


class Work:
    """The steps that a text has left."""

    __slots__ = ("left",)

    def __init__(self, length: int) -> None:
        self.left = ANY_TEXT + A_CHARACTER * length


CURRENT: ContextVar[Work] = ContextVar("work")


@contextmanager
def allowance(length: int) -> Iterator[Work]:
    """Allow what a text of so many characters may cost."""
    work = Work(length)
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
