"""Locks: taken for one tab, renewed while it is open, freed, handed over, taken over; `turns.py` has what comes then.

Each of these is one UPDATE that checks what it relies on, so that of any number of processes exactly one gets it.
Leases run by the database's clock, and nothing depends on a disconnect being noticed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm.attributes import set_committed_value

from app.accounts.facts import SessionsEnded
from app.accounts.members import Member
from app.accounts.rights import may
from app.database import Transaction, now
from app.database.clock import lease_clock
from app.editing import waiting
from app.editing.facts import LockLapsed, LockTaken, LockTakenOver
from app.editing.pushes import push_standings
from app.editing.rights import LockOf
from app.editing.rows import (
    EDITABLE_KINDS,
    LONGEST_LOCK,
    UNLOCKED,
    Editable,
    Proof,
    change_lock,
    credential_of,
    find_row_places,
    is_held,
    is_holder,
    is_proven,
    is_signed_in,
    note_lock,
    read_clock,
)
from app.editing.turns import pass_on
from app.editing.waiting import Waiting


def lease_runs(row: Editable, clock: int) -> bool:
    """Whether somebody's lease runs, as `is_held` asks the database: what has been read of a row, by its clock."""
    until = row.lock_until
    return row.lock_member_id is not None and until is not None and clock < until <= clock + LONGEST_LOCK


async def take_lock(
    transaction: Transaction, row: Editable, member: Member, *, lease: int, moving: int = 0
) -> Proof | None:
    """Take the lock for a page that is being opened; its new proof, or None when it is not to be had.

    It is to be had when nobody holds it, when it is this member's turn, or when the member moves from another page of
    theirs, whose lock has the token `moving`. Raises NoCredential for who has no session.
    """
    credential_of(transaction.actor)
    if row.lock_member_id is not None:
        if not lease_runs(row, await read_clock(transaction)):
            await lapse(transaction, row)
        elif row.lock_member_id != member.id or not (row.lock_offered or row.lock_token == moving):
            return None  # writers come one after another: it is still so
    model = type(row)
    mine = and_(model.lock_member_id == member.id, or_(model.lock_offered, model.lock_token == moving))
    before = row.lock_member_id
    proof = await make_holder(transaction, row, member, or_(~is_held(model), mine), lease=lease)
    if proof is None:
        return None
    await waiting.leave_queue(transaction, row, member)
    if before != member.id:
        await waiting.forget_requests(transaction, row)
    note_lock(transaction, row, LockTaken, member.id)
    return proof


async def renew_lock(
    transaction: Transaction, row: Editable, member: Member, proof: Proof, version: int, *, lease: int
) -> Proof | None:
    """Prolong the lease of a page that shows its proof; the proof to go on with, or None when the lock is lost.

    A lease that ended is taken up again as long as nobody has had the lock since, and the row is the one the page
    shows; a person who has signed in again does so with the new session. Raises NoCredential for who has none.
    """
    credential_of(transaction.actor)
    model = type(row)
    holder = is_holder(model, transaction.acting(member.id), proof)
    alive = is_signed_in(member.id, transaction.actor.session_id)
    if await change_lock(transaction, row, holder, alive, lock_until=lease_clock() + lease * 1000):
        return proof
    free = model.lock_member_id.is_(None) & is_proven(model, member.id, proof) & (model.version == version)
    taken = await make_holder(transaction, row, member, free, lease=lease)
    if taken is not None:
        note_lock(transaction, row, LockTaken, member.id)
    return taken


async def is_proven_holder(transaction: Transaction, row: Editable, member: Member, proof: Proof) -> bool:
    """Whether a member proves to hold a row, for what writes nothing of it."""
    model = type(row)
    holder = is_holder(model, transaction.acting(member.id), proof)
    return await transaction.scalar(select(model.id).where(model.id == row.id, holder)) is not None


async def release_lock(transaction: Transaction, row: Editable, member: Member, proof: Proof | None) -> bool:
    """Free the lock that this member proves to hold; then it is the next one's turn. False when it was lost."""
    holder = is_holder(type(row), transaction.acting(member.id), proof)
    if not await change_lock(transaction, row, holder, **given_back(row)):
        return False
    await pass_on(transaction, {row: member.id})
    return True


async def release_locks_of_sessions(transaction: Transaction, facts: Sequence[SessionsEnded]) -> None:
    """Free the locks that were taken with sessions that have ended, and let their pages wait no more.

    A page whose person signs in again goes on, if nobody has had the lock since. So may a request that is under way
    with such a session on PostgreSQL: then its lease ends.
    """
    session_ids = [session_id for fact in facts for session_id in fact.session_ids]
    if not session_ids:
        return
    left = await waiting.leave_with_sessions(transaction, session_ids)
    for kind in EDITABLE_KINDS.values():
        model = kind.model
        theirs = model.lock_member_id.is_not(None) & model.lock_session_id.in_(session_ids)
        statement = select(model).where(theirs).order_by(model.id).execution_options(populate_existing=True)
        rows = (await transaction.scalars(statement)).all()
        before = {row: row.lock_member_id for row in rows}
        freed = await free_locks(transaction, rows, theirs)
        await pass_on(transaction, {row: holder for row, holder in before.items() if holder and row in freed})
        waited_for = {row_id for name, row_id, _ in left if name == kind.name}
        found = await transaction.scalars(select(model).where(model.id.in_(waited_for))) if waited_for else ()
        by_id = {row.id: row for row in found}
        for name, row_id, member_id in left:
            if name == kind.name and row_id in by_id:
                push_standings(transaction, by_id[row_id], member_id)


