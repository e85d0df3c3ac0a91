"""The definition of a collection: which fields there are, and what each allows. Each change raises its version."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import delete, func, select, update

from app.accounts.members import Member
from app.accounts.rights import require
from app.database import Transaction, now
from app.jobs.sweeps import delete_by_keys, sweeps
from app.records.collections import Collection, create_collection
from app.records.facts import CollectionAdded, FieldRemoved, FieldsChanged
from app.records.fields import MOST_FIELDS, RESERVED_KEYS, Field, forget_fields, list_fields, prepare_fields
from app.records.keys import RecordKey, unique_key
from app.records.kinds import FIELD_KINDS, FieldChoice
from app.records.kinds.choices import CHOICE_REFERENCE
from app.records.kinds.collation import LAST
from app.records.records import Record
from app.records.reindexing import reindex_soon
from app.web.forms import Invalid
from app.web.texts import Text, _l, fold

MOST_CHOICES = 100
MOST_OF_A_CHOICE = 60
CHOICE_COLORS = ("green", "amber", "blue", "grey", "red", "violet")
# What can be changed of a field.
CHANGED = ("label", "required", "unique", "help", "default", "choices", "options")
# As long as drafts are kept, which may have a text that was typed into it.
REMOVED_IS_KNOWN_FOR = timedelta(days=30)


async def add_collection(transaction: Transaction, member: Member, *, name: str, first: str) -> Collection:
    """Make a collection with a first field, which its records are called by.

    Raises Invalid when there is one at its address already.
    """
    require(member, "manage", "collections")
    collection = await create_collection(transaction, name=name)
    await add_field(transaction, collection, label=first, kind_name="text", required=True)
    transaction.note(CollectionAdded(by=transaction.acting(member.id), collection_id=collection.id, name=name))
    return collection


def name_choices(names: Sequence[str], before: Sequence[FieldChoice] = ()) -> list[FieldChoice]:
    """Choices by their names, in that order: those that are there already stay who they are, and the others are new.

    Those that are not named any more come last, and can't be chosen: records that have them keep them.
    """
    left = {fold(choice["name"]): choice for choice in before}
    last = max((choice["id"] for choice in before), default=0)
    named: list[FieldChoice] = []
    for name in dict.fromkeys(names):
        known = left.pop(fold(name), None)
        if known is None:
            last += 1
            color = CHOICE_COLORS[(last - 1) % len(CHOICE_COLORS)]
            known = FieldChoice(id=last, name=name, color=color, archived=False)
        named.append(known | {"name": name, "archived": False})
    return named + [choice | {"archived": True} for choice in left.values()]


def check_field(field: Field) -> None:
    """Raise Invalid unless it can be a field."""
    errors: dict[str, Text] = {}
    names = [choice["name"] for choice in field.choices if not choice["archived"]]
    if field.kind.has_choices and not names:
        errors["choices"] = _l("Write one choice on each line.")
    elif len(names) > MOST_CHOICES or any(len(name) > MOST_OF_A_CHOICE for name in names):
        errors["choices"] = _l("At most %(number)d choices of 60 characters.", number=MOST_CHOICES)
    elif any(CHOICE_REFERENCE.fullmatch(name) for name in names):
        errors["choices"] = _l("A choice can't be called # and a number.")
    elif len({fold(name) for name in names}) < len(names):
        errors["choices"] = _l("Two choices have the same name.")
    if field.unique and not field.kind.can_be_unique:
        errors["unique"] = _l("This kind of field can't be unique.")
    elif field.unique and field.default:
        errors["default"] = _l("A field whose values are unique can't have a default.")
    if errors:
        raise Invalid(**errors)


def describe_field(
    field: Field, *, default: str, choices: Sequence[str], options: Mapping[str, Any], **more: Any
) -> None:
    """Give a field what is known of it: its default as it is typed, its choices by name, and what its kind lets one
    choose. Raises Invalid."""
    for name, value in more.items():
        setattr(field, name, value)
    field.choices = name_choices(choices, field.choices or ()) if field.kind.has_choices else []
    field.options = dict(field.kind.check_options(options))
    field.default = default
    check_field(field)
    try:
        field.default = field.read(default)
    except ValueError as error:
        raise Invalid(default=error.args[0]) from error


async def add_field(
    transaction: Transaction,
    collection: Collection,
    *,
    label: str,
    kind_name: str,
    key: str = "",
    required: bool = False,
    unique: bool = False,
    help: str = "",
    default: str = "",
    choices: Sequence[str] = (),
    options: Mapping[str, Any] | None = None,
) -> Field:
    """Add a field at the end; records that are there have no value in it.

    Raises Invalid when it can't be one.
    """
    if kind_name not in FIELD_KINDS:
        raise Invalid(kind=_l("Choose one of the list."))
    field = Field(collection_id=collection.id, kind_name=kind_name, choices=[], options={})
    await prepare_fields(transaction, [field])
    values = {"label": label, "required": required, "unique": unique, "help": help}
    describe_field(field, default=default, choices=choices, options=options or {}, **values)
    fields = await list_fields(transaction, collection)
    if len(fields) >= MOST_FIELDS:
        raise Invalid(label=_l("A collection has at most %(number)d fields.", number=MOST_FIELDS))
    base = key or "_".join(re.findall(r"[a-z0-9]+", fold(label)))[:32].strip("_") or "field"
    if fold(label) in {fold(other.label) for other in fields}:
        raise Invalid(label=_l("There is a field of this name already."))
    taken = {other.key for other in (*fields, *fields.removed)} | RESERVED_KEYS
    field.key = next(name for name in (base, *(f"{base}_{n}" for n in range(2, len(taken) + 3))) if name not in taken)
    position = await transaction.scalar(select(func.max(Field.position)).where(Field.collection_id == collection.id))
    field.position = (position or 0) + 1
    advance_definition(collection, field)
    transaction.add(field)
    await transaction.flush()
    forget_fields(transaction, collection.id)
    return field


def advance_definition(collection: Collection, field: Field) -> None:
    """Count a change of a field in the version of the definition."""
    collection.version += 1
    field.version = collection.version


async def append_field(transaction: Transaction, collection: Collection, member: Member, **values: Any) -> Field:
    """Add a field at the end, as `add_field` does, to a collection that has records already."""
    require(member, "manage", "collections")
    field = await add_field(transaction, collection, **values)
    await fill_keys(transaction, field)
    if field.kind.computed:
        await reindex_soon(transaction, collection.id)
    note_fields_changed(transaction, collection, member)
    return field


def note_fields_changed(transaction: Transaction, collection: Collection, member: Member) -> None:
    """Note that the fields of a collection are other ones."""
    transaction.note(FieldsChanged(by=transaction.acting(member.id), collection_id=collection.id))


class FieldChanged(Invalid):
    """Somebody else has changed the field since the version that its form was opened with. Nothing was written."""

    status = 409

    def __init__(self) -> None:
        super().__init__(**{"": _l("Somebody else has changed this field meanwhile. Nothing was saved yet.")})


async def change_field(
    transaction: Transaction,
    collection: Collection,
    field: Field,
    member: Member,
    *,
    version: int | None = None,
    **values: Any,
) -> None:
    """Change all of a field but its kind; records that hold what it no longer allows keep it until that is edited.

    Raises FieldChanged when it is not at the version that was seen, and Invalid when it can't be so; for `unique`, when
    two records have the same value.
    """
    require(member, "manage", "collections")
    if version is not None and version != field.version:
        raise FieldChanged
    others = {fold(other.label) for other in await list_fields(transaction, collection) if other.id != field.id}
    if fold(values["label"]) in others:
        raise Invalid(label=_l("There is a field of this name already."))
    wanted = Field(id=field.id, kind_name=field.kind_name, choices=field.choices)
    wanted.locale, wanted.people = field.locale, field.people
    describe_field(wanted, **{"options": field.options, **values})
    if wanted.unique != field.unique:
        await set_unique(transaction, field, unique=wanted.unique)
    is_shown_otherwise = (wanted.choices, wanted.options) != (field.choices, field.options)
    for name in CHANGED:
        setattr(field, name, getattr(wanted, name))
    advance_definition(collection, field)
    await transaction.flush()
    if is_shown_otherwise:
        await reindex_soon(transaction, collection.id)
    note_fields_changed(transaction, collection, member)


async def set_unique(transaction: Transaction, field: Field, *, unique: bool) -> None:
    """Give the values of a field their unique keys, or take them away.

    Raises Invalid when two records have the same value.
    """
    keys: dict[str, int] = {}
    if unique:
        statement = (
            select(Record.id, Record.number, Record.values)
            .where(Record.collection_id == field.collection_id, Record.deleted_at.is_(None))
            .order_by(Record.number)
        )
        for record_id, number, values in await transaction.execute(statement):
            key = unique_key(field, values.get(field.ref, ""))
            if key and key in keys:
                raise Invalid(unique=_l("Number %(number)d has a value that another record has too.", number=number))
            if key:
                keys[key] = record_id
    await transaction.execute(update(RecordKey).where(RecordKey.field_id == field.id).values(unique_key=None))
    for key, record_id in keys.items():
        await transaction.execute(
            update(RecordKey)
            .where(RecordKey.field_id == field.id, RecordKey.record_id == record_id)
            .values(unique_key=key)
        )


async def move_field(transaction: Transaction, collection: Collection, field: Field, member: Member, step: int) -> None:
    """Move a field one place up (-1) or down (1); at the end it stays."""
    require(member, "manage", "collections")
    fields = list(await list_fields(transaction, collection))
    index = fields.index(field)
    if 0 <= index + step < len(fields):
        fields.insert(index + step, fields.pop(index))
    for position, moved in enumerate(fields):
        moved.position = position
    collection.version += 1
    await transaction.flush()
    forget_fields(transaction, collection.id)
    note_fields_changed(transaction, collection, member)


async def count_values(transaction: Transaction, field: Field) -> int:
    """How many records have a value in a field, also those in the bin, which can be restored."""
    statement = select(func.count(Record.id)).where(
        Record.collection_id == field.collection_id,
        Record.values[field.ref].as_string() != "",
    )
    return await transaction.scalar(statement) or 0


async def remove_field(transaction: Transaction, collection: Collection, field: Field, member: Member) -> None:
    """Take a field out. Its values stay in the revisions, but are shown no more. Who types into it is told.

    Raises Invalid for the last field, as a record must be called something.
    """
    require(member, "manage", "collections")
    if len(await list_fields(transaction, collection)) == 1:
        raise Invalid(label=_l("A collection keeps at least one field."))
    field.removed_at = now()
    advance_definition(collection, field)
    await transaction.flush()
    forget_fields(transaction, collection.id)
    keys = delete(RecordKey).where(RecordKey.field_id == field.id)
    await transaction.execute(keys)
    await reindex_soon(transaction, collection.id)  # its values are found no more
    by = transaction.acting(member.id)
    transaction.note(FieldRemoved(by=by, collection_id=collection.id, label=field.label, collection=collection.name))


@sweeps(Field)
async def delete_removed_fields(transaction: Transaction, limit: int) -> int:
    """Forget the fields that were removed more than 30 days ago."""
    return await delete_by_keys(transaction, Field, Field.removed_at < now() - REMOVED_IS_KNOWN_FOR, limit=limit)


async def fill_keys(transaction: Transaction, field: Field) -> None:
    """Give the kept records a sort key for a field that is new, so that none is missing from a list sorted by it."""
    statement = select(Record.id, Record.number).where(
        Record.collection_id == field.collection_id, Record.deleted_at.is_(None)
    )
    transaction.add_all(
        RecordKey(record_id=record_id, field_id=field.id, number=number, sort_key=LAST)
        for record_id, number in await transaction.execute(statement)
    )
    await transaction.flush()
