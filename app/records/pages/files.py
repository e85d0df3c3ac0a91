"""Files of records: brought on the page that edits one, and fetched by those who may see it."""

from __future__ import annotations

from typing import Any

from litestar import MediaType, Response, get, post
from litestar.exceptions import NotFoundException
from litestar.response import File

from app.accounts.access import AnyRequest, write_signed_in
from app.accounts.members import Member
from app.accounts.rights import may, require
from app.database import Transaction
from app.editing.rows import Proof
from app.files.answers import answer_file, answer_preview
from app.files.arriving import Arriving
from app.files.storing import NotStored, clear_swept, delete_files, files_of, key_of_upload, store_form
from app.jobs.sweeps import sweeps_with_settings
from app.records.access import enter_collection
from app.records.collections import Collection
from app.records.fields import Field, Fields, list_fields
from app.records.files import RecordFile, add_record_file, delete_unsaved, get_record_file, measure_record_upload
from app.records.forms import RECORD_LIMIT, open_record, render_form
from app.records.records import Record
from app.settings import Settings
from app.web.calls import is_call, refuse_call
from app.web.errors import PageError
from app.web.forms import Form, Invalid, number_of
from app.web.templates import render
from app.web.texts import _l


@sweeps_with_settings(RecordFile)
async def sweep_record_files(transaction: Transaction, limit: int, settings: Settings) -> int:
    """Delete the files that were never saved with a record, and those whose record is gone for good."""
    keys = await delete_unsaved(transaction, limit)
    clear_swept(transaction, files_of(settings, transaction.tenant), keys)
    return len(keys)


@post("/c/{slug:str}/files/{key:str}", request_max_body_size=None, opt={"streams": True})
async def bring_record_files(
    request: AnyRequest, transaction: Transaction, member: Member, settings: Settings, slug: str, key: str
) -> Response[Any]:
    """Store files for a field of a record that is edited, or added. The answer is what the form shows of them, and the
    same each time for one with the key of an `upload`; without scripts, the whole form with what was typed into it, and
    what was chosen in its other fields as well."""
    tenant = transaction.tenant
    collection, _ = await open_edited(request, transaction, member, slug)
    fields = await list_fields(transaction, collection)
    field = find_files_field(fields, key)
    require(member, "change", field)
    places = {
        f"file-{each.ref}": each.ref for each in fields if each.kind_name == "files" and may(member, "change", each)
    }
    directory = files_of(settings, tenant)
    limit, quota = settings.file_limit_megabytes * 1_000_000, settings.files_quota_megabytes * 1_000_000
    arriving: Arriving = request.app.state.arriving
    kept = await measure_record_upload(transaction, request.headers.get("x-upload", ""))
    try:
        sent = await store_form(
            await arriving.take(request, transaction, quota=quota, text=RECORD_LIMIT, kept=kept),
            request.headers.get("content-type", ""),
            directory=directory,
            limit=limit,
            fields=["file", *places],
            most_text=RECORD_LIMIT,
        )
    except NotStored as refusal:
        if is_call(request):
            return refuse_call(tenant.language, refusal.text, refusal.status)
        raise PageError(refusal.status, refusal.text, heading=_l("The file was not saved")) from refusal
    keys = [stored.key for stored in sent.files]
    form = Form(sent.texts)
    try:
        async with write_signed_in(request) as (writing, author):
            collection, _ = await open_edited(request, writing, author, slug)
            require(author, "change", find_files_field(await list_fields(writing, collection), key))
            upload = key_of_upload(sent) if is_call(request) else ""
            brought = [
                (await add_record_file(writing, collection, author, stored, quota=quota, upload=upload), stored.problem)
                for stored in sent.files
            ]
            if not is_call(request):
                for name, (file, _) in zip(sent.files_in, brought, strict=True):
                    form.values.setdefault(places.get(name, field.ref), []).append(file.named.line)
                return await show_form_again(request, writing, author, slug, form)
    except BaseException as error:  # whatever it is, no file stays that nothing names
        await delete_files(directory, keys)
        if not isinstance(error, Invalid):
            raise
        if is_call(request):
            return refuse_call(tenant.language, error.first, error.status)
        raise PageError(error.status, error.first, heading=_l("The file was not saved")) from error
    there = {file.key for file, _ in brought}
    await delete_files(directory, [key for key in keys if key not in there])
    context = {"field": field, "brought": [(file.named, problem) for file, problem in brought]}
    html = render(tenant.language, "records/_brought.html", **context)
    return Response(html, status_code=200, media_type=MediaType.HTML)


def find_files_field(fields: Fields, key: str) -> Field:
    """The field that files are brought for. Raises NotFoundException."""
    field = fields.find(key)
    if field is None or field.kind_name != "files":
        raise NotFoundException
    return field


async def open_edited(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str
) -> tuple[Collection, Record | None]:
    """The collection and record whose form files are brought to; None for a record that is going to be added.

    Raises NotFoundException, and a 403 page for who may not do that.
    """
    number = request.query_params.get("number", "")
    if not number:
        return (await enter_collection(transaction, member, slug, "add to")).collection, None
    collection, record, _ = await open_record(transaction, member, slug, number_of(number), "edit")
    return collection, record


async def show_form_again(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form
) -> Response[str]:
    """The form with what was typed into it; of a record where it says which one."""
    collection, record = await open_edited(request, transaction, member, slug)
    fields = await list_fields(transaction, collection)
    if record is None:
        return await render_form(request, transaction, member, collection, fields, form)
    proof = Proof.read(form["lock-token"])
    return await render_form(request, transaction, member, collection, fields, form, record=record, proof=proof)


@get("/record-files/{record_file_id:int}/preview")
async def show_record_preview(
    transaction: Transaction, member: Member, settings: Settings, record_file_id: int
) -> File:
    """The small picture of a file, to those who may see its record."""
    file = await get_record_file(transaction, member, record_file_id)
    return answer_preview(files_of(settings, transaction.tenant), file)


@get("/record-files/{record_file_id:int}")
async def show_record_file(transaction: Transaction, member: Member, settings: Settings, record_file_id: int) -> File:
    """A file as it was brought: pictures in the window, everything else as a download."""
    file = await get_record_file(transaction, member, record_file_id)
    return answer_file(files_of(settings, transaction.tenant), file)


handlers = [bring_record_files, show_record_preview, show_record_file]
