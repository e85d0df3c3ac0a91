"""What somebody has typed of a record that is not added yet, kept for them alone: one draft for each collection."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import select

from app.accounts.members import Member
from app.database import Transaction, now
from app.editing.drafts import Draft
from app.records.collections import Collection

# Beside the kinds of rows, whose drafts are of a row's id. This one is of the collection's.
KIND = "new record"


async def find_any_new_draft(transaction: Transaction, collection: Collection, member: Member) -> Draft | None:
    """The member's draft for a collection; without values when it was settled."""
    statement = select(Draft).where(Draft.kind == KIND, Draft.row_id == collection.id, Draft.member_id == member.id)
    return (await transaction.scalars(statement)).one_or_none()


async def keep_new_draft(
    transaction: Transaction,
    collection: Collection,
    member: Member,
    values: Mapping[str, str],
    *,
    version: int,
) -> int | None:
    """Keep what was typed over the version of the draft that the page had; return the version to go on with.

    None when another page of this member has gone on since: nothing was kept.
    """
    draft = await find_any_new_draft(transaction, collection, member)
    current = 0 if draft is None else draft.version
    if draft is not None and draft.values == dict(values):
        return current
    if version != current:
        return None
    if draft is None:
        draft = Draft(kind=KIND, row_id=collection.id, member_id=member.id, token=0)
        transaction.add(draft)
    draft.version, draft.values, draft.typed_at = current + 1, dict(values), now()
    await transaction.flush()
    return draft.version


async def find_settled(transaction: Transaction, collection: Collection, member: Member) -> int:
    """The version of the draft if it was saved or discarded, and no page has begun another; else 0."""
    draft = await find_any_new_draft(transaction, collection, member)
    return draft.version if draft is not None and draft.values is None else 0


async def settle_new_draft(
    transaction: Transaction,
    collection: Collection,
    member: Member,
    *,
    version: int | None = None,
    values: Mapping[str, str] | None = None,
) -> None:
    """The draft was saved or discarded. With a version, only if no other page has gone on since, or with these values.

    It stays as a mark, so that what was sent before and arrives later does not bring it back.
    """
    draft = await find_any_new_draft(transaction, collection, member)
    if draft is not None and draft.values is not None and (version in (None, draft.version) or draft.values == values):
        draft.version, draft.values, draft.typed_at = draft.version + 1, None, now()
        await transaction.flush()
