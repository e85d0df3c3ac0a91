"""Collections are archived, and deleted: both take from everybody what they may do there, and give it back.

An archived one can be read. A deleted one is in the bin of collections for 30 days, as it was; then a sweep forgets it
with its records, and what is told and known of those goes as it does with any record.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Literal

from litestar.exceptions import NotFoundException
from sqlalchemy import bindparam, delete, exists, func, or_, select

from app.accounts.members import Member
from app.accounts.rights import require
from app.database import PreparedSelect, Transaction, now
from app.editing.drafts import Draft
from app.editing.lock_statements import is_held
from app.folding import fold
from app.jobs.sweeps import sweeps
from app.records.access import forget_access
from app.records.access_facts import CollectionClosed
from app.records.collections import LIST_COLLECTION_NAMES, Collection
from app.records.deleting import forget_records
from app.records.facts import DefinitionsForgotten
from app.records.files import RecordFile
from app.records.new_drafts import KIND as NEW_RECORD
from app.records.records import Record

COLLECTION_KEPT_FOR = timedelta(days=30)
# Of those who edit records of a collection, how many are looked for.
MOST_EDITORS = 500


async def archive_collection(
    transaction: Transaction, collection: Collection, member: Member, *, archived: bool
) -> None:
    """Let a collection be read alone, by everybody, or open it again. What is typed and not saved stays as drafts."""
    require(member, "manage", "collections")
    if archived == (collection.archived_at is not None):
        return
    collection.archived_at = now() if archived else None
    await note_closed(transaction, collection, member, "archived" if archived else "opened")


async def delete_collection(transaction: Transaction, collection: Collection, member: Member) -> None:
    """Put a collection into the bin, with all that it has. Nobody sees anything of it any more."""
    require(member, "manage", "collections")
    if collection.deleted_at is not None:
        return
    collection.deleted_at = now()
    await note_closed(transaction, collection, member, "deleted")


async def restore_collection(transaction: Transaction, collection: Collection, member: Member) -> None:
    """Take a collection out of the bin, as it was. One that is called as another now gets a number."""
    require(member, "manage", "collections")
    if collection.deleted_at is None:
        return
    taken = {fold(name) for _, name in await transaction.rows(LIST_COLLECTION_NAMES)}
    base = collection.name
    names = (base, *(f"{base[:54]} ({n})" for n in range(2, len(taken) + 3)))
    collection.name = next(name for name in names if fold(name) not in taken)
    collection.deleted_at = None
    await note_closed(transaction, collection, member, "restored")


async def note_closed(
    transaction: Transaction,
    collection: Collection,
    member: Member,
    what: Literal["archived", "opened", "deleted", "restored"],
) -> None:
    """Note what has become of a collection. Who may do what in it is asked anew."""
    await transaction.flush()
    forget_access(transaction)
    transaction.keep(collection)
    by = transaction.acting(member.id)
    transaction.note(
        CollectionClosed(by=by, collection_id=collection.id, slug=collection.slug, what=what, name=collection.name)
    )


LIST_BINNED = PreparedSelect(
    lambda: (
        select(Collection)
        .where(Collection.deleted_at > bindparam("since"))
        .order_by(Collection.deleted_at.desc(), Collection.id)
    )
)
FIND_ANY = PreparedSelect(
    lambda: select(Collection).where(
        Collection.slug == bindparam("slug"),
        or_(Collection.deleted_at.is_(None), Collection.deleted_at > bindparam("since")),
    )
)


async def list_binned(transaction: Transaction) -> Sequence[Collection]:
    """The collections in the bin that can be restored, those deleted last first."""
    return await transaction.column(LIST_BINNED, since=now() - COLLECTION_KEPT_FOR)


async def get_any_collection(transaction: Transaction, slug: str) -> Collection:
    """A collection by its address, in the bin or not. Raises NotFoundException."""
    found = await transaction.find(FIND_ANY, slug=slug, since=now() - COLLECTION_KEPT_FOR)
    if found is None:
        raise NotFoundException
    return found[0]


COUNT_RECORDS = PreparedSelect(
    lambda: select(func.count(Record.id)).where(Record.collection_id == bindparam("collection_id"))
)


async def count_all_records(transaction: Transaction, collection: Collection) -> int:
    """How many records a collection has, also those in its bin."""
    return await transaction.value(COUNT_RECORDS, collection_id=collection.id) or 0


LIST_EDITING = PreparedSelect(
    lambda: (
        select(Record.lock_name)
        .where(Record.collection_id == bindparam("collection_id"), is_held(Record), ~Record.lock_offered)
        .distinct()
        .limit(MOST_EDITORS)
    )
)
LIST_ADDING = PreparedSelect(
    lambda: (
        select(Member.name)
        .join(Draft, (Draft.member_id == Member.id) & (Draft.tenant_id == Member.tenant_id))
        .where(Draft.kind == NEW_RECORD, Draft.row_id == bindparam("collection_id"), Draft.values.is_not(None))
        .limit(MOST_EDITORS)
    )
)


async def list_editors(transaction: Transaction, collection: Collection) -> list[str]:
    """The names of those who edit a record of a collection right now, or add one and have not saved it; in their
    order."""
    names = {name for name in await transaction.column(LIST_EDITING, collection_id=collection.id) if name}
    names |= set(await transaction.column(LIST_ADDING, collection_id=collection.id))
    return sorted(names, key=fold)


@sweeps(Collection)
async def forget_collections(transaction: Transaction, limit: int) -> int:
    """Delete for good what has been in the bin for 30 days: its records, some at a time, then the rest. Open pages of
    the bin follow.

    Files are swept by themselves, before the rest goes.
    """
    there = exists().where(Record.collection_id == Collection.id, Record.tenant_id == Collection.tenant_id)
    filed = exists().where(RecordFile.collection_id == Collection.id, RecordFile.tenant_id == Collection.tenant_id)
    over = select(Collection.id).where(Collection.deleted_at < now() - COLLECTION_KEPT_FOR, or_(there, ~filed))
    collection_id = await transaction.scalar(over.order_by(Collection.id).limit(1))
    if collection_id is None:
        return 0
    forgotten = (collection_id,)
    transaction.note(DefinitionsForgotten(by=transaction.actor, what="collections", collection_ids=forgotten))
    if await forget_records(transaction, Record.collection_id == collection_id, limit=limit):
        return limit  # the next round takes more of them, or the rest
    for statement in (
        delete(Draft).where(Draft.kind == NEW_RECORD, Draft.row_id == collection_id),
        delete(Collection).where(Collection.id == collection_id),
    ):
        await transaction.execute(statement)
    return limit  # there may be another
