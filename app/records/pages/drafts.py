"""Pages of what somebody has typed and not saved, to be read and copied: also where they can't go on with it, as the
collection was archived, the record is in the bin or being edited, or they have lost the right."""

from __future__ import annotations

from typing import Any

from litestar import Response, get

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import render_page
from app.database import Transaction
from app.editing.drafts import Draft, find_draft
from app.records.access import channels_in, enter_collection
from app.records.collections import Collection
from app.records.fields import Fields, list_fields
from app.records.formats import bring_into_formats
from app.records.forms import open_record
from app.records.left_over import list_left_over
from app.records.new_drafts import find_any_new_draft
from app.records.records import Record, title_of
from app.records.values import value_of_before
from app.web.redirects import see_other


@get("/c/{slug:str}/{number:int}/draft")
async def show_typed(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, number: int
) -> Response[Any]:
    """What the member has typed over a record."""
    collection, record, fields = await open_record(transaction, member, slug, number, deleted=None)
    draft = await find_draft(transaction, record, member)
    return await render_typed_words(request, transaction, member, collection, fields, draft, record)


@get("/c/{slug:str}/new/draft")
async def show_typed_of_new(request: AnyRequest, transaction: Transaction, member: Member, slug: str) -> Response[Any]:
    """What the member has typed of a record that was not added."""
    collection = (await enter_collection(transaction, member, slug, "read")).collection
    draft = await find_any_new_draft(transaction, collection, member)
    return await render_typed_words(
        request, transaction, member, collection, await list_fields(transaction, collection), draft, None
    )


async def render_typed_words(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    collection: Collection,
    fields: Fields,
    draft: Draft | None,
    record: Record | None,
) -> Response[Any]:
    """What is in a draft and not in the record, as people read it. Where there is none, it leads back."""
    if draft is None or draft.values is None:
        return see_other(f"/c/{collection.slug}{f'/{record.number}' if record else ''}")
    typed = bring_into_formats(fields, draft.values)
    shown = []
    for field in fields:
        before = value_of_before(field, record.values if record else None)
        saved = field.write(before)
        if typed.get(field.ref, saved) != saved:
            shown.append((field, field.quote_typed(typed[field.ref], before)))
    shown += [(left.field, left.described) for left in list_left_over(fields, typed, record)]
    return await render_page(
        request,
        transaction,
        member,
        "records/typed.html",
        channels=await channels_in(transaction, member, collection) + (f" record.{record.id}" if record else ""),
        collection=collection,
        record=record,
        title=title_of(fields, record.values) if record else "",
        draft=draft,
        shown=shown,
    )


handlers = [show_typed, show_typed_of_new]
