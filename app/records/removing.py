"""Fields that are taken out: in the bin of their collection for 30 days, with their values, and taken out of it again.

Records keep the values of a field in the bin, whatever else of them is changed (`write_record`), but nobody sees them.
"""

from __future__ import annotations

from sqlalchemy import delete, exists, func, select
from sqlalchemy.orm import aliased

from app.accounts.members import Member
from app.database import Transaction, now
from app.editing.drafts import Draft
from app.editing.lock_statements import is_held
from app.jobs.sweeps import delete_by_keys, sweeps
from app.records.access import require_open
from app.records.collections import Collection
from app.records.definitions import advance_definition, fill_keys, refuse_while_becoming, set_unique
from app.records.facts import FieldRemoved, FieldRestored
from app.records.fields import MOST_FIELDS, REMOVED_IS_KEPT_FOR, Field, forget_fields, list_fields
from app.records.keys import RecordKey
from app.records.new_drafts import KIND as NEW_RECORD
from app.records.records import Record
from app.records.reindexing import reindex_soon
from app.web.forms import Invalid
from app.web.texts import _l, fold

# Of more drafts than these, who typed them is not looked for.
MOST_DRAFTS_READ = 500


async def count_values(transaction: Transaction, field: Field) -> int:
    """How many records have a value in a field, also those in the bin, which can be restored."""
    statement = select(func.count(Record.id)).where(
        Record.collection_id == field.collection_id,
        Record.values[field.ref].as_string() != "",
    )
    return await transaction.scalar(statement) or 0


async def list_typing(transaction: Transaction, collection: Collection, field: Field) -> list[str]:
    """The names of those who have typed something into a field and not saved it, or edit a record with a value in it
    right now; in their order."""
    typed, saved = Draft.values[field.ref].as_string(), Record.values[field.ref].as_string()
    drafts = select(Member.name, typed).join(
        Member, (Member.id == Draft.member_id) & (Member.tenant_id == Draft.tenant_id)
    )
    drafts = drafts.where(Draft.values.is_not(None), typed != "").limit(MOST_DRAFTS_READ)
    of_records = drafts.add_columns(saved).join(
        Record, (Record.id == Draft.row_id) & (Record.tenant_id == Draft.tenant_id)
    )
    of_records = of_records.where(Draft.kind == Record.kind_name, Record.collection_id == collection.id)
    of_new = drafts.where(Draft.kind == NEW_RECORD, Draft.row_id == collection.id)
    editing = select(Record.lock_name).where(
        Record.collection_id == collection.id, is_held(Record), ~Record.lock_offered, saved != ""
    )
    names = {name for name, text, value in await transaction.execute(of_records) if text != field.write(value or "")}
    names |= {name for name, text in await transaction.execute(of_new) if text != field.write(field.default)}
    names |= {name for name in await transaction.scalars(editing.distinct().limit(MOST_DRAFTS_READ)) if name}
    return sorted(names, key=fold)


async def remove_field(transaction: Transaction, collection: Collection, field: Field, member: Member) -> None:
    """Put a field into the bin. Its values stay, but are shown no more. Who types into it is told.

    Raises Invalid for the last field, as a record must be called something.
    """
    require_open(member, collection)
    await refuse_while_becoming(transaction, collection, field)
    if len(await list_fields(transaction, collection)) == 1:
        raise Invalid(label=_l("A collection keeps at least one field."))
    field.removed_at = now()
    advance_definition(collection, field)
    await transaction.flush()
    forget_fields(transaction, collection.id)
    await transaction.execute(delete(RecordKey).where(RecordKey.field_id == field.id))
    await reindex_soon(transaction, collection.id)  # its values are found no more
    by = transaction.acting(member.id)
    transaction.note(FieldRemoved(by=by, collection_id=collection.id, label=field.label, collection=collection.name))


async def restore_field(transaction: Transaction, collection: Collection, field: Field, member: Member) -> bool:
    """Take a field out of the bin, with its values, which are searched and sorted anew. False when they were to be
    unique, and are not any more.

    Raises Invalid when there are as many fields as there can be. One that is called as another now gets a number.
    """
    require_open(member, collection)
    fields = await list_fields(transaction, collection)
    if len(fields) >= MOST_FIELDS:
        raise Invalid(**{"": _l("A collection has at most %(number)d fields.", number=MOST_FIELDS)})
    labels = {fold(other.label) for other in fields}
    base = field.label
    names = (base, *(f"{base[:54]} ({n})" for n in range(2, len(labels) + 3)))
    field.label = next(name for name in names if fold(name) not in labels)
    field.removed_at = None
    advance_definition(collection, field)
    await transaction.flush()
    forget_fields(transaction, collection.id)
    await fill_keys(transaction, field)
    kept = True
    if field.unique:
        try:
            await set_unique(transaction, field, unique=True)
        except Invalid:
            field.unique = kept = False
            await transaction.flush()
    await reindex_soon(transaction, collection.id)
    by = transaction.acting(member.id)
    transaction.note(FieldRestored(by=by, collection_id=collection.id, label=field.label, collection=collection.name))
    return kept


@sweeps(Field)
async def delete_removed_fields(transaction: Transaction, limit: int) -> int:
    """Forget the fields that were removed more than 30 days ago, but those that one which is there has replaced: the
    history of records has values of them.

    The newest stays: no other field may get its id, under which records may have values still.
    """
    newer = aliased(Field)
    over = (
        Field.removed_at < now() - REMOVED_IS_KEPT_FOR,
        ~exists().where(newer.tenant_id == Field.tenant_id, newer.replaces == Field.id),
        Field.id < select(func.max(newer.id)).scalar_subquery(),
    )
    return await delete_by_keys(transaction, Field, *over, limit=limit)
