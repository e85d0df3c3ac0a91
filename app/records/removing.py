"""Fields that are taken out: in the bin of their collection for 30 days, with their values, and taken out of it again.

Records keep the values of a field in the bin, whatever else of them is changed (`write_record`), but nobody sees them.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import Select, bindparam, exists, func, select
from sqlalchemy.orm import aliased

from app.accounts.members import Member
from app.database import PreparedSelect, Transaction, now
from app.editing.drafts import Draft
from app.editing.lock_statements import is_held
from app.folding import fold
from app.jobs.sweeps import delete_by_keys, sweeps
from app.records.access import require_open
from app.records.collections import Collection
from app.records.definitions import advance_definition, facts_of_change, refuse_while_becoming
from app.records.facts import DefinitionsForgotten, FieldRemoved, FieldRestored
from app.records.field_places import end_ordering
from app.records.fields import MOST_FIELDS, REMOVED_IS_KEPT_FOR, Field, forget_fields, list_fields
from app.records.key_writing import fill_keys_soon, set_unique
from app.records.keys import FORGET_KEYS_OF_FIELD, RecordKey
from app.records.new_drafts import KIND as NEW_RECORD
from app.records.records import Record, value_in
from app.records.reindexing import reindex_soon
from app.web.forms import Invalid
from app.web.texts import _l

# Of more drafts than these, who typed them is not looked for.
MOST_DRAFTS_READ = 500


COUNT_VALUES = PreparedSelect(
    lambda: select(func.count(Record.id)).where(
        Record.collection_id == bindparam("collection_id"), value_in(Record.values) != ""
    )
)


async def count_values(transaction: Transaction, field: Field) -> int:
    """How many records have a value in a field, also those in the bin, which can be restored."""
    return await transaction.value(COUNT_VALUES, collection_id=field.collection_id, ref=field.ref) or 0


def select_typed() -> Select[str, str]:
    """Select who has typed what into a field."""
    typed = value_in(Draft.values)
    named = select(Member.name, typed).join(
        Member, (Member.id == Draft.member_id) & (Member.tenant_id == Draft.tenant_id)
    )
    return named.where(Draft.values.is_not(None), typed != "").limit(MOST_DRAFTS_READ)


LIST_TYPED = PreparedSelect(
    lambda: (
        select_typed()
        .add_columns(value_in(Record.values))
        .join(Record, (Record.id == Draft.row_id) & (Record.tenant_id == Draft.tenant_id))
        .where(Draft.kind == Record.kind_name, Record.collection_id == bindparam("collection_id"))
    )
)
LIST_TYPED_NEW = PreparedSelect(
    lambda: select_typed().where(Draft.kind == NEW_RECORD, Draft.row_id == bindparam("collection_id"))
)
LIST_EDITING_VALUES = PreparedSelect(
    lambda: (
        select(Record.lock_name)
        .where(
            Record.collection_id == bindparam("collection_id"),
            is_held(Record),
            ~Record.lock_offered,
            value_in(Record.values) != "",
        )
        .distinct()
        .limit(MOST_DRAFTS_READ)
    )
)


async def list_typing(transaction: Transaction, collection: Collection, field: Field) -> list[str]:
    """The names of those who have typed something into a field and not saved it, or edit a record with a value in it
    right now; in their order."""
    about: dict[str, Any] = {"collection_id": collection.id, "ref": field.ref}
    of_records = await transaction.rows(LIST_TYPED, **about)
    names = {name for name, text, value in of_records if text != field.write(value or "")}
    of_new = await transaction.rows(LIST_TYPED_NEW, **about)
    names |= {name for name, text in of_new if text != field.write(field.default)}
    names |= {name for name in await transaction.column(LIST_EDITING_VALUES, **about) if name}
    return sorted(names, key=fold)


async def remove_field(transaction: Transaction, collection: Collection, field: Field, member: Member) -> None:
    """Put a field into the bin. Its values stay, but are shown no more. Who types into it is told.

    Where its values are unique they keep their keys, so that it comes back as it was; others are forgotten by a job.

    Raises Invalid for the last field, as a record must be called something.
    """
    require_open(member, collection)
    await refuse_while_becoming(transaction, collection, field)
    if len(await list_fields(transaction, collection)) == 1:
        raise Invalid(label=_l("A collection needs at least one field."))
    field.removed_at, field.keyed = now(), field.unique
    await end_ordering(transaction, collection)
    advance_definition(collection, field, member.id)
    await transaction.flush()
    forget_fields(transaction, collection.id)
    await reindex_soon(transaction, collection.id)  # its values are found no more, and its keys forgotten
    about = await facts_of_change(transaction, collection, field, member)
    transaction.note(FieldRemoved(**about, label=field.label, collection=collection.name))


async def restore_field(transaction: Transaction, collection: Collection, field: Field, member: Member) -> bool:
    """Take a field out of the bin, with its values, which are searched and sorted anew. False when they were to be
    unique, and are not any more.

    Raises Invalid when there are as many fields as there can be. One that is called as another now gets a number.
    """
    require_open(member, collection)
    fields = await list_fields(transaction, collection)
    if len(fields) >= MOST_FIELDS:
        raise Invalid(**{"": _l("A collection can have at most %(number)d fields.", number=MOST_FIELDS)})
    labels = {fold(other.label) for other in fields}
    base = field.label
    names = (base, *(f"{base[:54]} ({n})" for n in range(2, len(labels) + 3)))
    field.label = next(name for name in names if fold(name) not in labels)
    field.removed_at = None
    await end_ordering(transaction, collection)
    advance_definition(collection, field, member.id)
    await transaction.flush()
    forget_fields(transaction, collection.id)
    kept = True
    if field.unique and not field.keyed:  # two may have the same by now, or an earlier version has forgotten its keys
        await transaction.apply(FORGET_KEYS_OF_FIELD, field_id=field.id)
        try:
            await set_unique(transaction, field)
        except Invalid:
            field.unique = kept = False
    await fill_keys_soon(transaction, collection, field)  # those who were added meanwhile have none
    await reindex_soon(transaction, collection.id)
    about = await facts_of_change(transaction, collection, field, member)
    transaction.note(FieldRestored(**about, label=field.label, collection=collection.name))
    return kept


@sweeps(Field)
async def delete_removed_fields(transaction: Transaction, limit: int) -> int:
    """Forget the fields that were removed more than 30 days ago, but those that one which is there has replaced: the
    history of records has values of them. Open pages that offer to restore them follow.
    """
    newer = aliased(Field)
    over = (
        Field.removed_at < now() - REMOVED_IS_KEPT_FOR,
        ~exists().where(newer.tenant_id == Field.tenant_id, newer.replaces == Field.id),
    )
    found = (await transaction.execute(select(Field.id, Field.collection_id).where(*over).limit(limit))).all()
    ids = [row.id for row in found]
    if not ids:
        return 0
    of_them = RecordKey.field_id.in_(ids)
    if await delete_by_keys(transaction, RecordKey, of_them, limit=limit, order_by=RecordKey.sort_key) >= limit:
        return limit  # the next round takes more of their keys, or the fields
    collection_ids = tuple(sorted({row.collection_id for row in found}))
    transaction.note(DefinitionsForgotten(by=transaction.actor, what="fields", collection_ids=collection_ids))
    return await delete_by_keys(transaction, Field, Field.id.in_(ids), limit=limit)
