"""What a transaction will tell of rows at its end, noted by whatever changes a lock, a queue or a draft.

`channels.py` says it, once for each row, as it is then.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from app.database import Transaction
from app.editing.rows import Editable


@dataclass(slots=True, eq=False)
class Push:
    """What a transaction will tell of a row: `everybody` when the lock has changed, and these members in any case."""

    row: Editable
    everybody: bool = False
    concerned: set[int] = field(default_factory=set)


def push_lock(transaction: Transaction, row: Editable, concerned: Iterable[int]) -> None:
    """Publish who edits a row, or that it is free; `concerned` are members for whom something has changed with it."""
    note_push(transaction, row, concerned).everybody = True


def push_standings(transaction: Transaction, row: Editable, *concerned: int) -> None:
    """Publish, to each person whom it concerns alone, whose turn it is, who is in line, what was asked and typed."""
    note_push(transaction, row, concerned)


def note_push(transaction: Transaction, row: Editable, concerned: Iterable[int]) -> Push:
    """What this transaction will tell of the row."""
    pushes: dict[Editable, Push] = transaction.info.setdefault("editing", {})
    push = pushes.setdefault(row, Push(row))
    push.concerned.update(concerned)
    transaction.gather(publish_pushes, push)
    return push


async def publish_pushes(transaction: Transaction, pushes: Sequence[Push]) -> None:
    """Tell what was noted."""
    transaction.info["editing"].clear()
    from app.editing.channels import publish  # which reads the drafts that note pushes here

    await publish(transaction, pushes)
