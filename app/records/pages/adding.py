"""Pages of adding a record. What is typed is kept as a draft until it is saved or discarded."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from msgspec.structs import replace

from app.accounts.access import AnyRequest
from app.accounts.form_answers import digest_key, find_answer, keep_answer
from app.accounts.members import Member
from app.accounts.rights import may
from app.accounts.undo import lead_to
from app.database import Transaction
from app.records.access import enter_collection, require_access
from app.records.adding import create_record
from app.records.collections import Collection
from app.records.fields import Field, list_fields
from app.records.formats import bring_into_formats
from app.records.forms import (
    RECORD_LIMIT,
    Removed,
    find_errors,
    holds_unseen,
    open_record,
    read_typed,
    refuse_unsent,
    render_form,
    render_typed,
)
from app.records.left_over import carried_over
from app.records.new_drafts import (
    TooOld,
    TypedOn,
    discard_new_draft,
    find_any_new_draft,
    holds_nothing,
    is_too_old,
    keep_new_draft,
    settle_new_draft,
    version_after,
)
from app.records.undoing import offer_new_draft
from app.records.values import copy_values
from app.web.forms import FORM_KEY, Form, Invalid, make_key, number_of
from app.web.redirects import see_other


@get("/c/{slug:str}/new")
async def show_new(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, copy: str = ""
) -> Response[Any]:
    """The form with what the member had typed and not saved; else as a copy of a record, or with the defaults."""
    access = await enter_collection(transaction, member, slug, "read")
    collection = access.collection
    draft = await find_any_new_draft(transaction, collection, member)
    kept = None if draft is None else draft.values
    if kept is not None and not may(member, "add to", access):
        return see_other(f"/c/{slug}/new/draft")  # there they can read it, at least
    require_access(member, "add to", access)
    fields = await list_fields(transaction, collection)
    copied = (await open_record(transaction, member, slug, number_of(copy)))[1] if copy else None
    values, curtailed = {each.ref: each.write(each.default) for each in fields}, list[Field]()
    if kept is not None:
        kept = bring_into_formats(fields, kept)
        values |= carried_over(fields, kept, None) | kept
    elif copied:
        values, curtailed = copy_values(fields, copied.values, member)
    form = Form([*values.items(), ("draft-version", str(draft.version if draft else version_after(0)))])
    name_draft(collection, form, (draft.begun_form or draft.form or "") if draft and kept is not None else "")
    return await render_form(
        request,
        transaction,
        member,
        collection,
        fields,
        form,
        restored=kept is not None,
        copied=copied,
        curtailed=curtailed,
    )


@post("/c/{slug:str}/new", request_max_body_size=RECORD_LIMIT, opt={"prepare": render_typed})
async def add_record(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form
) -> Response[Any]:
    """Add a record, and show it."""
    collection = (await enter_collection(transaction, member, slug, "add to")).collection
    fields = await list_fields(transaction, collection)
    values = read_typed(fields, form)
    page = TypedOn.read(collection, form)
    try:
        if answer := await find_answer(request, transaction, member, form, begun=page.begun):
            await settle_new_draft(transaction, collection, member, values, page, answer.url)  # kept since
            return answer
        if is_too_old(await find_any_new_draft(transaction, collection, member), page):
            raise TooOld
        if holds_unseen(fields, form, None):
            raise Removed(**find_errors(fields, values, member))
        refuse_unsent(fields, form, values, member, None)
        record = await create_record(transaction, collection, values, member)
    except Invalid as invalid:
        form.errors = invalid.errors
        if isinstance(invalid, TooOld):  # sent again, it is another form
            form.values.pop(FORM_KEY, None)
            page = replace(page, version=version_after(0))
        name_draft(collection, form, "" if form.made or isinstance(invalid, TooOld) else page.begun)
        page = replace(page, begun=form["draft-begun"])
        nothing = holds_nothing(fields, values)
        kept = await keep_new_draft(transaction, collection, member, values, page, sent=True, nothing=nothing)
        form.values["draft-version"] = [str(page.version if kept.behind else kept.version)]
        return await render_form(request, transaction, member, collection, fields, form, status=invalid.status)
    made = f"/c/{slug}/{record.number}"
    await settle_new_draft(transaction, collection, member, values, page, made)
    return await keep_answer(request, transaction, member, form, made, begun=page.begun)


def name_draft(collection: Collection, form: Form, begun: str) -> None:
    """Say in a form on which one its draft was begun; without any, on this one."""
    form.values[FORM_KEY] = [form[FORM_KEY] or make_key()]
    form.values["draft-begun"] = [begun or digest_key(f"/c/{collection.slug}/new", form[FORM_KEY])]


@post("/c/{slug:str}/new/draft", request_max_body_size=RECORD_LIMIT)
async def keep_draft_of_new(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Keep what is typed on an open page. Who has cancelled is led back, and told what is kept.

    The answer is 204 with the version to go on with, on which form the draft is begun where the page did not say, and
    that it had `ended` before; or 409 when another page has gone on, or has made what it leads to, or the page is
    `too old`.
    """
    cancelled = "cancel" in form
    access = await enter_collection(transaction, member, slug, "read" if cancelled else "add to")
    collection = access.collection
    if cancelled and not may(member, "add to", access):
        return see_other(f"/c/{slug}")
    fields = await list_fields(transaction, collection)
    values = read_typed(fields, form)
    nothing = holds_nothing(fields, values)
    page = TypedOn.read(collection, form)
    kept = await keep_new_draft(transaction, collection, member, values, page, nothing=nothing)
    if cancelled:
        return see_other(f"/c/{slug}{'' if nothing or kept.behind or kept.too_old else '?done=kept'}")
    if kept.behind or kept.too_old:
        why = {"X-Draft-State": "too old"} if kept.too_old else {"X-Draft-Made": kept.made} if kept.made else {}
        return Response(None, status_code=409, headers=why)
    begun = {} if form["draft-begun"] else {"X-Draft-Begun": page.begun}
    state = {"X-Draft-State": "ended"} if kept.ended else {}
    return Response(None, status_code=204, headers={"X-Draft": str(kept.version), **begun, **state})


@post("/c/{slug:str}/new/draft/discard")
async def discard_draft_of_new(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Throw the draft away, and begin with an empty form, or with the copy that was asked for before."""
    collection = (await enter_collection(transaction, member, slug, "add to")).collection
    values = await discard_new_draft(transaction, collection, member, TypedOn.read(collection, form))
    offer = await offer_new_draft(transaction, collection, member, values) if values is not None else None
    copied = form.number("copy")
    return lead_to(f"/c/{slug}/new{f'?copy={copied}' if copied else ''}", offer)


handlers = [show_new, add_record, keep_draft_of_new, discard_draft_of_new]
