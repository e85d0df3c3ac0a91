"""What the home page shows of editing: turns, what a member has typed and not saved, and what others edit."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import bindparam, select

from app.accounts.access import AnyRequest
from app.accounts.home import WAITING_SHOWN, Waits, home_part, waits
from app.accounts.members import Member
from app.database import PreparedSelect, Transaction
from app.editing.channels import edited_section
from app.editing.drafts import list_own_drafts
from app.editing.row_places import EDITABLE_KINDS, find_row_places, list_readable_rows
from app.editing.rows import Editable
from app.editing.waiting_rows import Waiting
from app.web.texts import _l

LIST_OWN_WAITING = PreparedSelect(
    lambda: (
        select(Waiting.kind, Waiting.row_id, Waiting.since)
        .where(Waiting.member_id == bindparam("member_id"), Waiting.state != "missed", Waiting.program_id.is_(None))
        .order_by(Waiting.id)
        .limit(WAITING_SHOWN)
    )
)

home_part("editing/_home_edited.html", place="side", order=30)(edited_section)


async def find_own_rows(
    transaction: Transaction, things: Sequence[tuple[str, int, datetime]]
) -> dict[tuple[str, int], Editable]:
    """The rows of drafts and of places in line, by kind and id."""
    rows: dict[tuple[str, int], Editable] = {}
    for name, kind in EDITABLE_KINDS.items():
        if ids := {row_id for other, row_id, _ in things if other == name}:
            found = await transaction.find_all(kind.model, ids)
            rows |= {(name, row_id): row for row_id, row in found.items()}
    return rows


@waits(order=10)
async def list_turns_and_drafts(request: AnyRequest, transaction: Transaction, member: Member) -> list[Waits]:
    """The rows that it is a member's turn to edit, those that they wait for themselves, and those with a draft of
    theirs."""
    waiting = await transaction.rows(LIST_OWN_WAITING, member_id=member.id)
    drafts = await list_own_drafts(transaction, member)
    rows = await find_own_rows(transaction, [*waiting, *drafts])
    if not rows:
        return []
    places = await find_row_places(transaction, await list_readable_rows(transaction, member, rows.values()))
    listed: list[Waits] = []
    for things, is_draft in ((waiting, False), (drafts, True)):
        for kind, row_id, since in things:
            row = rows.get((kind, row_id))
            place = places.get(row) if row is not None else None
            if row is None or place is None or place.gone:
                continue
            if is_draft:
                listed.append(Waits("pencil", place.title, place.address, _l("Draft, not saved yet"), since))
            elif row.lock_offered and row.lock_member_id == member.id:
                listed.append(Waits("pencil", place.title, f"{place.address}/edit", _l("It's your turn to edit")))
            else:
                listed.append(Waits("clock", place.title, place.address, _l("You are in line to edit this"), since))
    return listed
