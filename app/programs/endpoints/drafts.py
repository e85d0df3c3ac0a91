"""What the member has typed over a record and not saved: read, kept and discarded."""

from __future__ import annotations

from litestar.exceptions import NotFoundException

from app.accounts.members import Member
from app.database import Transaction
from app.editing.drafts import Draft, find_draft, keep_draft, settle_draft
from app.programs.endpoints.records import RECORD
from app.programs.problems import Problem
from app.programs.record_shapes import DraftChange, DraftShape
from app.programs.records import IfMatch, read_given, read_version
from app.programs.routes import changes, reads, removes
from app.programs.shapes import in_utc
from app.records.fields import Fields
from app.records.formats import bring_into_formats
from app.records.forms import RECORD_LIMIT, open_record
from app.records.records import Record
from app.records.values import write_values

DRAFT = RECORD + "/draft"


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
    transaction: Transaction, member: Member, slug: str, number: int, data: DraftChange, if_match: IfMatch = None
) -> DraftShape:
    """Keep values as typed over a record and not saved, in the place of what was: pages offer to go on with them. It
    needs no lock, and changes nothing of the record."""
    version = read_version(if_match)
    _, record, fields = await open_record(transaction, member, slug, number, "edit")
    if version != record.version:
        raise Problem("version-changed", f"It is at version {record.version} by now.", version=record.version)
    typed = read_given(fields, data.values, record)
    saved = write_values(fields, record.values)
    if all(value == saved.get(ref, "") for ref, value in typed.items()):
        raise Problem("invalid", errors={"values": "This is what is saved."})
    await keep_draft(transaction, record, member, typed, saved=saved, token=None, version=version)
    return await get_own_draft(transaction, member, fields, record)


@removes(DRAFT, scope="records:write")
async def discard_draft_by_program(transaction: Transaction, member: Member, slug: str, number: int) -> None:
    """Discard what one has typed over a record and not saved. Where there is nothing, that is no error."""
    _, record, _ = await open_record(transaction, member, slug, number, "edit")
    if await find_draft(transaction, record, member) is not None:
        await settle_draft(transaction, record, member)


endpoints = [show_draft, change_draft, discard_draft_by_program]
