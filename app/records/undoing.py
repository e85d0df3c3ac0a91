"""What was done with records, taken back: deleting some, discarding a draft, naming them by another field."""

from __future__ import annotations

from collections.abc import Container, Mapping
from typing import Any

from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.rights import require
from app.accounts.undo import TooLate, UndoOffer, UndoState, end_offers, offer_undo, undoes
from app.database import Transaction
from app.editing.drafts import Draft, find_any_draft, write_draft
from app.records.access import find_accesses, require_in, require_on
from app.records.bulk import restore_records
from app.records.collections import Collection
from app.records.field_places import place_field
from app.records.fields import Field, list_fields
from app.records.new_drafts import TypedOn, find_any_new_draft, keep_new_draft
from app.records.records import Record, find_numbered, find_record_place, get_record
from app.web.texts import Text, _l, _ln


def say_deleted(state: UndoState) -> Text:
    """Which record was put into the bin, or how many."""
    if state.get("title"):
        title = state["title"]
        return _l("%(title)s is in the trash. You can restore it for 30 days.", title=title)
    return _ln(
        "%(count)d record is in the trash. You can restore it for 30 days.",
        "%(count)d records are in the trash. You can restore them for 30 days.",
        len(state["records"]),
    )


async def offer_restoring(
    transaction: Transaction, member: Member, collection: Collection, versions: dict[int, int], back: str
) -> UndoOffer | None:
    """Offer to take records out of the bin again, by their numbers at the versions that deleting them has made."""
    if not versions:
        return None
    records = sorted(versions.items())
    title = ""
    if len(versions) == 1:
        title = (
            await find_record_place(transaction, await get_record(transaction, collection, *versions, deleted=None))
        ).title
    return await offer_undo(
        transaction, member, "records.deleted", collection=collection.id, records=records, back=back, title=title
    )


async def end_restoring(transaction: Transaction, collection: Collection, numbers: Container[int]) -> None:
    """Offer no more to take records out of the bin, all of them or none, of which some were taken out another way."""
    await end_offers(
        transaction,
        ["records.deleted"],
        lambda state: any(number in numbers for number, _ in state["records"]),
        collection=collection.id,
    )


@undoes("records.deleted", say_deleted)
async def restore_all(request: AnyRequest, transaction: Transaction, member: Member, state: UndoState) -> str:
    """Take records out of the bin, all of them or none."""
    collection = await transaction.get(Collection, state["collection"])
    if collection is None:
        raise NotFoundException
    versions = dict(state["records"])
    records = await find_numbered(transaction, collection, versions)
    if len(records) < len(versions) or any(record.deleted_at is None for record in records):
        raise TooLate(_l("Some of it was already restored, or is gone. The trash shows what is left."))
    for access in (await find_accesses(transaction, member, collection, records)).values():
        require(member, "delete", access)
    _, left = await restore_records(transaction, collection, versions, member)
    if any(each.permitted for each in left):
        raise TooLate(_l("Some of it has changed since. The trash shows what is left."))
    if left:
        raise TooLate(_l("A unique value has been given to another record. The trash shows what is left."))
    back: str = state["back"]
    return back


async def offer_draft(transaction: Transaction, record: Record, member: Member, draft: Draft) -> UndoOffer:
    """Offer to have a draft back that is about to be discarded, and not one of before any more."""
    about: dict[str, Any] = {"record": record.id, "whose": member.id}
    await end_offers(transaction, ["draft.discarded"], **about)
    return await offer_undo(transaction, member, "draft.discarded", **about, values=draft.values, version=draft.version)


async def offer_new_draft(
    transaction: Transaction, collection: Collection, member: Member, values: Mapping[str, str]
) -> UndoOffer:
    """Offer to have the draft of a new record back that is about to be discarded, and not one of before any more."""
    about: dict[str, Any] = {"collection": collection.id, "whose": member.id}
    await end_offers(transaction, ["new-draft.discarded"], **about)
    return await offer_undo(transaction, member, "new-draft.discarded", **about, values=dict(values))


@undoes("new-draft.discarded", _l("Draft discarded."))
async def restore_new_draft(request: AnyRequest, transaction: Transaction, member: Member, state: UndoState) -> str:
    """Have the discarded draft of a new record back, unless something was typed since."""
    collection = await transaction.get(Collection, state["collection"])
    if collection is None:
        raise NotFoundException
    await require_in(transaction, member, "add to", collection)
    draft = await find_any_new_draft(transaction, collection, member)
    if draft is None or draft.values is not None:
        raise TooLate(_l("You have typed something else since, and it is kept as your draft."))
    await keep_new_draft(transaction, collection, member, state["values"], TypedOn("", 0, draft.version))
    return f"/c/{collection.slug}/new"


@undoes("draft.discarded", _l("Draft discarded."))
async def restore_discarded(request: AnyRequest, transaction: Transaction, member: Member, state: UndoState) -> str:
    """Have a discarded draft back, unless something was typed since."""
    record = await transaction.get(Record, state["record"])
    if record is None or record.deleted_at is not None:
        raise TooLate(_l("The record is no longer there."))
    collection = await transaction.get_one(Collection, record.collection_id)
    await require_on(transaction, member, "edit", collection, record)
    draft = await find_any_draft(transaction, record, member)
    if draft is not None and draft.values is not None:
        raise TooLate(_l("You have typed something else since, and it is kept as your draft."))
    await write_draft(
        transaction,
        record,
        member,
        draft,
        token=record.lock_token,
        version=state["version"],
        values=state["values"],
    )
    return (await find_record_place(transaction, record)).address


async def offer_order(
    transaction: Transaction, member: Member, collection: Collection, field: Field, place: int, first: Field
) -> UndoOffer:
    """Offer to put a field back into its place, as records are called by another first one now."""
    state = {"collection": collection.id, "field": field.id, "place": place, "first": first.id, "label": first.label}
    return await offer_undo(transaction, member, "fields.ordered", **state)


def say_named(state: UndoState) -> Text:
    """What records are called by now."""
    return _l("Records are now named by “%(label)s”.", label=state.get("label", ""))


@undoes("fields.ordered", say_named, stays=True)
async def restore_order(request: AnyRequest, transaction: Transaction, member: Member, state: UndoState) -> str:
    """Put a field back into the place that it had."""
    require(member, "manage", "collections")
    collection = await transaction.get(Collection, state["collection"])
    if collection is None:
        raise NotFoundException
    fields = await list_fields(transaction, collection)
    field = next((each for each in fields if each.id == state["field"]), None)
    if field is None or fields[0].id != state["first"]:
        raise TooLate(_l("The fields have changed since."))
    await place_field(transaction, collection, field, member, state["place"])
    return f"/c/{collection.slug}/fields"
