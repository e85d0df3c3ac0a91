"""What follows from the facts of operators."""

from __future__ import annotations

from collections.abc import Sequence

from app.database import Follower, Transaction
from app.operators.facts import OperatorActed
from app.operators.log import OperatorEntry


async def log_acts(transaction: Transaction, facts: Sequence[OperatorActed]) -> None:
    """Write what operators did into their log."""
    for fact in facts:
        about = {"email": fact.email, "what": fact.what, "subject": fact.subject, "reason": fact.reason}
        transaction.add(OperatorEntry(**about, address=fact.by.address[:45]))


operators_logged = Follower(log_acts, (OperatorActed,))
