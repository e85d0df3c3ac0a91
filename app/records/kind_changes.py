"""Changing the kind of a field. It becomes another field, with the values converted, and goes into the bin itself, with
its values as they were: so nothing is lost, the history can compare, and the change can be undone.

The new field is in the bin, too, until all of its values are there; where there are many, a job writes them by batches,
and what is changed meanwhile is changed through the old one.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from app.accounts.members import Member
from app.database import Transaction, now
from app.jobs.jobs import ClaimedJob, job, put_job
from app.jobs.steps import Steps
from app.records.access import require_open
from app.records.changed_fields import FieldChanged
from app.records.closing import count_all_records
from app.records.collections import Collection
from app.records.converting import Become, becoming, convert_batch
from app.records.definitions import advance_definition
from app.records.facts import FieldKindChanged, FieldsChanged
from app.records.field_places import end_ordering
from app.records.fields import REMOVED_IS_KEPT_FOR, Field, Fields, forget_fields, list_fields, prepare_fields
from app.records.former_values import list_refs
from app.records.key_writing import set_unique
from app.records.kind_chains import find_coming, find_replaced, find_undone
from app.records.kind_plans import plan_kind, take_place
from app.records.reindexing import reindex_soon
from app.web.forms import Invalid
from app.web.texts import _l

# How many records are converted at once; of a collection with no more, while its admin waits.
CONVERTED_AT_ONCE = 300
# How often those that were changed meanwhile are converted before the last step, in which nobody changes any.
MOST_ROUNDS = 10
# By how much the clocks of nodes may differ.
CLOCKS_DIFFER = timedelta(seconds=2)


async def change_kind(
    transaction: Transaction,
    collection: Collection,
    field: Field,
    member: Member,
    *,
    kind_name: str,
    options: Mapping[str, Any],
    version: int | None = None,
) -> bool:
    """Change the kind of a field. False when that goes on in a job.

    Raises Invalid when it can't be of that kind, and FieldChanged when it is not at the version that was seen.
    """
    require_open(member, collection)
    if version is not None and version != field.version:
        raise FieldChanged(field, member)
    new = await plan_kind(transaction, field, kind_name, options)
    return await replace_field(transaction, collection, field, new, member)


async def undo_kind_change(transaction: Transaction, collection: Collection, field: Field, member: Member) -> bool:
    """Let a field be again what it was before its kind was changed: each value as it was, but for those that somebody
    has changed since, which are converted back. False when that goes on in a job.

    Again, and it is what it was before the change before that. Raises Invalid when that was too long ago.
    """
    require_open(member, collection)
    old = find_replaced(await list_fields(transaction, collection), field)
    if old is None:
        raise Invalid(kind=_l("This can no longer be undone."))
    return await return_to(transaction, collection, field, old, member)


async def redo_kind_change(transaction: Transaction, collection: Collection, field: Field, member: Member) -> bool:
    """Let a field be again what it was before a change of its kind was undone, likewise.

    Raises Invalid where none was, or it was too long ago.
    """
    require_open(member, collection)
    old = find_undone(await list_fields(transaction, collection), field)
    if old is None:
        raise Invalid(kind=_l("There is nothing to redo."))
    return await return_to(transaction, collection, field, old, member)


async def return_to(transaction: Transaction, collection: Collection, field: Field, old: Field, member: Member) -> bool:
    """Let a field be what it was as an old one, with the values of that."""
    new = Field(collection_id=collection.id, kind_name=old.kind_name, choices=old.choices, options=old.options)
    await prepare_fields(transaction, [new])
    take_place(new, field)
    new.unique = old.unique
    new.default = old.default
    return await replace_field(transaction, collection, field, new, member, restores=old)


async def replace_field(
    transaction: Transaction,
    collection: Collection,
    field: Field,
    new: Field,
    member: Member,
    *,
    restores: Field | None = None,
) -> bool:
    """Put a new field into the place of one, at once or by a job; with what the one that it `restores` had."""
    fields = await list_fields(transaction, collection)
    if find_coming(fields, field):
        raise Invalid(kind=_l("Its type is already being changed."))
    new.key, new.replaces, new.removed_at, new.version = free_key(fields, field.key), field.id, now(), 0
    new.keyed, new.restores = False, restores.id if restores else None
    transaction.add(new)
    await transaction.flush()
    forget_fields(transaction, collection.id)
    count = await count_all_records(transaction, collection)
    become = becoming(field, new, restores)
    if count <= CONVERTED_AT_ONCE:
        await convert_batch(transaction, collection.id, new, become, 0, most=CONVERTED_AT_ONCE)
        await finish_change(transaction, collection, field, new, member.id)
        return True
    tenant_id = transaction.tenant.id
    await put_job(
        transaction,
        "records.convert",
        key=f"{tenant_id} {new.id}",
        workspace_id=tenant_id,
        collection=collection.id,
        field=new.id,
        member=member.id,
        restores=restores.id if restores else 0,
        since=now().isoformat(),
    )
    transaction.note(FieldsChanged(by=transaction.acting(member.id), collection_id=collection.id))
    return False


def free_key(fields: Fields, key: str) -> str:
    """A key for a field that is in the bin in another's place."""
    taken = {each.key for each in (*fields, *fields.removed)}
    return next(name for n in range(2, len(taken) + 3) if (name := f"{key[:34]}~{n}") not in taken)


