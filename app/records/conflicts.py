"""What is shown, and done, when a record is at another version than the one that somebody saves over."""

from __future__ import annotations

from litestar import Response
from litestar.response import Redirect

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import render_page
from app.database import Transaction
from app.records.access import channels_in
from app.records.collections import Collection
from app.records.fields import Fields
from app.records.forms import find_removed, read_typed
from app.records.history import compare, is_saved_already, list_differences, list_history
from app.records.records import Record, title_of
from app.records.values import list_read_only, write_values
from app.web.forms import Form, number_of
from app.web.redirects import see_other


async def render_conflict(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    collection: Collection,
    fields: Fields,
    record: Record,
    form: Form | None = None,
    *,
    held: bool = False,
) -> Response[str]:
    """The 409 page: what is saved now beside what was typed, with the way to save that after all.

    With `held`, it says who edits the record now.
    """
    differences = {}
    if form:
        version = number_of(form["version"])
        mine = read_typed(fields, form, record)
        differences = await list_differences(transaction, fields, record, mine, version)
    history = await list_history(transaction, fields, record, limit=1)
    return await render_page(
        request,
        transaction,
        member,
        "records/conflict.html",
        status=409,
        channels=await channels_in(transaction, member, collection),
        collection=collection,
        record=record,
        fields=fields,
        form=form,
        typed=read_typed(fields, form, record) if form else {},
        held=held,
        title=title_of(fields, record.values),
        differences=differences,
        read_only=list_read_only(fields, member),
        removed=find_removed(fields, form, record) if form else [],
        last=history[0],
    )


async def lead_to_saved(
    transaction: Transaction,
    collection: Collection,
    fields: Fields,
    record: Record,
    member: Member,
    mine: dict[str, str],
    version: int,
    *,
    done: str,
) -> Redirect | None:
    """Lead to a record over which nothing is to be saved, though it is at another version by now: this was saved
    already, and its answer was lost (`done` is what that said), or somebody else has saved the same. None when there
    is something to decide."""
    address = f"/c/{collection.slug}/{record.number}"
    if record.deleted_at is not None:
        return None
    if await is_saved_already(transaction, fields, record, member, mine, version):
        return see_other(f"{address}?done={done}")
    if not compare(list(fields), write_values(fields, record.values), mine):
        return see_other(f"{address}?done=unchanged")
    return None
