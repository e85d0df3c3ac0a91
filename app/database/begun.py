"""Which tasks are in a transaction: what waits for a client is not begun in one."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Any

Task = asyncio.Task[Any]
# How many transactions each task has begun that are not over.
BEGUN: Counter[Task | None] = Counter()


class HoldsTransaction(RuntimeError):
    """Something that a client decides how long it takes was begun in a transaction: others go without its connection
    until then."""


def check_holds_none() -> None:
    """Raise HoldsTransaction in a transaction, be it one that only reads. For what waits for a client."""
    if asyncio.current_task() in BEGUN:
        raise HoldsTransaction("a transaction is open: wait for the client before it, or when it is over")


def note_begun() -> Task | None:
    """Note that this task begins a transaction, and which task it is: the end may come in another one."""
    task = asyncio.current_task()
    BEGUN[task] += 1
    return task


def note_over(task: Task | None) -> None:
    """Note that a transaction is over."""
    BEGUN[task] -= 1
    if not BEGUN[task]:
        del BEGUN[task]
