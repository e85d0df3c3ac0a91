"""Moving a field of a collection. Its first field is what records are called by: where another one comes to be that, it
is said, and can be taken back."""

from __future__ import annotations

from typing import Any

from litestar import Response

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.undo import lead_to, show_offer
from app.database import Transaction
from app.records.collections import Collection
from app.records.definitions import move_field, place_field
from app.records.fields import Field, list_fields
from app.records.undoing import offer_order
from app.web.calls import is_call
from app.web.forms import Form
from app.web.redirects import see_other


def is_move(form: Form) -> bool:
    """Whether a form of a field moves it: by a button that says where to, up or down, or by being dragged."""
    return "to-place" in form or form["action"] in ("up", "down", "place")


def read_place(form: Form) -> int:
    """Where to a form moves a field, 0 where it names no place. Raises Invalid."""
    return form.number("to-place" if "to-place" in form else "place")


async def answer_move(
    request: AnyRequest,
    transaction: Transaction,
    collection: Collection,
    field: Field,
    member: Member,
    form: Form,
    wanted: int,
) -> Response[Any]:
    """Move a field, and offer to take that back where records are called otherwise by it."""
    ids = [each.id for each in await list_fields(transaction, collection)]
    place, action = ids.index(field.id), form["action"]
    if "to-place" not in form and action != "place":
        await move_field(transaction, collection, field, member, -1 if action == "up" else 1)
    elif wanted != place:  # the button pressed again moves nothing
        await place_field(transaction, collection, field, member, wanted)
    first = (await list_fields(transaction, collection))[0]
    offer = await offer_order(transaction, member, collection, field, place, first) if first.id != ids[0] else None
    if action == "place":  # where it was dragged to: the page follows by itself
        return (
            Response(None, status_code=204) if offer is None or not is_call(request) else show_offer(transaction, offer)
        )
    address = f"/c/{collection.slug}/fields"
    return see_other(f"{address}?done=field") if offer is None else lead_to(address, offer)
