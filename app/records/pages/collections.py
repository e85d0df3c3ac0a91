"""Pages where admins make collections and their fields."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.form_answers import find_answer, keep_answer
from app.accounts.members import Member
from app.accounts.questions import Question, asks_first
from app.accounts.reauthentication import dangerous
from app.accounts.rights import require
from app.accounts.shell import notice, render_page
from app.database import Transaction
from app.records.collections import Collection, get_collection, rename_collection
from app.records.definitions import (
    FieldChanged,
    add_collection,
    append_field,
    change_field,
    count_values,
    move_field,
    remove_field,
)
from app.records.fields import Field, list_fields
from app.records.kinds import FIELD_KINDS
from app.web.forms import Form, Invalid, number_of
from app.web.redirects import see_other
from app.web.texts import _l, _ln

notice("field", _l("The fields were changed."))
notice("collection", _l("The collection is there. Now say what is known of each record."))
notice("renamed", _l("The collection was renamed."))

# What a form has of a field, as it is compared with what somebody else has saved.
COMPARED = (
    ("label", _l("Name")),
    ("choices", _l("Choices")),
    ("digits", _l("Digits after the point")),
    ("unit", _l("Unit")),
    ("currency", _l("Currency")),
    ("most", _l("Stars")),
    ("grouping", _l("Set thousands apart")),
    ("several", _l("Several people")),
    ("help", _l("Help text")),
    ("default", _l("Default")),
    ("required", _l("Required: can't be empty")),
    ("unique", _l("Unique: no two records with the same value")),
)


@get("/collections/new")
async def show_new_collection(request: AnyRequest, transaction: Transaction, member: Member) -> Response[str]:
    """Ask for the name of a new collection."""
    require(member, "manage", "collections")
    return await render_page(request, transaction, member, "records/collection_new.html", form=Form())


@post("/collections/new")
async def add_new_collection(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form
) -> Response[Any]:
    """Make a collection, with a first field that its records are called by."""
    require(member, "manage", "collections")
    name, first = form.text("name", limit=60), form.text("first", limit=60)
    try:
        if answer := await find_answer(request, transaction, member, form):
            return answer
        form.check()
        collection = await add_collection(transaction, member, name=name, first=first)
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_page(
            request, transaction, member, "records/collection_new.html", status=invalid.status, form=form
        )
    return await keep_answer(request, transaction, member, form, f"/c/{collection.slug}/fields?done=collection")


async def render_fields(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    collection: Collection,
    form: Form | None = None,
    editing: Field | None = None,
    saved: Form | None = None,
) -> Response[str]:
    """The fields of a collection, with the form to add or change one. `saved` is what is saved now of a field that
    somebody else has changed: it stands beside what was typed, which is saved over it the next time."""
    differences = []
    if saved is not None and form is not None:
        differences = [(label, form[name], saved[name]) for name, label in COMPARED if form[name] != saved[name]]
        form.values["version"] = saved.values["version"]
    return await render_page(
        request,
        transaction,
        member,
        "records/fields.html",
        channels=f"collection.{collection.id}",
        status=409 if saved or (form and form.made) else 422 if form and form.errors else 200,
        collection=collection,
        fields=await list_fields(transaction, collection),
        kinds=FIELD_KINDS,
        form=form or Form(),
        editing=editing,
        differences=differences,
    )


@get("/c/{slug:str}/fields")
async def show_field_list(request: AnyRequest, transaction: Transaction, member: Member, slug: str) -> Response[str]:
    """The fields of a collection."""
    require(member, "manage", "collections")
    return await render_fields(request, transaction, member, await get_collection(transaction, slug))


@post("/c/{slug:str}/rename")
async def rename(request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Give a collection another name; its address stays."""
    require(member, "manage", "collections")
    collection = await get_collection(transaction, slug)
    name = form.text("collection_name", limit=60)
    if form.errors:
        return await render_fields(request, transaction, member, collection, form)
    try:
        await rename_collection(transaction, collection, member, name=name)
    except Invalid as invalid:
        form.errors["collection_name"] = invalid.errors["name"]
        return await render_fields(request, transaction, member, collection, form)
    return see_other(f"/c/{slug}/fields?done=renamed")


def read_field(form: Form) -> dict[str, Any]:
    """What the form says of a field, apart from its kind."""
    return {
        "label": form.text("label", limit=60),
        "required": "required" in form,
        "unique": "unique" in form,
        "help": form.text("help", limit=200, required=False),
        "default": form.text("default", limit=500, required=False),
        "options": {
            name: form[name] for name in ("grouping", "digits", "unit", "currency", "most", "several") if form[name]
        },
        "choices": list(dict.fromkeys(" ".join(line.split()) for line in form["choices"].splitlines() if line.strip())),
    }


