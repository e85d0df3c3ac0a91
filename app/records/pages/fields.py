"""Pages where admins say what is known of each record: the fields of a collection."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest, read_signed_in, write_signed_in
from app.accounts.form_answers import find_answer, keep_answer
from app.accounts.members import Member
from app.accounts.questions import asked, asks_first
from app.accounts.rights import require
from app.accounts.shell import notice, render_page
from app.database import Transaction
from app.records.about_forms import read_about, say_about, told_by_inputs, write_about
from app.records.changed_fields import FieldChanged, find_former, refuse_before
from app.records.collections import COLLECTION_ICONS, Collection, describe_collection, get_collection, rename_collection
from app.records.currencies import suggest_currency
from app.records.definitions import append_field, change_field
from app.records.field_forms import COLORS, KIND_ICONS, list_choice_ids, read_field, write_field
from app.records.field_order import Moving, answer_move, is_move, read_place
from app.records.field_removal import describe_field_removal
from app.records.fields import Field, list_fields
from app.records.filling import count_lacking, fill_in_steps, list_lacking, read_filling
from app.records.key_writing import stage_unique
from app.records.kind_plans import count_archived_choices
from app.records.kinds import FIELD_KINDS
from app.records.narrowing import count_left_out, say_repeated
from app.records.opening import open_collection, open_field
from app.records.permissions import LIMITED
from app.records.removing import remove_field, restore_field
from app.records.seen_fields import read_seen_field, show_both, take_saved_field
from app.tenants.roles import ROLES
from app.web.bodies import provide_form
from app.web.endings import end_early
from app.web.forms import Form, Invalid, number_of
from app.web.paging import Paged, place_of_page
from app.web.redirects import see_other
from app.web.seen_forms import refuse_unseen, show_as_saved, take_saved
from app.web.texts import _l

notice("field", _l("Fields saved."))
notice("field-added", _l("Field added."))
notice("field-removed", _l("The field is in the trash. You can restore it below for 30 days, with its values."))
notice("field-restored", _l("The field is back, with its values."))
notice(
    "field-restored-otherwise",
    _l("The field is back, with its values. They are no longer unique: two records have the same one."),
)
notice("filled", _l("All records now have a value in this field."))
notice(
    "filled-some",
    _l("Some records now have a value in this field. Others are being edited; fill again to include them."),
)
notice("renamed", _l("Collection saved."))

# How many of the fields in the bin are shown at once.
BIN_SIZE = 20


async def render_fields(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    collection: Collection,
    form: Form | None = None,
    editing: Field | None = None,
    moving: Moving | None = None,
    about: Form | None = None,
) -> Response[str]:
    """The fields of a collection, with the form to add or change one, and what was typed `about` the collection."""
    form, about = form or Form(), about or show_as_saved(write_about(collection))
    if editing is None:
        await suggest_currency(transaction, form)
    fields = await list_fields(transaction, collection)
    binned = fields.in_bin[::-1]
    page = place_of_page(request.query_params.get("page", ""), len(binned), BIN_SIZE)
    return await render_page(
        request,
        transaction,
        member,
        "records/fields.html",
        channels=f"collection.{collection.id}",
        status=409
        if moving or form.made or form.differences or about.differences
        else 422
        if form.errors or about.errors
        else 200,
        collection=collection,
        begun=request.query_params.get("done") == "collection",
        added=request.query_params.get("done") == "field-added",
        fields=fields,
        in_bin=Paged(binned[(page - 1) * BIN_SIZE : page * BIN_SIZE], len(binned), page, size=BIN_SIZE),
        coming={each.replaces: each for each in fields.removed if each.replaces},
        kinds=FIELD_KINDS,
        icons=KIND_ICONS,
        collection_icons=COLLECTION_ICONS,
        colors=COLORS,
        limited=LIMITED,
        roles=ROLES,
        choice_ids=list_choice_ids(form) if editing else [],
        form=form,
        editing=editing,
        lacking=await count_lacking(transaction, editing) if editing else 0,
        left_out=await count_left_out(transaction, editing) if editing else 0,
        archived=await count_archived_choices(transaction, editing) if editing else {},
        moving=moving,
        about=about,
    )


async def refuse_field(request: AnyRequest, slug: str, key: str, form: Form) -> Response[str]:
    """The form of a field with what was typed and won't do. What it counts takes as long as there are many records, and
    nothing is written any more: others may write meanwhile."""
    await end_early(request.scope)
    async with read_signed_in(request) as (transaction, member):
        require(member, "manage", "collections")
        collection, _, field = await open_field(transaction, slug, key)
        is_repeated = "unique" in form.errors and field.kind.can_be_unique
        if is_repeated and (repeated := await say_repeated(transaction, field)):
            form.errors = {**form.errors, "unique": repeated}
        return await render_fields(request, transaction, member, collection, form, field)


@get("/c/{slug:str}/fields")
async def show_field_list(request: AnyRequest, transaction: Transaction, member: Member, slug: str) -> Response[str]:
    """The fields of a collection."""
    require(member, "manage", "collections")
    return await render_fields(request, transaction, member, await get_collection(transaction, slug))


@post("/c/{slug:str}/rename")
async def rename(request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Give a collection another name, icon, colour or description; its address stays."""
    require(member, "manage", "collections")
    collection = await get_collection(transaction, slug)
    language = transaction.tenant.language
    try:
        take_saved(form, write_about(collection))
        name, about = read_about(form, collection)
        refuse_unseen(form, write_about(collection), lambda each: say_about(each, language))
        await rename_collection(transaction, collection, member, name=name)
        await describe_collection(transaction, collection, member, **about)
    except Invalid as invalid:
        form.errors = told_by_inputs(invalid)
        return await render_fields(request, transaction, member, collection, about=form)
    return see_other(f"/c/{slug}/fields?done=renamed")


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
    return await keep_answer(request, transaction, member, form, f"/c/{slug}/fields?done=field-added")


