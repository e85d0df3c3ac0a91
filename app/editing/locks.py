"""Locks: taken for one tab, renewed while it is open, freed, handed over, taken over; `turns.py` has what comes then.

Each of these is one UPDATE that checks what it relies on, so that of any number of processes exactly one gets it.
Leases run by the database's clock, and nothing depends on a disconnect being noticed.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from sqlalchemy.orm.attributes import set_committed_value

from app.accounts.facts import CredentialsEnded
from app.accounts.members import Member
from app.accounts.rights import may
from app.database import Transaction, now
from app.editing import waiting
from app.editing.facts import LockLapsed, LockLost, LockTaken, LockTakenOver
from app.editing.lock_statements import (
    Criterion,
    change_lock,
    free_of,
    freed,
    given_back,
    has_lapsed,
    is_free_or_mine,
    is_holder,
    is_live_holder,
    is_seen_holding,
    is_still_proven,
    prolonged,
    select_held,
    select_held_with,
    select_proven,
    signed_in,
    taken,
)
from app.editing.pushes import push_standings
from app.editing.rights import LockOf
from app.editing.row_places import EDITABLE_KINDS, find_row_places
from app.editing.rows import (
    LONGEST_LOCK,
    UNLOCKED,
    Editable,
    Proof,
    credential_of,
    lease_within,
    note_lock,
    read_clock,
    show_proof,
)
from app.editing.turns import pass_on
from app.editing.waiting_rows import MISS_TURN

# What makes the secret of a proof whose token is known.
MakeSecret = Callable[[int], str]


def lease_runs(row: Editable, clock: int) -> bool:
    """Whether somebody's lease runs, as `is_held` asks the database: what has been read of a row, by its clock."""
    until = row.lock_until
    return row.lock_member_id is not None and until is not None and clock < until <= clock + LONGEST_LOCK


async def take_lock(
    transaction: Transaction,
    row: Editable,
    member: Member,
    *,
    lease: int,
    moving: int = 0,
    make_secret: MakeSecret | None = None,
) -> Proof | None:
    """Take the lock for a page that is being opened; its new proof, or None when it is not to be had.

    It is to be had when nobody holds it, when it is this member's turn, or when the member moves from another page of
    theirs, whose lock has the token `moving`. Whoever has to know the proof again makes its secret, of the token that
    it will have. Raises NoCredential for who has neither session nor token.
    """
    credential_of(transaction.actor)
    if row.lock_member_id is not None:
        if not lease_runs(row, await read_clock(transaction)):
            await lapse(transaction, row)
        elif row.lock_member_id != member.id or not (row.lock_offered or row.lock_token == moving):
            return None  # writers come one after another: it is still so
    before = row.lock_member_id
    proof = await make_holder(
        transaction, row, member, is_free_or_mine, lease=lease, make_secret=make_secret, moving=moving
    )
    if proof is None:
        return None
    await waiting.leave_queue(transaction, row, member)
    if before != member.id:
        await waiting.forget_requests(transaction, row)
    note_lock(transaction, row, LockTaken, member.id)
    return proof


async def renew_lock(
    transaction: Transaction,
    row: Editable,
    member: Member,
    proof: Proof,
    version: int,
    *,
    lease: int,
    make_secret: MakeSecret | None = None,
) -> Proof | None:
    """Prolong the lease of a page that shows its proof; the proof to go on with, or None when the lock is lost.

    A lease that ended is taken up again as long as nobody has had the lock since, and the row is the one the page
    shows; a person who has signed in again does so with the new session. Raises NoCredential for who has none.
    """
    credential = credential_of(transaction.actor)
    shown = show_proof(transaction.acting(member.id), proof)
    alive = {"member_id": member.id, **{name: credential[name] for name in ("session_id", "program_id")}}
    if await change_lock(
        transaction, row, is_live_holder, prolonged, lease=lease_within(transaction.actor, lease), **alive, **shown
    ):
        return proof
    again = await make_holder(
        transaction, row, member, is_still_proven, lease=lease, make_secret=make_secret, seen_version=version, **shown
    )
    if again is not None:
        note_lock(transaction, row, LockTaken, member.id)
    return again


async def is_proven_holder(transaction: Transaction, row: Editable, member: Member, proof: Proof) -> bool:
    """Whether a member proves to hold a row, for what writes nothing of it."""
    shown = show_proof(transaction.acting(member.id), proof)
    return await transaction.value(select_held(row.kind_name), row_id=row.id, **shown) is not None


async def is_proven(transaction: Transaction, row: Editable, member: Member, proof: Proof) -> bool:
    """Whether a member proves to hold a row, or to have held it until the lease ended, and nobody has since."""
    shown = show_proof(transaction.acting(member.id), proof)
    return await transaction.value(select_proven(row.kind_name), row_id=row.id, **shown) is not None


async def release_lock(transaction: Transaction, row: Editable, member: Member, proof: Proof | None) -> bool:
    """Free the lock that this member proves to hold; then it is the next one's turn. False when it was lost."""
    shown = show_proof(transaction.acting(member.id), proof)
    if not await change_lock(transaction, row, is_holder, given_back, **shown):
        return False
    await pass_on(transaction, {row: member.id})
    return True


