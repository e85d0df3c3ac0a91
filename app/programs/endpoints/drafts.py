"""What the member has typed over a record, or of one that is not added, and not saved: read, kept and discarded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from litestar import Response
from litestar.exceptions import NotFoundException
from litestar.params import HeaderParameter

from app.accounts.members import Member
from app.database import Transaction
from app.editing.drafts import Draft, find_draft, keep_draft, settle_draft
from app.programs.answering import TAGGED
from app.programs.endpoints.collections import COLLECTION
from app.programs.endpoints.records import RECORD
from app.programs.problems import Problem
from app.programs.record_shapes import DraftChange, DraftShape
from app.programs.records import TAG, check_named, check_seen, describe_changed, read_any_tag, read_given, read_version
from app.programs.routes import changes, reads, removes
from app.programs.shapes import in_utc
from app.records.access import enter_collection
from app.records.collections import Collection
from app.records.fields import Fields, list_fields
from app.records.formats import bring_into_formats
from app.records.forms import RECORD_LIMIT, open_record
from app.records.new_drafts import TypedOn, discard_new_draft, find_any_new_draft, keep_new_draft
from app.records.records import Record
from app.records.values import value_of_before, write_values

DRAFT = RECORD + "/draft"
NEW_DRAFT = COLLECTION + "/draft"
IfMatchDraft = Annotated[
    str | None,
    HeaderParameter(
        name="If-Match",
        description="The `ETag` of the draft; where there is none, the version of the record; without it: 428.",
    ),
]
IfNoDraft = Annotated[
    Literal["*"] | None,
    HeaderParameter(name="If-None-Match", description="`*`, in the place of `If-Match`: only where there is no draft."),
]


def shape_draft(fields: Fields, record: Record, draft: Draft) -> DraftShape:
    """A draft, for programs."""
    typed, saved = bring_into_formats(fields, draft.values or {}), write_values(fields, record.values)
    values = {
        field.key: typed[field.ref]
        for field in fields
        if field.ref in typed and typed[field.ref] != saved.get(field.ref, "")
    }
    return DraftShape(values, draft.version, in_utc(draft.typed_at))


async def get_own_draft(transaction: Transaction, member: Member, fields: Fields, record: Record) -> DraftShape:
    """One's draft of a record. Raises NotFoundException."""
    draft = await find_draft(transaction, record, member)
    if draft is None:
        raise NotFoundException
    return shape_draft(fields, record, draft)


@reads(DRAFT, scope="records:read")
async def show_draft(transaction: Transaction, member: Member, slug: str, number: int) -> DraftShape:
    """What one has typed over a record and not saved; 404 where there is nothing."""
    _, record, fields = await open_record(transaction, member, slug, number, deleted=None)
    return await get_own_draft(transaction, member, fields, record)


@changes(DRAFT, scope="records:write", answers=(412, 428), request_max_body_size=RECORD_LIMIT)
async def change_draft(
    transaction: Transaction,
    member: Member,
    slug: str,
    number: int,
    data: DraftChange,
    if_match: IfMatchDraft = None,
    if_none_match: IfNoDraft = None,
) -> Response[DraftShape]:
    """Keep values as typed over a record and not saved: pages offer to go on with them. Fields that are not named stay
    as they were typed, or saved. It needs no lock, and changes nothing of the record."""
    if if_none_match is None:
        check_named(if_match)
    _, record, fields = await open_record(transaction, member, slug, number, "edit")
    saved, draft = write_values(fields, record.values), await find_draft(transaction, record, member)
    if draft is not None and if_none_match is not None:
        raise Problem("version-changed", "Something was typed by now. Read it, and send its ETag as If-Match.")
    if draft is not None:
        check_seen(if_match, shape_draft(fields, record, draft))
    elif if_match is not None:
        check_begun(if_match, record)
    typed, named = read_given(fields, data.values, record), refs_of(fields, data.values)
    before = {**saved, **bring_into_formats(fields, draft.values or {})} if draft else saved
    typed = {ref: value if ref in named else before.get(ref, value) for ref, value in typed.items()}
    if all(value == saved.get(ref, "") for ref, value in typed.items()):
        raise Problem("invalid", errors={"values": "This is what is saved."})
    version = draft.version if draft else record.version
    await keep_draft(transaction, record, member, typed, saved=saved, token=None, version=version)
    return Response(await get_own_draft(transaction, member, fields, record), headers=TAGGED)