@get("/c/{slug:str}/fields/{key:str}")
async def show_field(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, key: str
) -> Response[str]:
    """The form to change a field."""
    require(member, "manage", "collections")
    collection, _, field = await open_field(transaction, slug, key)
    return await render_fields(request, transaction, member, collection, show_as_saved(write_field(field)), field)


async def prepare_unique(request: AnyRequest) -> None:
    """Where the values of a field shall be unique, look for two that are the same before the writer waits for it."""
    form = await provide_form(request)
    if "unique" not in form or form["action"] in ("up", "down", "place", "remove"):
        return
    async with read_signed_in(request) as (transaction, member):
        require(member, "manage", "collections")
        known = request.path_params
        collection, _, field = await open_field(transaction, known["slug"], known["key"])
        wanted = field.kind.can_be_unique and not field.unique and not form["default"]
        tenant_id = transaction.tenant.id
    if wanted:
        await stage_unique(request.app.state.database, tenant_id, collection.id, field.id)


@post("/c/{slug:str}/fields/{key:str}", **asked(describe_field_removal, prepare=prepare_unique))
async def save_field(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, key: str, form: Form
) -> Response[Any]:
    """Change a field, move it, or remove it, by the button that was pressed."""
    require(member, "manage", "collections")
    action = form["action"]
    _, fields = await open_collection(transaction, slug)
    if action == "remove" and any(each.ref == key for each in fields.in_bin):
        return see_other(f"/c/{slug}/fields?done=field-removed")  # sent again
    collection, fields, field = await open_field(transaction, slug, key)
    place, removed = read_place(form), dict[str, list[str]]()
    try:
        if is_move(form):
            moved = await answer_move(request, transaction, collection, field, member, form, place)
            if isinstance(moved, Moving):
                return await render_fields(request, transaction, member, collection, moving=moved)
            return moved
        if action == "remove":
            await remove_field(transaction, collection, field, member)
            return see_other(f"/c/{slug}/fields?done=field-removed")
        removed = take_saved_field(form, field)
        refuse_before(fields, field, key, member)
        values = read_seen_field(form, field, member)
        form.check()
        version = number_of(form["version"]) if "version" in form else None
        await change_field(transaction, collection, field, member, version=version, **values)
    except FieldChanged as changed:
        if not show_both(form, field, find_former(fields, field, key)):
            return see_other(f"/c/{slug}/fields?done=field")  # sent again, or somebody else has saved the same
        form.errors, form.values = changed.errors, form.values | removed
        return await refuse_field(request, slug, key, form)
    except Invalid as invalid:
        form.errors, form.values = invalid.errors, form.values | removed
        return await refuse_field(request, slug, key, form)
    return see_other(f"/c/{slug}/fields?done=field")


@post("/c/{slug:str}/fields/{key:str}/restore")
async def take_field_from_bin(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, key: str, form: Form
) -> Response[Any]:
    """Take a field out of the bin of its collection."""
    require(member, "manage", "collections")
    collection, fields = await open_collection(transaction, slug)
    field = next((each for each in fields.in_bin if each.ref == key), None)
    if field is None:
        await open_field(transaction, slug, key)
        return see_other(f"/c/{slug}/fields")  # sent again
    try:
        unique = await restore_field(transaction, collection, field, member)
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_fields(request, transaction, member, collection, form)
    return see_other(f"/c/{slug}/fields?done=field-restored{'' if unique else '-otherwise'}")


@post("/c/{slug:str}/fields/{key:str}/fill", opt={"writes": False})
async def fill(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, key: str, form: Form
) -> Response[Any]:
    """Give the records that have no value in a field one, some in each transaction, as others wait to write."""
    require(member, "manage", "collections")
    collection, fields, field = await open_field(transaction, slug, key)
    text = field.kind.join(form.values.get(field.ref, []), field)
    try:
        refuse_before(fields, field, key, member)
        read_filling(member, collection, field, text)
    except Invalid as invalid:
        form = show_as_saved([*write_field(field), (field.ref, text)])
        form.errors = invalid.errors
        return await render_fields(request, transaction, member, collection, form, field)
    numbers, left = await list_lacking(transaction, field)
    await end_early(request.scope)
    try:
        left |= not await fill_in_steps(lambda: write_signed_in(request), slug, key, text, numbers)
    except Invalid:  # somebody has changed the field since: its form says what it is now
        left = True
    return see_other(f"/c/{slug}/fields/{field.ref}?done={'filled-some' if left else 'filled'}")


handlers = [
    show_field_list,
    rename,
    add_to_fields,
    show_field,
    asks_first("/c/{slug:str}/fields/{key:str}/remove", describe_field_removal),
    save_field,
    take_field_from_bin,
    fill,
]
