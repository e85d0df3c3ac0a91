"""Pages of what is done with several records at once: deleting those that are ticked in a list, restoring those that
are ticked in the bin."""

from __future__ import annotations

from typing import Any

from litestar import Response, post

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import notice, render_page
from app.accounts.undo import lead_to
from app.database import Transaction
from app.records.access import enter_collection
from app.records.bulk import delete_records, restore_records
from app.records.fields import list_fields
from app.records.lists import LIST_PAGE_SIZE, read_view
from app.records.records import title_of
from app.records.undoing import end_restoring, offer_restoring
from app.web.forms import Form, number_of
from app.web.redirects import see_other
from app.web.texts import _l

notice("all-gone", _l("They were already gone."))
notice("none-chosen", _l("Nothing was deleted: nothing was selected."))
notice("restored-several", _l("Records restored."))
notice("none-restored", _l("Nothing was restored: nothing in the trash was selected."))


def read_ticked(form: Form) -> dict[int, int]:
    """The records that are ticked: their numbers, each with the version that the page showed."""
    seen = {}
    for text in form.values.get("record", [])[:LIST_PAGE_SIZE]:
        number, _, version = text.partition(":")
        seen[number_of(number)] = number_of(version)
    return seen


@post("/c/{slug:str}/delete")
async def delete_several(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form
) -> Response[Any]:
    """Put the ticked records into the bin; say which could not be, and why."""
    collection = (await enter_collection(transaction, member, slug, "delete from")).collection
    fields = await list_fields(transaction, collection)
    seen = read_ticked(form)
    view = read_view(fields, form["q"], form["sort"], form["page"])
    address = view.address(page=view.page)
    back = f"/c/{slug}{address}{'' if address == '?' else '&'}"
    if not seen:
        return see_other(f"{back}done=none-chosen")
    deleted, left = await delete_records(transaction, collection, seen, member)
    place = f"/c/{slug}{'' if address == '?' else address}"
    offer = await offer_restoring(transaction, member, collection, deleted, place)
    if not left:
        return lead_to(place, offer) if offer else see_other(f"{back}done=all-gone")
    return await render_page(
        request,
        transaction,
        member,
        "records/left_alone.html",
        status=409,
        collection=collection,
        fields=fields,
        left=[(each, title_of(fields, each.record.values)) for each in left],
        deleted=len(deleted),
        undo=offer,
        again=[
            each.record
            for each in left
            if each.permitted and each.record.lock_member_id is None and each.record.deleted_at is None
        ],
        view=view,
    )


@post("/c/{slug:str}/bin/restore")
async def restore_several(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form
) -> Response[Any]:
    """Take the ticked records out of the bin; say which could not be, and why."""
    collection = (await enter_collection(transaction, member, slug, "delete from")).collection
    fields = await list_fields(transaction, collection)
    seen = read_ticked(form)
    restored, left = await restore_records(transaction, collection, seen, member)
    await end_restoring(transaction, collection, [record.number for record in restored])
    if not left:
        return see_other(f"/c/{slug}/bin?done={'restored-several' if restored else 'none-restored'}")
    return await render_page(
        request,
        transaction,
        member,
        "records/left_in_bin.html",
        status=409,
        collection=collection,
        left=[(each, title_of(fields, each.record.values)) for each in left],
        restored=len(restored),
    )


handlers = [delete_several, restore_several]