async def release_locks_of_credentials(transaction: Transaction, facts: Sequence[CredentialsEnded]) -> None:
    """Free the locks that were taken with sessions or tokens that have ended, and let their pages wait no more.

    A page whose person signs in again goes on, if nobody has had the lock since. So may a request that is under way
    with such a session on PostgreSQL: then its lease ends.
    """
    ended = {
        "sessions": [session_id for fact in facts for session_id in fact.session_ids],
        "programs": [token_id for fact in facts for token_id in fact.token_ids],
    }
    if not any(ended.values()):
        return
    left = await waiting.leave_with_credentials(transaction, ended)
    for kind in EDITABLE_KINDS.values():
        rows = await transaction.column(select_held_with(kind.name), **ended)
        await free_rows(transaction, rows)
        waited_for = {row_id for name, row_id, _ in left if name == kind.name}
        by_id = await transaction.find_all(kind.model, waited_for)
        for name, row_id, member_id in left:
            if name == kind.name and row_id in by_id:
                push_standings(transaction, by_id[row_id], member_id)


async def free_rows(transaction: Transaction, rows: Sequence[Editable]) -> None:
    """Free the locks of rows whose holders may not edit them any more; then it is the turn of whoever waits."""
    for kind in {row.kind_name: None for row in rows}:
        own = {row.id: row for row in rows if row.kind_name == kind}
        before = {row: row.lock_member_id for row in own.values()}
        free = [own[row_id] for (row_id,) in (await transaction.apply(free_of(kind), ids=list(own))).rows]
        for row in free:
            for name, value in UNLOCKED.items():
                set_committed_value(row, name, value)
        await pass_on(transaction, {row: holder for row in free if (holder := before[row])})


async def hand_over(transaction: Transaction, row: Editable, member: Member, proof: Proof, waiting_id: int) -> bool:
    """Give the lock to somebody who waits, whoever else is in line. False when either is gone."""
    queue = await waiting.list_queue(transaction, row)
    receiver = next((each for each in queue if each.id == waiting_id and each.state == "waiting"), None)
    if receiver is None:
        return False
    shown = show_proof(transaction.acting(member.id), proof)
    if not await change_lock(transaction, row, is_holder, given_back, **shown):
        return False
    await pass_on(transaction, {row: member.id}, receiver)
    return True


async def take_over(transaction: Transaction, row: Editable, member: Member, *, lease: int) -> Proof | None:
    """Take the lock away from whoever holds it; the new proof, or None when this member may not.

    Admins may at once, but not from a higher role; whoever has asked, when there was no answer in time. It is
    recorded in the audit log. Raises NoCredential for who has neither session nor token.
    """
    credential_of(transaction.actor)
    holder, name = row.lock_member_id, row.lock_name
    await waiting.note_unanswered(transaction, row)
    asker = await waiting.find_waiting(transaction, row, member)
    held_by = await transaction.get(Member, holder or 0)  # whose role may have changed since
    by_rank = may(member, "take over", LockOf(held_by.role if held_by else "member"))
    if holder is None or not (by_rank or (asker is not None and asker.unanswered)):
        return None
    seen: dict[str, Any] = {"seen_token": row.lock_token, "seen_holder_id": holder}
    proof = await make_holder(transaction, row, member, is_seen_holding, lease=lease, **seen)
    if proof is None:
        return None
    await waiting.leave_queue(transaction, row, member)
    await waiting.forget_requests(transaction, row)
    transaction.keep(row)
    address = (await find_row_places(transaction, [row]))[row].address
    taken_over = LockTakenOver(
        by=transaction.acting(member.id),
        kind=row.kind_name,
        row_id=row.id,
        member_id=member.id,
        holder_id=holder,
        address=address,
        before=name or "",
        after=member.name,
    )
    transaction.note(taken_over)
    if holder != member.id:
        lost = LockLost(
            by=transaction.acting(member.id),
            kind=row.kind_name,
            row_id=row.id,
            member_id=member.id,
            holder_id=holder,
            address=address,
        )
        transaction.note(lost)
    return proof


async def lapse(transaction: Transaction, row: Editable) -> bool:
    """Free a lock whose lease has ended; who was called and did not come is out of the queue. False when it has not."""
    member_id = row.lock_member_id
    if member_id is None:
        return False
    if not await change_lock(transaction, row, has_lapsed, freed, seen_holder_id=member_id):
        return False
    await waiting.change_waiting(transaction, MISS_TURN, row, of_member=member_id)
    await pass_on(transaction, {row: member_id}, by=LockLapsed)
    return True


async def call_next(transaction: Transaction, row: Editable) -> bool:
    """Free a lock whose lease has ended, for whoever keeps a place in line: it may be their turn, though nobody has a
    page open that the watch would look after. False when the lease runs, or nobody holds the row."""
    if row.lock_member_id is None or lease_runs(row, await read_clock(transaction)):
        return False
    return await lapse(transaction, row)


async def make_holder(
    transaction: Transaction,
    row: Editable,
    member: Member,
    criterion: Criterion,
    *,
    lease: int,
    make_secret: MakeSecret | None = None,
    **parameters: Any,
) -> Proof | None:
    """Make a member the holder of a row that meets a criterion: the new proof, or None when it does not.

    Each holding has a proof of its own, so that the one before proves nothing any more.
    """
    proof = Proof(secret=make_secret(row.lock_token + 1)) if make_secret else Proof.make()
    held = await change_lock(
        transaction,
        row,
        signed_in(criterion),
        taken,
        digest=proof.digest(member.id),
        member_id=member.id,
        name=member.name,
        role=member.role,
        since=now() if row.lock_member_id != member.id or row.lock_offered else row.lock_since,
        lease=lease_within(transaction.actor, lease),
        **credential_of(transaction.actor),
        **parameters,
    )
    return Proof(row.lock_token, proof.secret) if held else None
