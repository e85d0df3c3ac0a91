"""Going back to an older revision of a record."""

from __future__ import annotations

from typing import Any

from litestar import Response, post

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import notice
from app.database import Transaction
from app.editing.locks import take_lock
from app.editing.rows import Held
from app.records.changes import Changed, write_record
from app.records.conflicts import lead_to_saved, render_conflict
from app.records.forms import lease_of, open_record, render_form
from app.records.history import get_revision, values_as_before
from app.records.values import write_values
from app.web.forms import Form, Invalid, number_of
from app.web.redirects import see_other
from app.web.texts import _l

notice("reverted", _l("Version restored."))
notice("reverted-partly", _l("Restored, except for the fields you may not change."))
notice("not-reverted", _l("Nothing was changed: the differences are in fields you may not change."))


@post("/c/{slug:str}/{number:int}/revisions/{version:int}/restore")
async def revert(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    version: int,
    form: Form,
) -> Response[Any]:
    """Save an old revision's values as the record's next version, but for the fields that the member may not change."""
    collection, record, fields = await open_record(transaction, member, slug, number, "edit")
    values, kept = values_as_before(fields, record, await get_revision(transaction, record, version), member)
    try:
        changed = await write_record(
            transaction,
            collection,
            record,
            values,
            member,
            version=number_of(form["version"]),
            what="reverted",
            fields=fields,
        )
    except Invalid as invalid:
        proof = await take_lock(transaction, record, member, lease=lease_of(request))
        if proof is None:
            return await render_conflict(request, transaction, member, collection, fields, record, held=True)
        form = Form([*write_values(fields, values).items(), ("version", str(record.version))])
        form.errors = invalid.errors
        return await render_form(
            request,
            transaction,
            member,
            collection,
            fields,
            form,
            record=record,
            proof=proof,
            status=422,
        )
    except (Changed, Held) as refusal:
        held = isinstance(refusal, Held)
        mine = write_values(fields, values)
        seen = number_of(form["version"])
        done = None
        if not held:
            done = await lead_to_saved(transaction, collection, fields, record, member, mine, seen, done="reverted")
        if done:
            return done
        form = Form(list(mine.items()))
        return await render_conflict(request, transaction, member, collection, fields, record, form, held=held)
    if kept:
        return see_other(f"/c/{slug}/{number}?done={'reverted-partly' if changed else 'not-reverted'}")
    return see_other(f"/c/{slug}/{number}?done={'reverted' if changed else 'unchanged'}")


handlers = [revert]
