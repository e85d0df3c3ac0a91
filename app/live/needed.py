"""Facts that are kept beyond their time, as somebody who reads the log later still needs them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from app.database import Transaction

# Says behind which cursor of a workspace's log somebody needs its facts; None for nowhere.
FindNeeded = Callable[[Transaction], Awaitable[int | None]]
NEEDING_FACTS: list[FindNeeded] = []


def keeps_facts(find: FindNeeded) -> FindNeeded:
    """Register a function by which facts are kept beyond their time."""
    NEEDING_FACTS.append(find)
    return find


async def find_not_needed(transaction: Transaction) -> int:
    """The cursor up to which nobody needs facts any more."""
    needed = [cursor for find in NEEDING_FACTS if (cursor := await find(transaction)) is not None]
    return min(needed, default=transaction.tenant.cursor)