@post("/c/{slug:str}/fields")
async def add_to_fields(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form
) -> Response[Any]:
    """Add a field at the end."""
    require(member, "manage", "collections")
    collection = await get_collection(transaction, slug)
    values = read_field(form)
    try:
        if answer := await find_answer(request, transaction, member, form):
            return answer
        form.check()
        await append_field(transaction, collection, member, kind_name=form["kind"], **values)
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_fields(request, transaction, member, collection, form)
    return await keep_answer(request, transaction, member, form, f"/c/{slug}/fields?done=field")


async def get_field(transaction: Transaction, collection: Collection, name: str) -> Field:
    """A field by its ref, or its key. Raises NotFoundException."""
    field = (await list_fields(transaction, collection)).find(name)
    if field is None:
        raise NotFoundException
    return field


@get("/c/{slug:str}/fields/{key:str}")
async def show_field(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, key: str
) -> Response[str]:
    """The form to change a field."""
    require(member, "manage", "collections")
    collection = await get_collection(transaction, slug)
    field = await get_field(transaction, collection, key)
    return await render_fields(request, transaction, member, collection, Form(write_field(field)), field)


def write_field(field: Field) -> list[tuple[str, str]]:
    """What the form has of a field."""
    pairs = [
        ("version", str(field.version)),
        ("label", field.label),
        ("help", field.help),
        (
            "default",
            field.describe(field.default)
            if field.kind.has_choices or field.kind.names_people
            else field.write(field.default),
        ),
        ("kind", field.kind_name),
        ("choices", "\n".join(choice["name"] for choice in field.choices if not choice["archived"])),
    ]
    pairs.extend((name, str(value)) for name, value in field.options.items() if value is not False)
    pairs.extend((name, "yes") for name in ("required", "unique") if getattr(field, name))
    return pairs


def removes(form: Form) -> bool:
    """Whether the button that removes the field was pressed."""
    return form["action"] == "remove"


async def describe_field_removal(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What removing a field does, and in how many records."""
    require(member, "manage", "collections")
    slug, key = request.path_params["slug"], request.path_params["key"]
    collection = await get_collection(transaction, slug)
    field = await get_field(transaction, collection, key)
    return Question(
        what=_l("Remove the field %(label)s of %(collection)s?", label=field.label, collection=collection.name),
        consequences=[
            _ln(
                "Removes the field %(label)s of %(collection)s, and its value in %(count)d record.",
                "Removes the field %(label)s of %(collection)s, and its values in %(count)d records.",
                await count_values(transaction, field),
                label=field.label,
                collection=collection.name,
            ),
            _l("It is gone from every list and form at once, and can't be taken back."),
        ],
        button=_l("Remove this field"),
        back=f"/c/{slug}/fields/{key}",
        action=f"/c/{slug}/fields/{key}",
        fields=[("action", "remove")],
    )


@post(
    "/c/{slug:str}/fields/{key:str}",
    **dangerous(
        _l("You are about to remove a field with all its values."), when=removes, describe=describe_field_removal
    ),
)
async def save_field(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, key: str, form: Form
) -> Response[Any]:
    """Change a field, move it, or remove it, by the button that was pressed."""
    require(member, "manage", "collections")
    collection = await get_collection(transaction, slug)
    field = await get_field(transaction, collection, key)
    action = form["action"]
    try:
        if action in ("up", "down"):
            await move_field(transaction, collection, field, member, -1 if action == "up" else 1)
        elif action == "remove":
            await remove_field(transaction, collection, field, member)
        else:
            values = read_field(form)
            form.check()
            version = number_of(form["version"]) if "version" in form else None
            await change_field(transaction, collection, field, member, version=version, **values)
    except FieldChanged as changed:
        form.errors = changed.errors
        return await render_fields(
            request, transaction, member, collection, form, field, saved=Form(write_field(field))
        )
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_fields(request, transaction, member, collection, form, field)
    return see_other(f"/c/{slug}/fields?done=field")


handlers = [
    show_new_collection,
    add_new_collection,
    show_field_list,
    rename,
    add_to_fields,
    show_field,
    asks_first("/c/{slug:str}/fields/{key:str}/remove", describe_field_removal, password=True),
    save_field,
]
