"""The lock of a record, and the line of those who wait for it."""

from __future__ import annotations

from typing import Any

from litestar import Response

from app.accounts.access import AnyRequest, read_signed_in
from app.accounts.members import Member
from app.database import Transaction
from app.editing import waiting
from app.editing.locks import (
    call_next,
    hand_over,
    is_proven_holder,
    lease_runs,
    release_lock,
    renew_lock,
    take_lock,
    take_over,
)
from app.editing.pushes import push_standings
from app.editing.rows import Proof, lease_within, read_clock
from app.editing.turns import leave_turn
from app.programs.endpoints.records import RECORD
from app.programs.lock_shapes import (
    PROGRAM_LEASE,
    HeldLock,
    LockAnswer,
    LockAwaited,
    LockRenewed,
    LockStanding,
    LockWanted,
    TakeOver,
    shape_place,
    shape_requests,
)
from app.programs.problems import Problem
from app.programs.records import LockHeader, describe_held, read_proof
from app.programs.routes import adds, changes, reads, removes
from app.programs.shapes import in_utc, moment_after, shape_holder
from app.records.forms import open_record
from app.records.records import Record
from app.settings import Settings
from app.web.endings import end_early

LOCK = RECORD + "/lock"


def answer_taken(transaction: Transaction, record: Record, proof: Proof) -> Response[Any]:
    """A lock that was taken."""
    within = lease_within(transaction.actor, PROGRAM_LEASE)
    taken = HeldLock(str(proof), within // 1000, moment_after(within), record.version)
    return Response(taken, status_code=201)


async def answer_waiting(transaction: Transaction, record: Record, member: Member) -> Response[Any]:
    """The place in line of who waits."""
    clock = await read_clock(transaction)
    place = shape_place(record, list(await waiting.list_queue(transaction, record)), member, clock)
    if place is None:
        raise Problem("lock-lost", "There is no place in line.")
    until = moment_after((record.lock_until or 0) - clock)
    return Response(LockAwaited(place, shape_holder(record), until, record.lock_token), status_code=202)


@adds(LOCK, scope="records:write", secret=True, answers=(423,), also={202: LockAwaited})
async def take_record_lock(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    data: LockWanted | None = None,
) -> Response[HeldLock]:
    """Take the lock of a record: 201. Where somebody holds it: 423, or with `wait` a place in line, 202; ask again with
    `wait` to keep the place, and to take the lock when it is one's turn. With `ask`, whoever holds it is asked to hand
    over, too: who gets no answer for 30 seconds may take it over."""
    _, record, _ = await open_record(transaction, member, slug, number, "edit")
    proof = await take_lock(transaction, record, member, lease=PROGRAM_LEASE)
    if proof is not None:
        return answer_taken(transaction, record, proof)
    if data is None or not (data.wait or data.ask):
        raise describe_held(record, await read_clock(transaction))
    asks = data.ask and record.lock_member_id != member.id and not record.lock_offered
    if not await waiting.keep_waiting(transaction, record, member, PROGRAM_LEASE) or await missed(
        transaction, record, member
    ):
        await waiting.join_queue(transaction, record, member, PROGRAM_LEASE)
        push_standings(transaction, record)
    if asks and await waiting.request_lock(transaction, record, member, PROGRAM_LEASE):
        push_standings(transaction, record)
    return await answer_waiting(transaction, record, member)


async def missed(transaction: Transaction, record: Record, member: Member) -> bool:
    """Whether a member had a turn and did not come."""
    own = await waiting.find_waiting(transaction, record, member)
    return own is not None and own.state == "missed"


@reads(LOCK, scope="records:read")
async def show_lock(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int
) -> LockStanding:
    """How it stands with the lock of a record, and with one's place in line. Where its lease has ended, whoever is next
    in line is called by that."""
    _, record, _ = await open_record(transaction, member, slug, number)
    standing = await shape_standing(transaction, record, member)
    if standing.state != "free" or not standing.waiting:
        return standing
    tenant_id, record_id = member.tenant_id, record.id
    await end_early(request.scope)
    async with request.app.state.database.write(tenant_id) as writing:
        if (row := await writing.get(Record, record_id)) is not None:
            await call_next(writing, row)
    async with read_signed_in(request) as (reading, reader):
        _, record, _ = await open_record(reading, reader, slug, number)
        return await shape_standing(reading, record, reader)


async def shape_standing(transaction: Transaction, record: Record, member: Member) -> LockStanding:
    """How it stands with the lock of a record, as a member is told."""
    queue = list(await waiting.list_queue(transaction, record))
    clock = await read_clock(transaction)
    place, count = shape_place(record, queue, member, clock), sum(each.state == "waiting" for each in queue)
    if not lease_runs(record, clock):
        return LockStanding("free", False, None, None, None, count, place, record.lock_token, [])
    holds = record.lock_member_id == member.id and not record.lock_offered
    return LockStanding(
        state="offered" if record.lock_offered else "held",
        mine=record.lock_program_id == transaction.actor.token_id,
        holder=shape_holder(record),
        since=record.lock_since and in_utc(record.lock_since),
        until=moment_after((record.lock_until or clock) - clock),
        waiting=count,
        place=place,
        holding=record.lock_token,
        requests=shape_requests(queue, clock) if holds else [],
    )


@changes(LOCK, scope="records:write", also={202: LockAwaited})
async def renew_record_lock(
    transaction: Transaction,
    member: Member,
    settings: Settings,
    slug: str,
    number: int,
    lock: LockHeader = None,
) -> Response[LockRenewed]:
    """Hold a lock on: 200; without the header `Lock`, keep a place in line: 202. What is lost is 409. A lock without a
    change is held as long as a page's would be that rests (`EDIT_IDLE_SECONDS`)."""
    _, record, _ = await open_record(transaction, member, slug, number, "edit")
    if lock is None:
        if not await waiting.keep_waiting(transaction, record, member, PROGRAM_LEASE):
            raise Problem("lock-lost", "There is no place in line to keep, and no header Lock.")
        await call_next(transaction, record)
        return await answer_waiting(transaction, record, member)
    proof = read_proof(lock)
    since = max(record.lock_since or record.updated_at, record.updated_at)
    rested = (moment_after(0) - in_utc(since)).total_seconds()
    lease = min(PROGRAM_LEASE, int(settings.edit_idle_seconds - rested))
    if lease <= 0:
        raise Problem("lock-lost", "It was held for long without a change. Take it again when it is needed.")
    renewed = proof and await renew_lock(transaction, record, member, proof, record.version, lease=lease)
    if renewed is None:
        raise Problem("lock-lost", "This is not the lock of this record, or not any more.")
    within = lease_within(transaction.actor, lease)
    return Response(LockRenewed(str(renewed), within // 1000, moment_after(within)))


@removes(LOCK, scope="records:write")
async def free_lock(transaction: Transaction, member: Member, slug: str, number: int, lock: LockHeader = None) -> None:
    """Free a lock; without the header `Lock`, leave the line, also at one's turn. What nobody holds by now is no error;
    what somebody does, by another lock than this one, is 409."""
    _, record, _ = await open_record(transaction, member, slug, number, deleted=None)
    if lock is not None:
        freed = await release_lock(transaction, record, member, read_proof(lock))
        if not freed and lease_runs(record, await read_clock(transaction)):
            raise Problem("lock-lost", "This is not the lock of this record, or not any more.")
    elif await waiting.leave_page(transaction, record, member):
        await leave_turn(transaction, record, member)
        push_standings(transaction, record, member.id)


@adds(LOCK + "/take-over", scope="records:write", secret=True, answers=(423,))
async def take_over_lock(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int, data: TakeOver
) -> Response[HeldLock]:
    """Take the lock away from whoever holds it: 201. Admins may at once, but not from a higher role; whoever has asked,
    when there was no answer for 30 seconds; and everybody from themselves, on another page or by another program. What
    was typed is kept as a draft of who held it, who is told, and it is in the audit log. Otherwise, or where it is
    another holding by now: 423."""
    _, record, _ = await open_record(transaction, member, slug, number, "edit")
    proof = await take_lock(transaction, record, member, lease=PROGRAM_LEASE, moving=data.holding)
    if proof is None and record.lock_token == data.holding:
        proof = await take_over(transaction, record, member, lease=PROGRAM_LEASE)
    if proof is None:
        raise describe_held(record, await read_clock(transaction))
    return answer_taken(transaction, record, proof)


@adds(LOCK + "/hand-over", scope="records:write", status_code=200)
async def hand_lock_over_by_program(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    data: LockAnswer,
    lock: LockHeader = None,
) -> LockStanding:
    """Hand the lock, which the header `Lock` proves, over to somebody who waits, whoever else is in line: it is their
    turn. A lock that is lost, and somebody who waits no more, are 409."""
    _, record, _ = await open_record(transaction, member, slug, number, "edit")
    proof = read_proof(lock)
    if proof is None or not await hand_over(transaction, record, member, proof, data.waiting):
        raise Problem("lock-lost", "This is not the lock of this record any more, or they don't wait any more.")
    return await shape_standing(transaction, record, member)


@adds(LOCK + "/keep", scope="records:write", status_code=200)
async def keep_lock(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    data: LockAnswer,
    lock: LockHeader = None,
) -> LockStanding:
    """Answer somebody who asks, as who holds the lock that the header `Lock` proves: not now. They may not take it over
    then, as long as they don't ask again."""
    _, record, _ = await open_record(transaction, member, slug, number, "edit")
    proof = read_proof(lock)
    if proof is None or not await is_proven_holder(transaction, record, member, proof):
        raise Problem("lock-lost", "This is not the lock of this record, or not any more.")
    await waiting.refuse_request(transaction, record, data.waiting)
    push_standings(transaction, record)
    return await shape_standing(transaction, record, member)


endpoints: list[Any] = [
    take_over_lock,
    hand_lock_over_by_program,
    keep_lock,
    take_record_lock,
    show_lock,
    renew_record_lock,
    free_lock,
]
