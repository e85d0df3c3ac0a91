"""Pages of editing a record: the form, and saving it."""

from __future__ import annotations

from typing import Any

from litestar import MediaType, Response, get, post
from litestar.exceptions import NotFoundException
from markupsafe import Markup

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import notice, render_page
from app.database import Transaction
from app.editing.drafts import Draft, find_draft, keep_draft, settle_draft
from app.editing.locks import release_lock, take_lock
from app.editing.pushes import push_standings
from app.editing.rows import Held, Proof
from app.editing.waiting import find_waiting, join_queue
from app.records.access import channels_in, enter_collection
from app.records.changes import Changed, change_record
from app.records.collections import Collection
from app.records.conflicts import lead_to_saved, render_conflict
from app.records.fields import Fields, list_fields
from app.records.formats import bring_into_formats
from app.records.forms import (
    RECORD_LIMIT,
    Removed,
    describe_editor,
    find_errors,
    find_removed,
    holds_unseen,
    lease_of,
    open_record,
    read_typed,
    refuse_unsent,
    render_form,
    render_record,
    render_typed,
)
from app.records.history import list_differences
from app.records.left_over import carried_over
from app.records.records import Record, title_of
from app.records.values import list_read_only, write_values
from app.web.calls import is_call
from app.web.cookies import CookieError, read_cookie
from app.web.errors import PageError
from app.web.forms import Form, Invalid, number_of
from app.web.markdown.long_texts import render_long_texts_aside
from app.web.redirects import see_other
from app.web.texts import _l
from app.web.visits import is_visit

notice("unchanged", _l("Nothing was changed."))


@get("/c/{slug:str}/{number:int}/edit", opt={"writes": True})
async def show_edit(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    lock: str = "",
) -> Response[Any]:
    """The form, whose opening takes the lock; or, while somebody else has it, the record to read and a place in line.

    `lock` is the token of the lock of another page of this member, from which this one goes on.
    """
    try:
        collection, record, fields = await open_record(transaction, member, slug, number, "edit")
    except PageError:
        _, record, _ = await open_record(transaction, member, slug, number)
        if not is_visit(request) or await find_draft(transaction, record, member) is None:
            raise
        return see_other(f"/c/{slug}/{number}/draft")  # there they can read it, at least
    if not is_visit(request):
        waiting = await find_waiting(transaction, record, member)
        return await render_record(request, transaction, member, collection, fields, record, waiting=waiting)
    moving = number_of(lock) or read_reloading(request)
    proof = await take_lock(transaction, record, member, lease=lease_of(request), moving=moving)
    if proof is None:
        waiting = None
        if record.lock_member_id != member.id:
            waiting = await join_queue(transaction, record, member, lease_of(request))
            push_standings(transaction, record)
        return await render_record(
            request, transaction, member, collection, fields, record, waiting=waiting, joined=True
        )
    draft = await find_draft(transaction, record, member)
    if draft is not None and not (moving and draft.version == record.version):
        return await render_draft(request, transaction, member, collection, fields, record, proof, draft)
    values = write_draft_over(fields, record, draft)
    form = Form([*values.items(), ("version", str(record.version))])
    return await render_form(request, transaction, member, collection, fields, form, record=record, proof=proof)


def write_draft_over(fields: Fields, record: Record, draft: Draft | None) -> dict[str, str]:
    """What a record has, as its form has it, with what the member had typed, also into fields of another kind now."""
    typed = bring_into_formats(fields, (draft and draft.values) or {})
    return write_values(fields, record.values) | carried_over(fields, typed, record) | typed


def read_reloading(request: AnyRequest) -> int:
    """The token of the lock of the page that this request reloads (js/record-editor.js leaves it in a cookie), or 0."""
    try:
        return number_of(read_cookie(request.scope["headers"], "editing") or "")
    except CookieError:
        return 0


async def render_draft(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    collection: Collection,
    fields: Fields,
    record: Record,
    proof: Proof,
    draft: Draft,
) -> Response[str]:
    """What the member had typed and not saved, beside what is saved now; to go on with, or to discard."""
    mine = write_draft_over(fields, record, draft)
    form = Form(list(mine.items()))
    return await render_page(
        request,
        transaction,
        member,
        "records/draft.html",
        channels=f"{await channels_in(transaction, member, collection)} record.{record.id}",
        collection=collection,
        record=record,
        fields=fields,
        title=title_of(fields, record.values),
        draft=draft,
        mine=mine,
        read_only=list_read_only(fields, member),
        removed=find_removed(fields, form, record),
        differences=await list_differences(transaction, fields, record, mine, draft.version),
        **await describe_editor(request, transaction, member, record, proof),
    )


@post("/c/{slug:str}/{number:int}/edit", request_max_body_size=RECORD_LIMIT, opt={"prepare": render_typed})
async def save_record(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    form: Form,
) -> Response[Any]:
    """Save over the version that the form was opened with; else show both, and lose nothing that was typed."""
    collection, record, fields = await open_record(transaction, member, slug, number, "edit", deleted=None)
    proof, version = Proof.read(form["lock-token"]), number_of(form["version"])
    mine = read_typed(fields, form, record)
    try:
        if fields.removed and holds_unseen(fields, form, record):
            raise Removed(**find_errors(fields, mine, member, record))
        refuse_unsent(fields, form, mine, member, record)
        changed = await change_record(
            transaction, collection, record, mine, member, version=version, proof=proof, fields=fields
        )
    except Invalid as invalid:
        form.errors = invalid.errors
        await keep_draft(
            transaction,
            record,
            member,
            mine,
            saved=write_values(fields, record.values),
            token=proof.token,
            version=version,
        )
        return await render_form(
            request,
            transaction,
            member,
            collection,
            fields,
            form,
            record=record,
            proof=proof,
            status=invalid.status,
        )
    except (Changed, Held) as refusal:
        held = isinstance(refusal, Held)
        done = None
        if not held:
            done = await lead_to_saved(transaction, collection, fields, record, member, mine, version, done="saved")
        if done and not find_removed(fields, form, record):
            draft = await find_draft(transaction, record, member)
            if draft is not None and draft.values == mine:
                await settle_draft(transaction, record, member)
            await release_lock(transaction, record, member, proof)
            return done
        await keep_draft(
            transaction, record, member, mine, saved=write_values(fields, record.values), token=None, version=version
        )
        await release_lock(transaction, record, member, proof)
        return await render_conflict(request, transaction, member, collection, fields, record, form, held=held)
    return see_other(f"/c/{slug}/{number}?done={'saved' if changed else 'unchanged'}")


@post("/c/{slug:str}/preview/{key:str}", request_max_body_size=RECORD_LIMIT, opt={"writes": False})
async def preview_text(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, key: str, form: Form
) -> Response[Any]:
    """What is typed into a field as it will be shown, or why it won't do: for the form, or on a page of its own."""
    collection = (await enter_collection(transaction, member, slug, "read")).collection
    field = (await list_fields(transaction, collection)).find(key)
    if field is None:
        raise NotFoundException
    try:
        value = field.read(form[field.ref])
    except ValueError as error:
        html = Markup('<p class="error">{}</p>').format(error.args[0].translate(transaction.tenant.language))
    else:
        await render_long_texts_aside(Fields([field]).list_long_texts({field.ref: value}))
        html = field.show(value)
    if is_call(request):
        return Response(html, status_code=200, media_type=MediaType.HTML)
    return await render_page(request, transaction, member, "records/preview.html", field=field, html=html)


handlers = [show_edit, save_record, preview_text]