def check_begun(if_match: str, record: Record) -> None:
    """Raise a 412 problem where nothing is typed over a record, and what a change means is neither the version of it
    that it is typed over: what was typed is gone, or saved."""
    if read_any_tag(if_match) and TAG.fullmatch(if_match.strip()) is None:
        raise Problem("version-changed", "Nothing is typed over it by now.", version=record.version)
    if read_version(if_match) != record.version:
        raise describe_changed(record)


def refs_of(fields: Fields, given: Mapping[str, Any]) -> set[str]:
    """The fields that are named, as values are kept by."""
    return {field.ref for field in fields if field.key in given}


@removes(DRAFT, scope="records:write")
async def discard_draft_by_program(transaction: Transaction, member: Member, slug: str, number: int) -> None:
    """Discard what one has typed over a record and not saved. Where there is nothing, that is no error."""
    _, record, _ = await open_record(transaction, member, slug, number, "edit")
    if await find_draft(transaction, record, member) is not None:
        await settle_draft(transaction, record, member)


async def get_own_new_draft(
    transaction: Transaction, member: Member, collection: Collection, fields: Fields
) -> DraftShape:
    """One's draft of a record that is not added. Raises NotFoundException."""
    draft = await find_any_new_draft(transaction, collection, member)
    if draft is None or draft.values is None:
        raise NotFoundException
    typed = bring_into_formats(fields, draft.values)
    begun = {field.ref: field.write(value_of_before(field, None)) for field in fields}
    values = {each.key: typed[each.ref] for each in fields if typed.get(each.ref, begun[each.ref]) != begun[each.ref]}
    return DraftShape(values, draft.version, in_utc(draft.typed_at))


@reads(NEW_DRAFT, scope="records:read")
async def show_new_draft(transaction: Transaction, member: Member, slug: str) -> DraftShape:
    """What one has typed of a record that is not added; 404 where there is nothing."""
    collection = (await enter_collection(transaction, member, slug, "read")).collection
    return await get_own_new_draft(transaction, member, collection, await list_fields(transaction, collection))


@changes(NEW_DRAFT, scope="records:write", request_max_body_size=RECORD_LIMIT)
async def change_new_draft(
    transaction: Transaction, member: Member, slug: str, data: DraftChange
) -> Response[DraftShape]:
    """Keep values as typed of a record that is not added: pages offer to go on with them. Fields that are not named
    stay as they were typed, or have their defaults."""
    collection = (await enter_collection(transaction, member, slug, "add to")).collection
    fields = await list_fields(transaction, collection)
    typed, named = read_given(fields, data.values), refs_of(fields, data.values)
    draft = await find_any_new_draft(transaction, collection, member)
    before = bring_into_formats(fields, draft.values or {}) if draft else {}
    typed = {ref: value if ref in named else before.get(ref, value) for ref, value in typed.items()}
    await keep_new_draft(transaction, collection, member, typed, TypedOn("", 0, draft.version if draft else 0))
    return Response(await get_own_new_draft(transaction, member, collection, fields), headers=TAGGED)


@removes(NEW_DRAFT, scope="records:write")
async def discard_new_draft_by_program(transaction: Transaction, member: Member, slug: str) -> None:
    """Discard what one has typed of a record that is not added. Where there is nothing, that is no error."""
    collection = (await enter_collection(transaction, member, slug, "add to")).collection
    await discard_new_draft(transaction, collection, member, TypedOn("", 0, 0))


endpoints: list[Any] = [
    show_draft,
    change_draft,
    discard_draft_by_program,
    show_new_draft,
    change_new_draft,
    discard_new_draft_by_program,
]
