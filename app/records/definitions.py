"""The definition of a collection: which fields there are, and what each allows. Each change raises its version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import bindparam, func, select

from app.accounts.members import Member
from app.accounts.rights import require
from app.database import PreparedSelect, Transaction
from app.folding import fold
from app.records.access import require_open
from app.records.changed_fields import FieldChanged
from app.records.choices import (
    LAST_CHOICE,
    GivenChoice,
    clean_choice,
    drop_unused,
    find_fault,
    list_gone,
    name_choices,
)
from app.records.collections import Collection, create_collection
from app.records.conversions import CONVERTED_IN
from app.records.facts import CollectionAdded, FieldAdded, FieldDescribed, FieldLimited, FieldsChanged
from app.records.field_keys import RESERVED_KEYS, check_key, name_key
from app.records.fields import MOST_FIELDS, Field, forget_fields, list_fields, prepare_fields
from app.records.former_values import list_refs
from app.records.key_writing import fill_keys_soon, set_unique
from app.records.kinds import FIELD_KINDS
from app.records.permissions import LIMITED
from app.records.reindexing import reindex_soon
from app.web.forms import Invalid, clean_label, clean_line
from app.web.texts import Text, _l

# What can be changed of a field.
CHANGED = ("label", "key", "required", "unique", "help", "default", "choices", "options", "read_only_for")
# What options have that nobody chooses.
KEPT_OPTIONS = (LAST_CHOICE, CONVERTED_IN)


async def add_collection(transaction: Transaction, member: Member, *, name: str, first: str) -> Collection:
    """Make a collection with a first field, which its records are called by.

    Raises Invalid when there is one at its address already.
    """
    require(member, "manage", "collections")
    collection = await create_collection(transaction, name=name)
    await add_field(transaction, collection, label=clean_label("first", first), kind_name="text", required=True)
    by = transaction.acting(member.id)
    transaction.note(CollectionAdded(by=by, collection_id=collection.id, name=collection.name))
    return collection


async def refuse_while_becoming(transaction: Transaction, collection: Collection, field: Field) -> None:
    """Raise Invalid while a field is becoming one of another kind: what is changed of it would be lost."""
    fields = await list_fields(transaction, collection)
    if any(other.replaces == field.id for other in fields.removed):
        raise Invalid(label=_l("Its type is being changed. Wait until that is done, or cancel it."))


def check_field(field: Field) -> None:
    """Raise Invalid unless it can be a field."""
    errors: dict[str, Text] = {}
    if field.kind.has_choices and (fault := find_fault(field.choices)):
        errors["choices"] = fault
    if field.unique and not field.kind.can_be_unique:
        errors["unique"] = _l("This type of field can't be unique.")
    elif field.unique and field.default:
        errors["default"] = _l("A field with unique values can't have a default.")
    if errors:
        raise Invalid(**errors)


def describe_field(
    field: Field,
    *,
    default: str,
    choices: Sequence[GivenChoice],
    options: Mapping[str, Any],
    default_before: str = "",
    **more: Any,
) -> None:
    """Give a field what is known of it: its default as it is typed, over the one of before, its choices by name, and
    what its kind lets one choose. Raises Invalid."""
    before = field.choices
    choices = [clean_choice(each) for each in choices]
    for name, value in more.items():
        setattr(field, name, value)
    kept = {name: options[name] for name in KEPT_OPTIONS if name in options}
    field.choices = []
    if field.kind.has_choices:
        field.choices = name_choices(choices, before or (), kept.get(LAST_CHOICE, 0))
    field.options = dict(field.kind.check_options(options)) | kept
    if default and not field.kind.is_typed:
        raise Invalid(default=_l("This type of field has no default: its values are not typed."))
    if field.required and field.kind.computed:
        raise Invalid(required=_l("The program fills this in: it is never empty."))
    field.read_only_for = [] if field.kind.computed else [role for role in LIMITED if role in field.read_only_for]
    field.default = default
    check_field(field)
    try:
        field.default = field.read(default, default_before)
    except ValueError as error:
        raise Invalid(default=error.args[0]) from error


FIND_LAST_POSITION = PreparedSelect(
    lambda: select(func.max(Field.position)).where(Field.collection_id == bindparam("collection_id"))
)


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
    choices: Sequence[GivenChoice] = (),
    options: Mapping[str, Any] | None = None,
    read_only_for: Sequence[str] = (),
) -> Field:
    """Add a field at the end; records that are there have no value in it.

    Raises Invalid when it can't be one.
    """
    if kind_name not in FIELD_KINDS:
        raise Invalid(kind=_l("Choose one of these: %(names)s.", names=", ".join(FIELD_KINDS)))
    label, help = clean_label("label", label), clean_line(help)
    field = Field(collection_id=collection.id, kind_name=kind_name, choices=[], options={})
    await prepare_fields(transaction, [field])
    values = {"label": label, "required": required, "unique": unique, "help": help, "read_only_for": read_only_for}
    describe_field(field, default=default, default_before="", choices=choices, options=options or {}, **values)
    fields = await list_fields(transaction, collection)
    if len(fields) >= MOST_FIELDS:
        raise Invalid(label=_l("A collection can have at most %(number)d fields.", number=MOST_FIELDS))
    base = key or name_key(label)
    if fold(label) in {fold(other.label) for other in fields}:
        raise Invalid(label=_l("There is already a field with this name."))
    taken = {other.key for other in (*fields, *fields.removed)} | RESERVED_KEYS
    field.key = next(name for name in (base, *(f"{base}_{n}" for n in range(2, len(taken) + 3))) if name not in taken)
    position = await transaction.value(FIND_LAST_POSITION, collection_id=collection.id)
    field.position = (position or 0) + 1
    advance_definition(collection, field)
    transaction.add(field)
    await transaction.flush()
    forget_fields(transaction, collection.id)
    return field


def advance_definition(collection: Collection, field: Field, member_id: int | None = None) -> None:
    """Count a change of a field in the version of the definition, and keep who has made it."""
    collection.version += 1
    field.version, field.changed_by = collection.version, member_id


async def append_field(transaction: Transaction, collection: Collection, member: Member, **values: Any) -> Field:
    """Add a field at the end, as `add_field` does, to a collection that has records already."""
    require_open(member, collection)
    field = await add_field(transaction, collection, **values)
    await fill_keys_soon(transaction, collection, field)
    if field.kind.computed:
        await reindex_soon(transaction, collection.id)
    about = await facts_of_change(transaction, collection, field, member)
    transaction.note(FieldAdded(**about, label=field.label, collection=collection.name))
    if field.read_only_for:
        await note_limited(transaction, collection, field, member, [])
    return field


async def facts_of_change(
    transaction: Transaction, collection: Collection, field: Field, member: Member
) -> dict[str, Any]:
    """What is noted of any change of a field."""
    fields = await list_fields(transaction, collection)
    return {
        "by": transaction.acting(member.id),
        "collection_id": collection.id,
        "refs": list_refs(fields, field),
        "computed": bool(field.kind.computed),
    }


async def note_limited(
    transaction: Transaction, collection: Collection, field: Field, member: Member, before: list[str]
) -> None:
    """Note which roles may not change the values of a field any more."""
    about = await facts_of_change(transaction, collection, field, member)
    roles, were = ", ".join(field.read_only_for), ", ".join(before)
    transaction.note(FieldLimited(**about, label=field.label, roles=roles, were=were))


def note_fields_changed(transaction: Transaction, collection: Collection, member: Member) -> None:
    """Note that the fields of a collection are other ones."""
    transaction.note(FieldsChanged(by=transaction.acting(member.id), collection_id=collection.id))


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
    require_open(member, collection)
    if version is not None and version != field.version:
        raise FieldChanged(field, member)
    await refuse_while_becoming(transaction, collection, field)
    values = {**values, "label": clean_label("label", values["label"]), "help": clean_line(values["help"])}
    others = {fold(other.label) for other in await list_fields(transaction, collection) if other.id != field.id}
    if fold(values["label"]) in others:
        raise Invalid(label=_l("There is already a field with this name."))
    kept = ("key", "choices", "options", "read_only_for")
    values = {**{name: getattr(field, name) for name in kept}, **values}
    await check_key(transaction, collection, field, values["key"])
    wanted = Field(id=field.id, kind_name=field.kind_name, choices=field.choices)
    wanted.locale, wanted.language = field.locale, field.language
    wanted.zone, wanted.people = field.zone, field.people
    values["options"] = {
        **values["options"],
        **{name: field.options[name] for name in KEPT_OPTIONS if name in field.options},
    }
    if values["default"] in (field.spell(field.default), field.write(field.default)):
        values["default"] = field.write(field.default)  # its choice may be called otherwise now
    # Who is chosen by default may have left meanwhile; a choice that is archived here is nobody's default any more.
    describe_field(wanted, default_before="" if field.kind.has_choices else field.default, **values)
    await drop_choices(transaction, field, wanted, values["choices"])
    if wanted.unique and not field.unique:
        await set_unique(transaction, field)
    is_shown_otherwise = (wanted.choices, wanted.options) != (field.choices, field.options)
    limited_before = field.read_only_for
    described = FieldDescribed(
        **await facts_of_change(transaction, collection, field, member),
        before=field.label,
        label=wanted.label,
        required=wanted.required if wanted.required != field.required else None,
        unique=wanted.unique if wanted.unique != field.unique else None,
        choices_changed=wanted.choices != field.choices,
    )
    for name in CHANGED:
        setattr(field, name, getattr(wanted, name))
    advance_definition(collection, field, member.id)
    await transaction.flush()
    if is_shown_otherwise:
        await reindex_soon(transaction, collection.id)
    if field.read_only_for != limited_before:
        await note_limited(transaction, collection, field, member, limited_before)
    transaction.note(described)


async def drop_choices(transaction: Transaction, field: Field, wanted: Field, given: Sequence[GivenChoice]) -> None:
    """Let the choices go that nobody wants any more and nothing has. Their ids are not given to others."""
    gone = list_gone(field.choices, given, wanted.choices)
    if gone:
        wanted.choices = await drop_unused(transaction, field, wanted.choices, gone)
        last = max(choice["id"] for choice in field.choices)
        if all(choice["id"] < last for choice in wanted.choices):
            wanted.options = {**wanted.options, LAST_CHOICE: last}
