"""Pages of changing the kind of a field: what would become of its values first, then doing it, and undoing it."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest, read_signed_in
from app.accounts.members import Member
from app.accounts.rights import require
from app.accounts.shell import notice, render_page
from app.database import Transaction
from app.records.changed_fields import FieldChanged, refuse_before
from app.records.collections import Collection
from app.records.currencies import suggest_currency
from app.records.field_forms import OPTIONS_OF_KINDS, read_options
from app.records.fields import Field, Fields
from app.records.kind_chains import find_coming, find_replaced, find_undone
from app.records.kind_changes import cancel_change, change_kind, redo_kind_change, undo_kind_change
from app.records.kind_plans import MOST_FAILURES_SHOWN, plan_kind, preview_kind
from app.records.kinds import FIELD_KINDS
from app.records.opening import open_collection, open_field
from app.records.removing import list_typing
from app.web.endings import end_early
from app.web.forms import Form, Invalid, number_of
from app.web.redirects import see_other
from app.web.texts import _l

notice("kind", _l("The field has a new type. You can undo this for 30 days."))
notice("kind-soon", _l("The type is being changed. The field stays as it was until all values are ready."))
notice("kind-undone", _l("The field is back to what it was."))
notice("kind-stays", _l("The field stays as it was."))


async def render_kind(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    opened: tuple[Collection, Fields, Field],
    form: Form,
    *,
    status: int = 0,
) -> Response[str]:
    """The kinds that a field can have; for the one that was chosen, what would become of its values."""
    collection, fields, field = opened
    new = preview = None
    if form["kind"] and (not form.errors or status == 409):
        try:
            new = await plan_kind(transaction, field, form["kind"], read_options(form))
            preview = await preview_kind(transaction, field, new)
        except Invalid as invalid:
            form.errors = invalid.errors
    return await render_page(
        request,
        transaction,
        member,
        "records/kind.html",
        channels=f"collection.{collection.id}",
        status=status or (422 if form.errors else 200),
        collection=collection,
        field=field,
        kinds=[kind for kind in FIELD_KINDS.values() if kind.is_typed and kind.name != field.kind_name],
        form=form,
        new=new,
        preview=preview,
        most=MOST_FAILURES_SHOWN,
        coming=find_coming(fields, field),
        before=find_replaced(fields, field),
        undone=find_undone(fields, field),
        options=OPTIONS_OF_KINDS,
        typing=await list_typing(transaction, collection, field) if new else [],
    )


@get("/c/{slug:str}/fields/{key:str}/kind")
async def show_kind(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, key: str
) -> Response[str]:
    """What would become of the values of a field if it had the kind that the address says."""
    require(member, "manage", "collections")
    opened = await open_field(transaction, slug, key)
    form = Form(list(request.query_params.multi_items()))
    form.values["version"] = [str(opened[2].version)]
    await suggest_currency(transaction, form)
    return await render_kind(request, transaction, member, opened, form)


def find_done(fields: Fields, name: str, form: Form) -> str:
    """How a change was answered that is sent again: the field has become another one by it, or is about to."""
    there = fields.find(name)
    if there is not None and there.replaces and there.kind_name == form["kind"] and not form["action"]:
        return "kind"  # it was asked for by its key, which the new one has
    field = there or next((each for each in fields.removed if each.ref == name), None)
    others = fields if there is None else fields.removed
    became = next((each for each in others if field is not None and each.replaces == field.id), None)
    if field is None or became is None or form["action"] == "cancel":
        return ""
    find = {"undo": find_replaced, "redo": find_undone}.get(form["action"])
    back = find(fields, field) if find else None
    if became.kind_name != (back.kind_name if back else form["kind"]):
        return ""
    return "kind-soon" if there else "kind-undone" if back and form["action"] == "undo" else "kind"


@post("/c/{slug:str}/fields/{key:str}/kind")
async def save_kind(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, key: str, form: Form
) -> Response[Any]:
    """Change the kind of a field; or, by the button that was pressed, undo or redo that, or cancel it."""
    require(member, "manage", "collections")
    if done := find_done((await open_collection(transaction, slug))[1], key, form):
        return see_other(f"/c/{slug}/fields?done={done}")
    opened = await open_field(transaction, slug, key)
    collection, fields, field = opened
    done = "kind"
    try:
        refuse_before(fields, field, key, member)
        if form["action"] == "cancel":
            await cancel_change(transaction, collection, field, member)
            return see_other(f"/c/{slug}/fields?done=kind-stays")
        if form["action"] == "undo":
            done = "kind-undone"
            at_once = await undo_kind_change(transaction, collection, field, member)
        elif form["action"] == "redo":
            at_once = await redo_kind_change(transaction, collection, field, member)
        else:
            version = number_of(form["version"]) if "version" in form else None
            options = read_options(form)
            at_once = await change_kind(
                transaction, collection, field, member, kind_name=form["kind"], options=options, version=version
            )
    except FieldChanged as changed:
        form.errors = changed.errors
        form.values["version"] = [str(field.version)]
        await end_early(request.scope)  # what would become of all values is looked at while others may write
        async with read_signed_in(request) as (reading, reader):
            require(reader, "manage", "collections")
            opened = await open_field(reading, slug, key)
            return await render_kind(request, reading, reader, opened, form, status=409)
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_kind(request, transaction, member, opened, form)
    return see_other(f"/c/{slug}/fields?done={done if at_once else 'kind-soon'}")


handlers = [show_kind, save_kind]
