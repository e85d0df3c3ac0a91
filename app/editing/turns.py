"""Turns: a lock that is free is offered to whoever waits next, for a while.

As with locks, each of these is one UPDATE that checks what it relies on.
"""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import bindparam, select

from app.accounts.members import Member
from app.accounts.program_tokens import Token
from app.accounts.sessions import Session
from app.database import PreparedSelect, Transaction, now
from app.editing import waiting
from app.editing.facts import LockFreed, LockOffered
from app.editing.lock_statements import (
    change_lock,
    ends_then,
    freed,
    is_longer_turn,
    is_nobodys,
    is_shorter_turn,
    is_turn,
    offered,
)
from app.editing.rows import Editable, lease_until, lease_within, note_lock, read_clock
from app.editing.waiting_rows import CALL, Waiting

# How long somebody's turn lasts (WCAG 2.2.1: many people need more than some seconds to begin), and how long at most
# while the page that waits is in front of them: others wait, too.
TURN = 60
LONGEST_TURN = 300
# How much is left of it when that page is left: enough to come back by another one.
LEFT_TURN = 15


async def pass_on(
    transaction: Transaction,
    before: Mapping[Editable, int],
    receiver: Waiting | None = None,
    *,
    by: type[LockFreed] = LockFreed,
) -> None:
    """Make the locks of rows that are free now, by who held them, the turns of a receiver or of the first in line.

    Only of rows that somebody waits for each takes statements of its own.
    """
    following = await waiting.find_following(transaction, list(before), receiver)
    for row, holder in before.items():
        note_lock(transaction, row, by, holder)
        if row in following:
            await give_turn(transaction, row, following[row])


# When what somebody waits with ends by itself, a session or a token.
FIND_END_OF_SESSION = PreparedSelect(lambda: select(Session.expires_at).where(Session.id == bindparam("credential_id")))
FIND_END_OF_TOKEN = PreparedSelect(lambda: select(Token.ends_at).where(Token.id == bindparam("credential_id")))


async def lease_of_turn(transaction: Transaction, following: Waiting) -> int:
    """How long somebody's turn lasts, in milliseconds: not longer than what they wait with."""
    of_token = following.program_id is not None
    credential_id = following.program_id if of_token else following.session_id
    ends_at = await transaction.value(
        FIND_END_OF_TOKEN if of_token else FIND_END_OF_SESSION, credential_id=credential_id
    )
    return lease_until(ends_at, TURN)


async def give_turn(transaction: Transaction, row: Editable, following: Waiting) -> None:
    """Make a free lock the turn of somebody who waits."""
    if await change_lock(
        transaction,
        row,
        is_nobodys,
        offered,
        member_id=following.member_id,
        name=following.name,
        role=following.role,
        since=now(),
        lease=await lease_of_turn(transaction, following),
        session_id=following.session_id,
        program_id=following.program_id,
        program=following.program,
    ):
        await transaction.apply(CALL, waiting_id=following.id)
        note_lock(transaction, row, LockOffered, following.member_id)


async def prolong_turn(transaction: Transaction, row: Editable, member: Member) -> int | None:
    """Give a member whose turn it is the whole time again, as a page that waits is in front of them: how many seconds
    are left. It is no longer than LONGEST_TURN in all, as others wait. None when it is not their turn."""
    called = await waiting.find_waiting(transaction, row, member)
    if called is None or called.called_at is None or called.state != "called":
        return None
    clock = await read_clock(transaction)
    until = min(clock + lease_within(transaction.actor, TURN), called.called_at + LONGEST_TURN * 1000)
    await change_lock(transaction, row, is_shorter_turn, ends_then, member_id=member.id, until=until)
    if row.lock_member_id != member.id or not row.lock_offered or row.lock_until is None or row.lock_until <= clock:
        return None
    return (row.lock_until - clock + 999) // 1000


async def leave_turn(transaction: Transaction, row: Editable, member: Member) -> None:
    """End a member's turn, if it is theirs, who has said that they don't want it: then it is the next one's."""
    if await change_lock(transaction, row, is_turn, freed, member_id=member.id):
        await pass_on(transaction, {row: member.id})


async def shorten_turn(transaction: Transaction, row: Editable, member: Member) -> None:
    """Leave little of a member's turn, if it is theirs, as the page that waited was left: others wait, too."""
    until = await read_clock(transaction) + LEFT_TURN * 1000
    await change_lock(transaction, row, is_longer_turn, ends_then, member_id=member.id, until=until)