async def free_rows(transaction: Transaction, rows: Sequence[Editable]) -> None:
    """Free the locks of rows whose holders may not edit them any more; then it is the turn of whoever waits."""
    for model in {type(row) for row in rows}:
        own = [row for row in rows if type(row) is model]
        before = {row: row.lock_member_id for row in own}
        freed = await free_locks(transaction, own, model.lock_member_id.is_not(None))
        await pass_on(transaction, {row: holder for row, holder in before.items() if holder and row in freed})


async def hand_over(transaction: Transaction, row: Editable, member: Member, proof: Proof, waiting_id: int) -> bool:
    """Give the lock to somebody who waits, whoever else is in line. False when either is gone."""
    queue = await waiting.list_queue(transaction, row)
    receiver = next((each for each in queue if each.id == waiting_id and each.state == "waiting"), None)
    if receiver is None:
        return False
    holder = is_holder(type(row), transaction.acting(member.id), proof)
    if not await change_lock(transaction, row, holder, **given_back(row)):
        return False
    await pass_on(transaction, {row: member.id}, receiver)
    return True


async def take_over(transaction: Transaction, row: Editable, member: Member, *, lease: int) -> Proof | None:
    """Take the lock away from whoever holds it; the new proof, or None when this member may not.

    Admins may at once, but not from a higher role; whoever has asked, when there was no answer in time. It is
    recorded in the audit log. Raises NoCredential for who has no session.
    """
    credential_of(transaction.actor)
    holder, name = row.lock_member_id, row.lock_name
    await waiting.note_unanswered(transaction, row)
    asker = await waiting.find_waiting(transaction, row, member)
    role = await transaction.scalar(select(Member.role).where(Member.id == holder))  # it may have changed since
    by_rank = may(member, "take over", LockOf(role or "member"))
    if holder is None or not (by_rank or (asker is not None and asker.unanswered)):
        return None
    model = type(row)
    seen = (model.lock_token == row.lock_token) & (model.lock_member_id == holder)
    proof = await make_holder(transaction, row, member, seen, lease=lease)
    if proof is None:
        return None
    await waiting.leave_queue(transaction, row, member)
    await waiting.forget_requests(transaction, row)
    transaction.keep(row)
    taken_over = LockTakenOver(
        by=transaction.acting(member.id),
        kind=row.kind_name,
        row_id=row.id,
        member_id=member.id,
        holder_id=holder,
        address=(await find_row_places(transaction, [row]))[row].address,
        before=name or "",
        after=member.name,
    )
    transaction.note(taken_over)
    return proof


async def lapse(transaction: Transaction, row: Editable) -> bool:
    """Free a lock whose lease has ended; who was called and did not come is out of the queue. False when it has not."""
    member_id = row.lock_member_id
    if member_id is None:
        return False
    model = type(row)
    if not await change_lock(transaction, row, model.lock_member_id == member_id, ~is_held(model), **UNLOCKED):
        return False
    await waiting.change_waiting(
        transaction,
        *waiting.of_row(row),
        Waiting.member_id == member_id,
        Waiting.state == "called",
        state="missed",
    )
    await pass_on(transaction, {row: member_id}, freed=LockLapsed)
    return True


def given_back(row: Editable) -> dict[str, Any]:
    """The lock's columns when it is freed by intent: a renewal that was under way then does not take it up again."""
    return {**UNLOCKED, "lock_token": type(row).lock_token + 1, "lock_proof": None}


async def make_holder(
    transaction: Transaction, row: Editable, member: Member, *criteria: Any, lease: int
) -> Proof | None:
    """Make a member the holder of a row that meets the criteria: the new proof, or None when it does not.

    Each holding has a proof of its own, so that the one before proves nothing any more.
    """
    proof = Proof.make()
    session_id = credential_of(transaction.actor)
    held = await change_lock(
        transaction,
        row,
        *criteria,
        is_signed_in(member.id, session_id),
        lock_token=type(row).lock_token + 1,
        lock_proof=proof.digest(member.id),
        lock_member_id=member.id,
        lock_name=member.name,
        lock_role=member.role,
        lock_since=now() if row.lock_member_id != member.id or row.lock_offered else row.lock_since,
        lock_until=lease_clock() + lease * 1000,
        lock_session_id=session_id,
        lock_offered=False,
    )
    return Proof(row.lock_token, proof.secret) if held else None


async def free_locks(transaction: Transaction, rows: Sequence[Editable], *criteria: Any) -> set[Editable]:
    """Free the locks of those of some rows of a kind that meet the criteria, in one statement; which those are."""
    if not rows:
        return set()
    model, by_id = type(rows[0]), {row.id: row for row in rows}
    statement = update(model).where(model.id.in_(by_id), *criteria).values(**UNLOCKED)
    returning = statement.returning(model.id)
    freed = {by_id[row_id] for (row_id,) in await transaction.execute(returning)}
    for row in freed:
        for name, value in UNLOCKED.items():
            set_committed_value(row, name, value)
    return freed