async def finish_change(
    transaction: Transaction, collection: Collection, field: Field, new: Field, member_id: int
) -> None:
    """Let the new field be there, and the old one be in the bin."""
    fields = await list_fields(transaction, collection)
    key, field.key = field.key, free_key(fields, field.key)
    field.removed_at, new.removed_at = now(), None
    field.keyed, new.keyed = False, True
    new.position = field.position  # others may have been moved meanwhile
    await transaction.flush()
    new.key = key
    advance_definition(collection, field, member_id)
    new.version, new.changed_by = field.version, field.changed_by
    await end_ordering(transaction, collection)
    await transaction.flush()
    forget_fields(transaction, collection.id)
    if new.unique:
        try:
            await set_unique(transaction, new)
        except Invalid:
            new.unique = False
            await transaction.flush()
    await reindex_soon(transaction, collection.id)  # which forgets the keys of the one that was there, too
    fields = await list_fields(transaction, collection)
    transaction.note(
        FieldKindChanged(
            by=transaction.acting(member_id),
            collection_id=collection.id,
            refs=list_refs(fields, new),
            label=new.label,
            before=field.kind_name,
            after=new.kind_name,
        )
    )


async def find_change(transaction: Transaction, payload: Mapping[str, Any]) -> tuple[Field, Field, Become] | None:
    """The old and the new field of a change that is under way, and what becomes of values; None when it is no more."""
    collection = await transaction.get(Collection, payload["collection"])
    fields = await list_fields(transaction, collection) if collection else Fields()
    new = next((each for each in fields.removed if each.id == payload["field"]), None)
    field = next((each for each in fields if new is not None and each.id == new.replaces), None)
    if new is None or field is None:
        return None
    restores = next((each for each in fields.removed if each.id == payload["restores"]), None)
    return field, new, becoming(field, new, restores)


@job("records.convert", seconds=120)
async def convert_records(claimed: ClaimedJob) -> None:
    """Convert the values, step by step; then those once more that were changed meanwhile, as long as these are many."""
    collection_id: int = claimed.payload["collection"]
    steps = Steps(most=CONVERTED_AT_ONCE)
    since, changed = datetime.fromisoformat(claimed.payload["since"]), CONVERTED_AT_ONCE
    begun, _ = await convert_all(claimed, steps, None)
    for _ in range(MOST_ROUNDS):
        if begun is None or changed < CONVERTED_AT_ONCE:
            break
        before, since = since, begun
        begun, changed = await convert_all(claimed, steps, before)
    async with claimed.finishing() as transaction:
        found = await find_change(transaction, claimed.payload)
        if found:
            field, new, become = found
            last: int | None = 0
            while last is not None:  # to look for them is to look at all records: once more only where it was cut off
                last, count = await convert_batch(
                    transaction, collection_id, new, become, last, most=CONVERTED_AT_ONCE, since=since
                )
                last = None if count < CONVERTED_AT_ONCE else last
            collection = await transaction.get_one(Collection, collection_id)
            await finish_change(transaction, collection, field, new, claimed.payload["member"])


async def convert_all(claimed: ClaimedJob, steps: Steps, since: datetime | None) -> tuple[datetime | None, int]:
    """Convert all records that were changed `since`. When it has begun, None where the change is no more, and how many
    it was."""
    collection_id: int = claimed.payload["collection"]
    begun, count = None, 0
    after: int | None = 0
    while after is not None:
        await claimed.keep()
        async with claimed.database.write(claimed.workspace_id) as transaction:
            begun = begun or now() - CLOCKS_DIFFER
            with steps.step():
                found = await find_change(transaction, claimed.payload)
                if found is None:
                    return None, count
                after, some = await convert_batch(
                    transaction, collection_id, *found[1:], after, most=steps.size, since=since
                )
                count += some
        await steps.pause()
    return begun, count


async def cancel_change(transaction: Transaction, collection: Collection, field: Field, member: Member) -> None:
    """Let a field stay what it is, though its kind was about to be changed. What there is of the new one is swept."""
    require_open(member, collection)
    coming = find_coming(await list_fields(transaction, collection), field)
    if coming is None:
        return
    coming.replaces = coming.restores = None
    coming.removed_at = now() - REMOVED_IS_KEPT_FOR
    await transaction.flush()
    await reindex_soon(transaction, collection.id)  # which forgets its keys
    forget_fields(transaction, collection.id)
    transaction.note(FieldsChanged(by=transaction.acting(member.id), collection_id=collection.id))
