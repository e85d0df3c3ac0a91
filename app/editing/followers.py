"""What follows from the facts of editing."""

from __future__ import annotations

from collections.abc import Sequence

from app.accounts.facts import SessionsEnded
from app.database import Follower, Transaction
from app.editing.facts import LockChanged, LockFreed, LockOffered
from app.editing.locks import release_locks_of_sessions
from app.editing.pushes import push_lock
from app.editing.rows import KINDS


async def show_locks(transaction: Transaction, facts: Sequence[LockChanged]) -> None:
    """Publish who edits rows, or that they are free, to whoever sees them."""
    for fact in facts:
        row = await transaction.get(KINDS[fact.kind].model, fact.row_id)
        if row is not None:
            push_lock(transaction, row, fact.concerned)


locks_of_sessions = Follower(release_locks_of_sessions, (SessionsEnded,), notes=(LockFreed, LockOffered))
locks_shown = Follower(show_locks, (LockChanged,))
