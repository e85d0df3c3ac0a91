"""Locks: taken for one tab, renewed while it is open, freed, handed over, taken over; then it is the next one's turn.

Each of these is one UPDATE that checks what it relies on, so that of any number of processes exactly one gets it.
Leases run by the database's clock, and nothing depends on a disconnect being noticed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import and_, or_, select, update
from sqlalchemy.orm.attributes import set_committed_value

from app.accounts.facts import SessionsEnded
from app.accounts.members import Member
from app.accounts.rights import may
from app.database import Transaction, now
from app.database.clock import lease_clock
from app.editing import waiting
from app.editing.facts import LockChanged, LockFreed, LockLapsed, LockOffered, LockTaken, LockTakenOver
from app.editing.pushes import push_standings
from app.editing.rights import LockOf
from app.editing.rows import (
    EDITABLE_KINDS,
    LEFT_TURN,
    LONGEST_TURN,
    TURN,
    UNLOCKED,
    Editable,
    Proof,
    credential_of,
    find_row_places,
    is_held,
    is_holder,
    is_proven,
    is_signed_in,
    read_clock,
)
from app.editing.waiting import Waiting

LOCK_COLUMNS = ("lock_token", "lock_proof", *UNLOCKED)


def note_lock(transaction: Transaction, row: Editable, fact: type[LockChanged], member_id: int) -> None:
    """Note what has become of the lock of a row, and whom it is about."""
    transaction.keep(row)
    transaction.note(fact(by=transaction.actor, kind=row.kind_name, row_id=row.id, member_id=member_id))


async def take_lock(
    transaction: Transaction, row: Editable, member: Member, *, lease: int, moving: int = 0
) -> Proof | None:
    """Take the lock for a page that is being opened; its new proof, or None when it is not to be had.

    It is to be had when nobody holds it, when it is this member's turn, or when the member moves from another page of
    theirs, whose lock has the token `moving`. Raises NoCredential for who has no session.
    """
    credential_of(transaction.actor)
    await lapse(transaction, row)
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
    await pass_on(transaction, row, member.id)
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
        await pass_all_on(transaction, {row: holder for row, holder in before.items() if holder and row in freed})
        waited_for = {row_id for name, row_id, _ in left if name == kind.name}
        found = await transaction.scalars(select(model).where(model.id.in_(waited_for))) if waited_for else ()
        by_id = {row.id: row for row in found}
        for name, row_id, member_id in left:
            if name == kind.name and row_id in by_id:
                push_standings(transaction, by_id[row_id], member_id)


async def hand_over(transaction: Transaction, row: Editable, member: Member, proof: Proof, waiting_id: int) -> bool:
    """Give the lock to somebody who waits, whoever else is in line. False when either is gone."""
    queue = await waiting.list_queue(transaction, row)
    receiver = next((each for each in queue if each.id == waiting_id and each.state == "waiting"), None)
    if receiver is None:
        return False
    holder = is_holder(type(row), transaction.acting(member.id), proof)
    if not await change_lock(transaction, row, holder, **given_back(row)):
        return False
    await pass_on(transaction, row, member.id, receiver)
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
    await pass_all_on(transaction, {row: member_id}, freed=LockLapsed)
    return True


async def pass_on(transaction: Transaction, row: Editable, before: int, receiver: Waiting | None = None) -> None:
    """Make a free lock the turn of a receiver, or of the first in line."""
    await pass_all_on(transaction, {row: before}, receiver)


async def pass_all_on(
    transaction: Transaction,
    before: Mapping[Editable, int],
    receiver: Waiting | None = None,
    *,
    freed: type[LockFreed] = LockFreed,
) -> None:
    """Likewise with several rows of a kind, by who held them. Only rows that somebody waits for are asked for alone."""
    rows = list(before)
    await waiting.drop_gone(transaction, *rows)
    await waiting.forget_requests(transaction, *rows)
    queues = await waiting.list_queues(transaction, rows)
    for row, holder in before.items():
        note_lock(transaction, row, freed, holder)
        following = receiver or next((each for each in queues[row] if each.state == "waiting"), None)
        if following is not None:
            await give_turn(transaction, row, following)


async def give_turn(transaction: Transaction, row: Editable, following: Waiting) -> None:
    """Make a free lock the turn of somebody who waits."""
    if await change_lock(
        transaction,
        row,
        type(row).lock_member_id.is_(None),
        lock_token=row.lock_token + 1,
        lock_proof=None,
        lock_member_id=following.member_id,
        lock_name=following.name,
        lock_role=following.role,
        lock_since=now(),
        lock_until=lease_clock() + TURN * 1000,
        lock_session_id=following.session_id,
        lock_offered=True,
    ):
        await waiting.change_waiting(transaction, Waiting.id == following.id, state="called", called_at=lease_clock())
        note_lock(transaction, row, LockOffered, following.member_id)


async def prolong_turn(transaction: Transaction, row: Editable, member: Member, page: int) -> int | None:
    """Give a member whose turn it is the whole time again, as the page that waits is in front of them: how many seconds
    are left. It is no longer than LONGEST_TURN in all, as others wait. None when it is not their turn."""
    called = await waiting.find_waiting(transaction, row, member)
    if called is None or called.called_at is None or called.state != "called" or called.page != page:
        return None
    clock = await read_clock(transaction)
    until = min(clock + TURN * 1000, called.called_at + LONGEST_TURN * 1000)
    model = type(row)
    turn = is_held(model) & (model.lock_member_id == member.id) & model.lock_offered & (model.lock_until < until)
    await change_lock(transaction, row, turn, lock_until=until)
    if row.lock_member_id != member.id or not row.lock_offered or row.lock_until is None or row.lock_until <= clock:
        return None
    return (row.lock_until - clock + 999) // 1000


async def shorten_turn(transaction: Transaction, row: Editable, member: Member) -> None:
    """Leave little of a member's turn, if it is theirs, as the page that waited was left: others wait, too."""
    until = await read_clock(transaction) + LEFT_TURN * 1000
    model = type(row)
    turn = (model.lock_member_id == member.id) & model.lock_offered & (model.lock_until > until)
    await change_lock(transaction, row, turn, lock_until=until)


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


async def change_lock(transaction: Transaction, row: Editable, *criteria: Any, **values: Any) -> bool:
    """Write the lock's columns in one statement, if the row meets the criteria; the object is what the row is then."""
    model = type(row)
    statement = (
        update(model)
        .where(model.id == row.id, *criteria)
        .values(**values)
        .returning(*(getattr(model, name) for name in LOCK_COLUMNS))
    )
    found = (await transaction.execute(statement)).one_or_none()
    if found is None:
        await transaction.refresh(row, LOCK_COLUMNS)
        return False
    for name, value in zip(LOCK_COLUMNS, found, strict=True):
        set_committed_value(row, name, value)
    return True
