"""Waiting: who wants to edit a row next, in order, and what they have asked of whoever edits it now."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, or_, tuple_

from app.accounts.members import Member
from app.database import PreparedChange, Transaction
from app.database.clock import lease_clock
from app.editing.facts import LockAsked
from app.editing.row_places import find_row_places
from app.editing.rows import Editable, credential_of, lease_within, read_clock
from app.editing.waiting_rows import (
    DROP_GONE,
    FORGET_REQUESTS,
    KEEP_WAITING,
    LEAVE,
    LEAVE_ALL,
    LEAVE_GATEWAY,
    LEAVE_PAGE,
    LEAVE_WITH_CREDENTIALS,
    LIST_WAITING,
    NOTE_UNANSWERED,
    REFUSE_REQUEST,
    Waiting,
)
from app.jobs.sweeps import delete_by_keys, sweeps

# How long, in milliseconds, those who went stay where nobody had a page open to be told.
LEFT_FOR = 3_600_000


async def change_waiting(transaction: Transaction, change: PreparedChange, *rows: Editable, **parameters: Any) -> bool:
    """Change or take out those who wait for some rows of a kind. False when that was nobody."""
    (kind,) = {row.kind_name for row in rows}
    result = await transaction.apply(change, of_kind=kind, of_rows=[row.id for row in rows], **parameters)
    return result.changed > 0


async def list_queue(transaction: Transaction, row: Editable) -> Sequence[Waiting]:
    """Everybody with an open page that waits for the row, in order; also those who were called or missed their turn."""
    return (await list_queues(transaction, [row]))[row]


async def list_queues(transaction: Transaction, rows: Sequence[Editable]) -> dict[Editable, Sequence[Waiting]]:
    """Likewise for each of some rows."""
    found: dict[Editable, list[Waiting]] = {row: [] for row in rows}
    for name in {row.kind_name for row in rows}:
        by_id = {row.id: row for row in rows if row.kind_name == name}
        for (waiting,) in await transaction.rows(LIST_WAITING, kind=name, ids=by_id):
            found[by_id[waiting.row_id]].append(waiting)
    return {**found}


async def find_waiting(transaction: Transaction, row: Editable, member: Member) -> Waiting | None:
    """A member's place in the queue."""
    return next((each for each in await list_queue(transaction, row) if each.member_id == member.id), None)


async def join_queue(transaction: Transaction, row: Editable, member: Member, lease: int) -> Waiting:
    """Wait for a row with the page that is being opened; who waits already keeps the place.

    Raises NoCredential for who has neither session nor token.
    """
    waiting = await find_waiting(transaction, row, member)
    return await write_waiting(transaction, row, member, waiting, lease, pages=waiting.page + 1 if waiting else 1)


async def join_by_gateway(transaction: Transaction, row: Editable, member: Member, lease: int) -> bool:
    """Wait for a row through the gateway: however many tabs do so are one page. Whether the member had no place yet."""
    waiting = await find_waiting(transaction, row, member)
    pages = waiting.page + (not waiting.by_gateway) if waiting else 1
    await write_waiting(transaction, row, member, waiting, lease, pages=pages, by_gateway=True)
    return waiting is None or waiting.state == "missed"


async def write_waiting(
    transaction: Transaction,
    row: Editable,
    member: Member,
    waiting: Waiting | None,
    lease: int,
    *,
    pages: int,
    by_gateway: bool = False,
) -> Waiting:
    """Write that a member waits with so many pages, in the place that they have, if any.

    Who has missed the turn gets another place, with the pages that were in that one.
    """
    written: dict[str, Any] = {**credential_of(transaction.actor), "name": member.name, "role": member.role}
    written["page"], written["by_gateway"] = pages, by_gateway or (waiting is not None and waiting.by_gateway)
    written["until"] = await read_clock(transaction) + lease_within(transaction.actor, lease)
    if waiting is not None and waiting.state == "missed":
        await transaction.delete(waiting)
        waiting = None
    if waiting is None:
        waiting = Waiting(kind=row.kind_name, row_id=row.id, member_id=member.id, **written)
        await transaction.insert(waiting)
    else:
        await transaction.change(waiting, **written)
    return waiting


async def request_lock(transaction: Transaction, row: Editable, member: Member, lease: int) -> bool:
    """Ask whoever edits to hand over. False for who has asked already and got no answer yet: that counts once.

    Who does not wait yet does from now on, with the page that is opened next.
    """
    waiting = await find_waiting(transaction, row, member)
    if waiting is None or waiting.state == "missed":
        pages = waiting.page if waiting else 0
        waiting = await write_waiting(transaction, row, member, waiting, lease, pages=pages)
    if waiting.asked_at is not None and not waiting.kept:
        return False
    await transaction.change(waiting, asked_at=await read_clock(transaction), kept=False, unanswered=False)
    if row.lock_member_id is not None:
        asked = LockAsked(
            by=transaction.acting(member.id),
            kind=row.kind_name,
            row_id=row.id,
            member_id=member.id,
            program=waiting.program,
            holder_id=row.lock_member_id,
            waiting_id=waiting.id,
            address=(await find_row_places(transaction, [row]))[row].address,
        )
        transaction.note(asked)
    return True


