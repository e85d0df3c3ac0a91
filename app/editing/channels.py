"""What editing pushes: who edits, to everybody who sees the row; turns and requests, to those whom they concern."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import delete, select, tuple_

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.rights import may
from app.accounts.shell import sidebar_section
from app.database import Partial, Tenant, Transaction, now
from app.editing.drafts import DRAFT_KEPT_FOR, Draft, Drafts, list_drafts
from app.editing.facts import LockChanged, LockTakenOver
from app.editing.pushes import DraftEnd, RowStandings, push_draft_end
from app.editing.rights import is_over_lock
from app.editing.row_places import EDITABLE_KINDS, EDITED, RowPlace, find_row_places
from app.editing.rows import Editable, read_clock
from app.editing.waiting import list_queues
from app.editing.waiting_rows import ANSWER_WITHIN, Waiting
from app.jobs.sweeps import sweeps
from app.live.log import publish_partial, refresh
from app.web.templates import make_partial

EDITED_SHOWN = 24
# Of a list in which more locks than this change at once, its pages fetch themselves anew.
MOST_SHOWN = 50


class Standing(Struct, frozen=True):
    """How one member stands to a row, as the member's own panel shows it.

    `position` is 1 for the next in line. The seconds are what is left of the member's turn, and of the time that the
    holder has to answer; who `takes_at_once` need not wait for that. `late_draft` is when a draft was typed that is of
    an older page than the one that edits now.
    """

    member_id: int
    waiting: Waiting | None
    position: int
    turn_left: int
    answer_left: int
    takes_at_once: bool
    draft_at: datetime | None
    late_draft: datetime | None


async def find_standing(transaction: Transaction, row: Editable, queue: Sequence[Waiting], member_id: int) -> Standing:
    """How a member stands to a row."""
    drafts = (await list_drafts(transaction, [row]))[row]
    timed = row.lock_offered or any(each.asked_at is not None for each in queue)
    (standing,) = list_standings(row, queue, drafts, await read_clock(transaction) if timed else 0, [member_id])
    return standing


def list_standings(
    row: Editable, queue: Sequence[Waiting], drafts: Drafts, clock: int, member_ids: Iterable[int]
) -> list[Standing]:
    """How members stand to a row with this queue and these drafts, by the database's clock."""
    waiting = {each.member_id: each for each in queue}
    positions = {each.member_id: n for n, each in enumerate((each for each in queue if each.state == "waiting"), 1)}
    standings = []
    for member_id in member_ids:
        called = row.lock_offered and row.lock_member_id == member_id
        asked_at = waiting[member_id].asked_at if member_id in waiting else None
        typed_at, token = drafts.get(member_id, (None, 0))
        standings.append(
            Standing(
                member_id,
                waiting.get(member_id),
                positions.get(member_id, 0),
                max(0, ((row.lock_until or 0) - clock) // 1000) if called else 0,
                0 if asked_at is None else max(0, ANSWER_WITHIN - (clock - asked_at) // 1000),
                member_id in waiting and is_over_lock(waiting[member_id].role, row.lock_role or "member"),
                typed_at,
                typed_at if token < row.lock_token else None,
            )
        )
    return standings


class RowShown(Struct):
    """What is shown of a row: to everybody when its lock has changed, by `fact`; and to those whom it concerns."""

    row: Editable
    place: RowPlace
    fact: LockChanged | None
    queue: Sequence[Waiting]
    standings: list[Standing]


class RowsShown(Struct, frozen=True):
    """What is shown of rows; and, if a lock has changed, of all that are edited now."""

    rows: list[RowShown]
    edited: list[tuple[Editable, RowPlace]] | None


async def read_rows(transaction: Transaction, things: Sequence[LockChanged | RowStandings]) -> RowsShown:
    """Read what is shown of rows, in a fixed number of statements for any number of them."""
    facts = [each for each in things if isinstance(each, LockChanged)]
    found = {
        (name, row_id): row
        for name, kind in EDITABLE_KINDS.items()
        for row_id, row in (
            await transaction.find_all(kind.model, [fact.row_id for fact in facts if fact.kind == name])
        ).items()
    }
    changed: dict[Editable, LockChanged] = {}
    concerned: dict[Editable, set[int]] = {}
    for each in things:
        if isinstance(each, RowStandings):
            concerned.setdefault(each.row, set()).update(each.concerned)
        elif row := found.get((each.kind, each.row_id)):
            concerned.setdefault(row, set()).add(each.member_id)
            if isinstance(each, LockTakenOver):
                concerned[row].add(each.holder_id)
            changed[row] = each
    rows = list(concerned)
    edited = await find_edited(transaction) if changed else []
    places = await find_row_places(transaction, [*rows, *edited])
    queues = await list_queues(transaction, rows)
    drafts = await list_drafts(transaction, rows)
    timed = any(row.lock_offered or any(each.asked_at is not None for each in queues[row]) for row in rows)
    clock = await read_clock(transaction) if timed else 0
    for row, members in concerned.items():
        members |= {each.member_id for each in queues[row]} | set(drafts[row])
        if row.lock_member_id is not None:
            members.add(row.lock_member_id)
    shown = [
        RowShown(
            row,
            places[row],
            changed.get(row),
            queues[row],
            list_standings(row, queues[row], drafts[row], clock, sorted(members)),
        )
        for row, members in concerned.items()
    ]
    return RowsShown(shown, [(row, places[row]) for row in edited] if changed else None)


def show_rows(tenant: Tenant, found: RowsShown) -> Iterator[Partial]:
    """Who edits rows, or that they are free, to whoever sees them; and to each person how they stand to them.

    Of a list in which many locks have changed at once, its pages and those of its rows fetch themselves anew.
    """
    lists = Counter(each.place.list_channel for each in found.rows if each.fact)
    for list_channel, count in lists.items():
        if count > MOST_SHOWN:
            yield refresh(tenant, list_channel)
    for each in found.rows:
        place = each.place
        shown: dict[str, Any] = {"row": each.row, "place": place, "fact": each.fact}
        if each.fact and lists[place.list_channel] <= MOST_SHOWN:
            yield make_partial(tenant, place.channel, "editing/lock_push.html", **shown)
            yield make_partial(tenant, place.list_channel, "editing/mark_push.html", **shown)
        for standing in each.standings:
            own = {**shown, "standing": standing, "queue": each.queue}
            yield make_partial(tenant, f"user.{standing.member_id}", "editing/standing_push.html", **own)
    if found.edited is not None:
        yield make_partial(tenant, "tenant", "editing/edited_push.html", edited=found.edited)


def show_draft_ends(tenant: Tenant, showings: Sequence[DraftEnd]) -> Iterator[Partial]:
    """What has become of drafts of things that were not added yet, to whoever goes on with them."""
    for each in showings:
        shown: dict[str, Any] = {"begun": each.begun, "made": each.made}
        yield make_partial(tenant, f"user.{each.member_id}", "editing/draft_end_push.html", **shown)


@sweeps(Draft)
async def delete_old_drafts(transaction: Transaction, limit: int) -> int:
    """Delete what was typed long ago and not saved; pages that say so follow."""
    key = Draft.kind, Draft.row_id, Draft.member_id
    old = select(*key).where(Draft.typed_at < now() - DRAFT_KEPT_FOR).order_by(Draft.typed_at).limit(limit)
    statement = delete(Draft).where(tuple_(*key).in_(old)).returning(*key, Draft.values.is_not(None), Draft.begun_form)
    found = (await transaction.execute(statement)).all()
    for kind, row_id, member_id, shown, begun in found:
        if shown and begun:
            push_draft_end(transaction, member_id, begun)
        elif shown:
            target = f"{kind}-{row_id}-standing"
            publish_partial(transaction, f"user.{member_id}", "live/refresh_push.html", target=target)
    return len(found)


async def find_edited(transaction: Transaction) -> list[Editable]:
    """The rows that somebody edits now, of those that everybody may read who belongs to the whole workspace."""
    return [row for list_edited in EDITED.values() for row in await list_edited(transaction, EDITED_SHOWN)]


@sidebar_section("editing/_edited.html", order=95)
async def edited_section(request: AnyRequest, transaction: Transaction, member: Member) -> dict[str, object]:
    """What is being edited now, and by whom; guests see that on records' own pages alone."""
    if not may(member, "follow", "tenant"):
        return {"edited": []}
    key = edited_section  # a page may show it beside its sidebar, too
    if key not in transaction.info or transaction.writes:
        transaction.info[key] = list((await find_row_places(transaction, await find_edited(transaction))).items())
    return {"edited": transaction.info[key]}
