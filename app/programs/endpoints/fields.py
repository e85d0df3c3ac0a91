"""The definition of a collection, as admins change it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from litestar import Response
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.database import Transaction
from app.programs.endpoints.collections import FIELDS, answer_collection, shape_for
from app.programs.problems import Problem
from app.programs.record_shapes import FieldChange, GivenChoiceShape, NewCollection, NewField, list_named
from app.programs.records import IfMatch, as_forms_have_it, read_version
from app.programs.routes import API, adds, changes, reads, removes
from app.programs.shapes import CollectionShape, FieldShape
from app.records.access import enter_collection, require_open
from app.records.choices import GivenChoice
from app.records.collections import Collection
from app.records.definitions import KEPT_OPTIONS, add_collection, append_field, change_field
from app.records.field_keys import refuse_unwritable
from app.records.field_places import place_field
from app.records.fields import Field, Fields, list_fields
from app.records.kinds import FIELD_KINDS
from app.records.kinds.kind import FieldChoice
from app.records.permissions import LIMITED
from app.records.removing import remove_field, restore_field
from app.web.forms import Invalid

FIELD_PATH = FIELDS + "/{key:str}"


async def open_definition(
    transaction: Transaction, member: Member, slug: str, key: str
) -> tuple[Collection, Fields, Field]:
    """A field by its key, for who may read the collection. Raises NotFoundException."""
    collection = (await enter_collection(transaction, member, slug, "read")).collection
    fields = await list_fields(transaction, collection)
    field = next((each for each in fields if each.key == key), None)
    if field is None:
        raise NotFoundException
    return collection, fields, field


def answer_field(member: Member, fields: Fields, field: Field, *, status: int = 200, **headers: str) -> Response[Any]:
    """A field, with its version as its tag."""
    shape = shape_for(member, fields, field)
    return Response(shape, status_code=status, headers={"ETag": f'"{shape.version}"', **headers})


@adds("/collections", scope="admin")
async def add_collection_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, data: NewCollection
) -> Response[CollectionShape]:
    """Create a collection, with a first field that is the title of its records."""
    named = {"name": as_forms_have_it(data.name), "first": as_forms_have_it(data.first)}
    if "collection" in member.grant.places:
        raise Problem("forbidden", "The token is narrowed to other collections.")
    collection = await add_collection(transaction, member, **named)
    await transaction.flush()
    location = f"{API}/collections/{collection.slug}"
    return answer_collection(collection, status=201, location=location)


@reads(FIELD_PATH, scope="records:read")
async def show_field_to_program(transaction: Transaction, member: Member, slug: str, key: str) -> Response[FieldShape]:
    """A field by its key."""
    _, fields, field = await open_definition(transaction, member, slug, key)
    return answer_field(member, fields, field)


@contextmanager
def told_by_members() -> Iterator[None]:
    """Say what is wrong with a field by the members that programs send: what forms call a label is its name."""
    try:
        yield
    except Invalid as invalid:
        invalid.errors = {"name" if each == "label" else each: text for each, text in invalid.errors.items()}
        raise


@adds(FIELDS, scope="admin")
async def add_field_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, data: NewField
) -> Response[FieldShape]:
    """Add a field at the end. Records that are there have nothing in it."""
    collection = (await enter_collection(transaction, member, slug, "read")).collection
    given: dict[str, Any] = {
        "label": as_forms_have_it(data.name),
        "kind_name": data.kind,
        "key": data.key,
        "required": data.required,
        "unique": data.unique,
        "help": as_forms_have_it(data.help),
        "default": as_forms_have_it(data.default),
        "choices": as_forms_have_it(data.choices),
        "options": read_given_options(data.kind, data.options),
        "read_only_for": data.read_only_for,
    }
    refuse_unfit(data.kind, data.choices, data.read_only_for)
    if data.key:
        refuse_unwritable(data.key)
    with told_by_members():
        field = await append_field(transaction, collection, member, **given)
    fields = await list_fields(transaction, collection)
    location = f"{API}/collections/{slug}/fields/{field.key}"
    return answer_field(member, fields, field, status=201, location=location)


def as_ticked(options: dict[str, Any]) -> dict[str, str]:
    """What is chosen for a kind, as a form has it: what is ticked, or nothing."""
    said = {name: "yes" if value is True else str(value) for name, value in options.items() if value is not False}
    return {name: as_forms_have_it(value) for name, value in said.items()}


def read_given_options(kind_name: str, options: dict[str, Any]) -> dict[str, str]:
    """What is chosen for a kind, as a form has it. Raises a 422 problem for what it does not let one choose."""
    ticked = as_ticked(options)
    kind = FIELD_KINDS.get(kind_name)
    if kind is not None and any(ticked.values()):
        kept = kind.check_options(ticked)
        if unknown := [name for name, value in ticked.items() if value and name not in kept]:
            errors = {f"options.{name}": "This type of field has no such option." for name in unknown}
            raise Problem("invalid", errors=errors)
    return ticked


def refuse_unfit(kind_name: str, choices: Any, read_only_for: Any) -> None:
    """Raise a 422 problem for choices of a field that has none, and for roles that can't be kept from changing it: they
    would be dropped."""
    errors: dict[str, str] = {}
    kind = FIELD_KINDS.get(kind_name)
    if kind is not None and choices and not kind.has_choices:
        errors["choices"] = "This type of field has no choices."
    if kind is not None and read_only_for and kind.computed:
        errors["read_only_for"] = "The program fills in this field itself."
    elif read_only_for and not {*read_only_for} <= {*LIMITED}:
        errors["read_only_for"] = f"Only these roles can be named: {', '.join(LIMITED)}."
    if errors:
        raise Problem("invalid", errors=errors)


def read_choice_shape(field: Field, given: GivenChoiceShape) -> GivenChoice:
    """A choice as it is to be. Raises a 422 problem for one that is not there."""
    name: str = as_forms_have_it(given.name)
    if given.id is None:
        return name
    there = next((each for each in field.choices if each["id"] == given.id), None)
    if there is None:
        raise Problem("invalid", errors={"choices": f"There is no choice {given.id}."})
    return FieldChoice(id=given.id, name=name, color=given.color or there["color"], archived=given.archived)


@changes(FIELD_PATH, scope="admin", answers=(412, 428))
async def change_field_by_program(
    transaction: Transaction, member: Member, slug: str, key: str, data: FieldChange, if_match: IfMatch = None
) -> Response[FieldShape]:
    """Change a field, but not its kind. Records keep what it no longer allows until they are edited."""
    version = read_version(if_match)
    collection, _, field = await open_definition(transaction, member, slug, key)
    require_open(member, collection)
    if version != field.version:
        raise Problem("version-changed", f"It is at version {field.version} by now.", version=field.version)
    wanted = list_named(data)
    place = wanted.pop("position", None)
    refuse_unfit(field.kind_name, wanted.get("choices"), wanted.get("read_only_for"))
    if wanted:
        values = {
            "label": field.label,
            "required": field.required,
            "unique": field.unique,
            "help": field.help,
            "default": field.spell(field.default),
            "options": as_ticked({name: value for name, value in field.options.items() if name not in KEPT_OPTIONS}),
        }
        if "name" in wanted:
            wanted["label"] = as_forms_have_it(wanted.pop("name"))
        if "choices" in wanted:
            wanted["choices"] = [read_choice_shape(field, each) for each in data.choices]  # type: ignore[union-attr]
        if "options" in wanted:
            wanted["options"] = read_given_options(field.kind_name, wanted["options"])
        for name in ("help", "default"):
            if name in wanted:
                wanted[name] = as_forms_have_it(wanted[name]).strip()
        with told_by_members():
            await change_field(transaction, collection, field, member, version=version, **values | wanted)
    if place is not None:
        await place_field(transaction, collection, field, member, place)
    return answer_field(member, await list_fields(transaction, collection), field)


@removes(FIELD_PATH, scope="admin")
async def remove_field_by_program(transaction: Transaction, member: Member, slug: str, key: str) -> None:
    """Take a field out. It can be restored for 30 days, with its values."""
    collection, _, field = await open_definition(transaction, member, slug, key)
    await remove_field(transaction, collection, field, member)


@adds(FIELD_PATH + "/restore", scope="admin", status_code=200)
async def restore_field_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, key: str
) -> Response[FieldShape]:
    """Bring back a field that was taken out, the last one of this key."""
    collection = (await enter_collection(transaction, member, slug, "read")).collection
    require_open(member, collection)
    removed = [each for each in (await list_fields(transaction, collection)).in_bin if each.key == key]
    if not removed:
        raise NotFoundException
    await restore_field(transaction, collection, removed[-1], member)
    return answer_field(member, await list_fields(transaction, collection), removed[-1])


endpoints = [
    add_collection_by_program,
    show_field_to_program,
    add_field_by_program,
    change_field_by_program,
    remove_field_by_program,
    restore_field_by_program,
]