async def refuse_request(transaction: Transaction, row: Editable, waiting_id: int) -> bool:
    """Answer somebody who asked: not now. False when nobody did."""
    return await change_waiting(transaction, REFUSE_REQUEST, row, waiting_id=waiting_id)


async def keep_waiting(transaction: Transaction, row: Editable, member: Member, lease: int) -> bool:
    """Go on waiting with an open page. False when the member waits no more."""
    within = lease_within(transaction.actor, lease)
    return await change_waiting(transaction, KEEP_WAITING, row, of_member=member.id, lease=within)


async def leave_queue(transaction: Transaction, row: Editable, member: Member) -> bool:
    """Stop waiting with all pages. False when nobody did."""
    return await change_waiting(transaction, LEAVE, row, of_member=member.id)


async def leave_page(transaction: Transaction, row: Editable, member: Member) -> bool:
    """Stop waiting with one of the pages. True when that was the last one: then the member waits no more."""
    if await change_waiting(transaction, LEAVE_PAGE, row, of_member=member.id):
        return False
    return await leave_queue(transaction, row, member)


async def leave_by_gateway(transaction: Transaction, row: Editable, member: Member) -> bool:
    """Stop waiting through the gateway. True when no page waits, either: then the member waits no more."""
    if not await change_waiting(transaction, LEAVE_GATEWAY, row, of_member=member.id):
        return False
    return await leave_page(transaction, row, member)


async def leave_queues(transaction: Transaction, whom: Sequence[tuple[Editable, int]]) -> None:
    """Members, by their ids, wait no more for rows."""
    for kind in {row.kind_name for row, _ in whom}:
        pairs = [(row.id, member_id) for row, member_id in whom if row.kind_name == kind]
        statement = delete(Waiting).where(Waiting.kind == kind, tuple_(Waiting.row_id, Waiting.member_id).in_(pairs))
        await transaction.execute(statement)


async def leave_with_credentials(
    transaction: Transaction, ended: Mapping[str, Sequence[int]]
) -> list[tuple[str, int, int]]:
    """Stop waiting with the pages of `sessions`, and the `programs` of tokens, that end; the kind and id of each row,
    and the member."""
    found = await transaction.apply(LEAVE_WITH_CREDENTIALS, **ended)
    return sorted((kind, row_id, member_id) for kind, row_id, member_id in found.rows)


async def leave_all(transaction: Transaction, rows: Sequence[tuple[str, int]]) -> None:
    """Nobody waits for rows any more, by their kinds and ids: they are gone."""
    for kind in {kind for kind, _ in rows}:
        ids = [row_id for each, row_id in rows if each == kind]
        await transaction.apply(LEAVE_ALL, of_kind=kind, of_rows=ids)


async def drop_gone(transaction: Transaction, *rows: Editable) -> bool:
    """Take out those whose pages have gone, of rows of a kind. False when nobody was."""
    return await change_waiting(transaction, DROP_GONE, *rows) if rows else False


@sweeps(Waiting)
async def delete_gone(transaction: Transaction, limit: int) -> int:
    """Take out those whose pages went while nobody had a page open in the workspace; the watch is for the others."""
    clock = lease_clock()
    return await delete_by_keys(
        transaction, Waiting, or_(Waiting.until <= clock - LEFT_FOR, Waiting.until > clock + LEFT_FOR), limit=limit
    )


async def note_unanswered(transaction: Transaction, row: Editable) -> bool:
    """Note the requests whose time for an answer is over. False when there is none."""
    return await change_waiting(transaction, NOTE_UNANSWERED, row)


async def find_following(
    transaction: Transaction, rows: Sequence[Editable], receiver: Waiting | None = None
) -> dict[Editable, Waiting]:
    """Who is next in line for rows that nobody holds any more, as far as somebody waits; or the receiver given.

    Those whose pages have gone are taken out, and what was asked of the holders is forgotten.
    """
    queues: Mapping[Editable, Sequence[Waiting]] = {row: [receiver] for row in rows if receiver}
    if receiver is None:
        queues = await list_queues(transaction, rows)
    if not any(queues.values()):
        return {}
    gone = await drop_gone(transaction, *rows)
    await forget_requests(transaction, *rows)
    if gone and receiver is None:
        queues = await list_queues(transaction, rows)
    waits = {row: [each for each in queue if each.state == "waiting"] for row, queue in queues.items()}
    return {row: queue[0] for row, queue in waits.items() if queue}


async def forget_requests(transaction: Transaction, *rows: Editable) -> None:
    """Forget what was asked of the holders of rows of a kind, who hold them no more."""
    if rows:
        await change_waiting(transaction, FORGET_REQUESTS, *rows)
