"""Pages of importing a table: the form, what it would do, and what it has done."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.form_answers import MadeAlready, find_answer, keep_answer
from app.accounts.members import Member
from app.accounts.shell import notice, render_page
from app.database import Transaction
from app.records.access import enter_collection
from app.records.fields import list_fields
from app.records.forms import RECORD_LIMIT
from app.records.imports import MOST_LINES, ImportReport, Plan, import_table, plan_import
from app.web.forms import Form, number_of
from app.web.texts import _l

notice("imported", _l("The table was imported."))
notice("imported-partly", _l("The table was imported, but not all of it: some lines were left as they are."))


@get("/c/{slug:str}/import")
async def show_import(request: AnyRequest, transaction: Transaction, member: Member, slug: str) -> Response[str]:
    """The form for a table."""
    return await render_import(request, transaction, member, slug, Form(), "records/import.html")


@post("/c/{slug:str}/import", request_max_body_size=RECORD_LIMIT)
async def import_records(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form
) -> Response[Any]:
    """Say what a table would do; with what was `seen` of that, do it, and say what was left as it is.

    With `again`, show the table to be changed.
    """
    collection = (await enter_collection(transaction, member, slug, "import into")).collection
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
    plan = await plan_import(transaction, collection, member, form["table"])
    if plan.errors:
        form.errors["table"] = plan.errors[0]
    if "seen" in form and plan.lines:
        outcome = await import_table(transaction, collection, member, plan, read_versions(form["seen"]))
        if not outcome.not_written:
            return await keep_answer(request, transaction, member, form, f"/c/{slug}?done=imported")
        if outcome.added or outcome.changed:
            await keep_answer(request, transaction, member, form, f"/c/{slug}?done=imported-partly")
        template, status = "records/import_report.html", 409
        return await render_import(request, transaction, member, slug, form, template, status, plan, outcome)
    if plan.errors or plan.wrong:
        return await render_import(request, transaction, member, slug, form, "records/import.html", 422, plan)
    return await render_import(request, transaction, member, slug, form, "records/import_preview.html", plan=plan)


def read_versions(text: str) -> dict[int, int]:
    """Versions by number, as the page with the plan sends them back."""
    pairs = (pair.partition(":") for pair in text.split()[:MOST_LINES])
    return {number_of(number): number_of(version) for number, _, version in pairs}


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
        collection=collection,
        fields=await list_fields(transaction, collection),
        form=form,
        plan=plan,
        outcome=outcome,
        most=MOST_LINES,
    )


handlers = [show_import, import_records]
