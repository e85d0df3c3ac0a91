"""Pages of importing a table, or what was exported as JSON: the form, what it would do, and what it has done."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from litestar import Response, get, post
from litestar.exceptions import HTTPException
from sqlalchemy.exc import DBAPIError, TimeoutError

from app.accounts.access import AnyRequest, SignInNeeded, client_address, read_signed_in, write_signed_in
from app.accounts.form_answers import (
    MadeAlready,
    find_answer,
    find_end_of_part,
    keep_answer,
    keep_end_of_part,
    key_of_parts,
)
from app.accounts.members import Member
from app.accounts.shell import notice, render_page
from app.database import Actor, Database, Transaction
from app.files.arriving import Arriving
from app.files.storing import NotStored, delete_files, files_of, store_form
from app.files.uploads import UNCLEAN, in_thread, path_of
from app.records.access import enter_collection
from app.records.collections import Collection
from app.records.encodings import NO_TABLE, decode_text, why_no_table
from app.records.fields import list_fields
from app.records.import_writing import ImportReport, note_imported, read_versions, take_part, write_lines
from app.records.imports import MOST_LINES, Plan, parse_import, plan_import
from app.records.limits import SHORT_TABLE, ImportLimit
from app.settings import Settings
from app.web.bodies import parse_in_turn
from app.web.endings import end_early
from app.web.errors import PageError
from app.web.forms import Form, number_of
from app.web.texts import Text, _l, _ln
from app.web.typed_texts import TypedText

# Tables are long, and letters take up to twelve bytes in a form.
IMPORT_LIMIT = 8 * 1024 * 1024
FILE_LIMIT = 2_000_000

SHOWN_OTHERWISE = _l(
    "The fields, or how numbers and dates are written, have changed since the preview. Nothing was imported:"
    " check the preview again."
)


async def tell_counts(transaction: Transaction, member: Member, about: str) -> str | None:
    """How many records an import has added and changed, as its address has both numbers."""
    added, _, changed = about.partition("-")
    counts = (
        _ln("%(count)d record added", "%(count)d records added", number_of(added)),
        _ln("%(count)d record changed", "%(count)d records changed", number_of(changed)),
    )
    return ", ".join(each.translate(transaction.tenant.language) for each in counts if each.values["count"]) or None


notice("imported", _l("Table imported."), named=_l("Table imported: %(name)s."), find=tell_counts)
notice("imported-partly", _l("The table was imported, but not completely: some records were left unchanged."))


@get("/c/{slug:str}/import")
async def show_import(request: AnyRequest, transaction: Transaction, member: Member, slug: str) -> Response[str]:
    """The form for a table."""
    return await render_import(request, transaction, member, slug, Form(), "records/import.html")


@post("/c/{slug:str}/import/file", request_max_body_size=None, opt={"streams": True})
async def read_table_file(
    request: AnyRequest, transaction: Transaction, member: Member, settings: Settings, slug: str
) -> Response[str]:
    """The form with the text of a file, where one can look at it."""
    await enter_collection(transaction, member, slug, "import into")
    directory = files_of(settings, transaction.tenant)
    content_type = request.headers.get("content-type", "")
    arriving: Arriving = request.app.state.arriving
    try:
        chunks = await arriving.take(request, transaction, quota=None)
        sent = await store_form(
            chunks, content_type, directory=directory, limit=FILE_LIMIT, fields=["file"], most_text=10_000
        )
    except NotStored as refusal:
        why = NO_TABLE if refusal.text == UNCLEAN else refusal.text  # a damaged picture is no table, whatever ails it
        return await refuse_table_file(request, slug, why, refusal.status)
    keys = [stored.key for stored in sent.files]
    try:
        contents = [await in_thread(path_of(directory, key).read_bytes) for key in keys[:1]]
    finally:
        await delete_files(directory, keys)
    refusals = [reason for content in contents if (reason := why_no_table(content))]
    texts = [] if refusals else [await in_thread(decode_text, content) for content in contents]
    form = Form([("table", text) for text in texts])
    if not texts:
        return await refuse_table_file(request, slug, refusals[0] if refusals else _l("Choose a file first."), 422)
    async with read_signed_in(request) as (reading, reader):
        return await render_import(request, reading, reader, slug, form, "records/import.html")


async def refuse_table_file(request: AnyRequest, slug: str, why: Text, status: int) -> Response[str]:
    """The form again, with why a file is none for it."""
    form = Form()
    form.errors["file"] = why
    async with read_signed_in(request) as (reading, reader):
        return await render_import(request, reading, reader, slug, form, "records/import.html", status)


@post("/c/{slug:str}/import", request_max_body_size=IMPORT_LIMIT, opt={"writes": False})
async def import_records(
    request: AnyRequest, transaction: Transaction, member: Member, importing: ImportLimit, slug: str, form: Form
) -> Response[Any]:
    """Say what a table would do; with what was `seen` of that, do it, and say what was left as it is. What was shown
    with another `definition` of the fields is shown anew, and not written.

    With `again`, show the table to be changed.
    """
    await enter_collection(transaction, member, slug, "import into")
    if "again" in form:
        return await render_import(request, transaction, member, slug, form, "records/import.html")
    if "seen" in form:
        try:
            if answer := await find_answer(request, transaction, member, form):
                return answer
        except MadeAlready as already:
            form.errors = already.errors
            return await render_import(
                request, transaction, member, slug, form, "records/import.html", status=already.status
            )
    await end_early(request.scope)  # what is read, it may take long to parse
    async with importing.turn(member, long=len(form["table"]) > SHORT_TABLE):
        parsed = await parse_in_turn((member.tenant_id, member.id), parse_import, form["table"])
        async with read_signed_in(request) as (reading, reader):
            collection = (await enter_collection(reading, reader, slug, "import into")).collection
            plan = await plan_import(reading, collection, reader, parsed, skips="skip-unknown" in form)
            if plan.errors:
                form.errors["table"] = plan.errors[0]
            elif "seen" in form and form["definition"] not in ("", plan.shown_definition):
                if await find_end_of_part(reading, reader, key_of_parts(request, form), 0) is None:
                    form.errors["table"] = SHOWN_OTHERWISE
                else:  # a part was written as it was shown: the others are not written otherwise
                    plan.definition = ()
            if plan.errors or (plan.wrong and ("seen" not in form or form.errors)):
                status = 422 if plan.errors or not form.errors else 409
                return await render_import(request, reading, reader, slug, form, "records/import.html", status, plan)
            if "seen" not in form or form.errors:
                status = 409 if form.errors else 200
                template = "records/import_preview.html"
                return await render_import(request, reading, reader, slug, form, template, status, plan)
        return await write_import(request, slug, form, plan)


async def write_import(request: AnyRequest, slug: str, form: Form, plan: Plan) -> Response[Any]:
    """Write a plan, some lines in each transaction, and say what was left as it is."""
    seen = read_versions(form["seen"], MOST_LINES)
    report = ImportReport()
    parts, begin, counts_all = key_of_parts(request, form), 0, True
    while lines := take_part(plan, begin):
        try:
            async with write_signed_in(request) as (writing, author):
                collection = (await enter_collection(writing, author, slug, "import into")).collection
                end = await find_end_of_part(writing, author, parts, begin)
                if end is None:
                    end = begin + len(lines)
                    await write_lines(writing, collection, author, plan, lines, seen, report)
                    await keep_end_of_part(writing, author, parts, begin, end)
                else:  # it was written when the form was sent before
                    counts_all = False
            begin = end
        except (HTTPException, SignInNeeded, DBAPIError, TimeoutError) as cause:
            if not report.added + report.changed:
                raise
            left = [*report.not_written, *plan.lines[begin:]]
            await note_interrupted(request, collection, author, report)
            raise ImportInterrupted(cause, report, plan.table_of(left)) from cause
    async with write_signed_in(request) as (writing, author):
        collection = (await enter_collection(writing, author, slug, "import into")).collection
        if answer := await find_answer(request, writing, author, form):
            return answer
        note_imported(writing, collection, author, report)
        if not report.not_written:
            counts = f"&about={report.added}-{report.changed}" if counts_all else ""
            return await keep_answer(request, writing, author, form, f"/c/{slug}?done=imported{counts}")
        if report.added or report.changed:
            await keep_answer(request, writing, author, form, f"/c/{slug}?done=imported-partly")
    async with read_signed_in(request) as (reading, reader):
        template = "records/import_report.html"
        return await render_import(request, reading, reader, slug, form, template, 409, plan, report)


class ImportInterrupted(PageError):
    """Some of an import was stored, and the rest could not be: `typed` is the rest."""

    def __init__(self, cause: Exception, report: ImportReport, left: str) -> None:
        stored = _l(
            "Records saved before that: %(count)d. The others are below. Send the form again to continue.",
            count=report.added + report.changed,
        )
        status = cause.status_code if isinstance(cause, HTTPException) else 401
        if isinstance(cause, DBAPIError | TimeoutError):
            status = 503
        super().__init__(status, stored, heading=_l("The import was interrupted"), typed=[TypedText(left)])


async def note_interrupted(request: AnyRequest, collection: Collection, author: Member, report: ImportReport) -> None:
    """Note what an import had done when it was interrupted, as far as the database can be reached."""
    database: Database = request.app.state.database
    with suppress(DBAPIError, TimeoutError):
        async with database.write(author.tenant_id) as transaction:
            transaction.actor = Actor("page", member_id=author.id, address=client_address(request))
            note_imported(transaction, collection, author, report)


async def render_import(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    form: Form,
    template: str,
    status: int = 200,
    plan: Plan | None = None,
    outcome: ImportReport | None = None,
) -> Response[str]:
    """One of the pages of an import."""
    collection = (await enter_collection(transaction, member, slug, "import into")).collection
    return await render_page(
        request,
        transaction,
        member,
        template,
        status=status,
        aside=len(form["table"]) > SHORT_TABLE,
        collection=collection,
        fields=await list_fields(transaction, collection),
        form=form,
        file_limit=FILE_LIMIT,
        plan=plan,
        outcome=outcome,
        most=MOST_LINES,
    )


handlers = [show_import, read_table_file, import_records]
