"""Moving a field of a collection. Its first field is what records are called by: where another one comes to be that, it
is said, and can be taken back."""

from __future__ import annotations

from difflib import SequenceMatcher
from typing import Any

from litestar import Response
from msgspec import Struct

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.undo import lead_to, show_offer
from app.database import Transaction
from app.records.collections import Collection
from app.records.field_places import move_field, place_field
from app.records.fields import Field, Fields, list_fields
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


# The field in which a page says in which order it has the fields, by their refs.
SEEN_ORDER = "seen-order"
LONGEST_ORDER = 4_000


class Moving(Struct, frozen=True):
    """A field that is moved on a page whose order is not that of now: the labels as they would be on that page and as
    they are saved, those that have changed places, and where the field goes among those of now."""

    ref: str
    label: str
    yours: list[str]
    saved: list[str]
    changed: list[str]
    place: int


def find_moving(fields: Fields, field: Field, seen: str, wanted: int) -> Moving:
    """Where a field goes that a page moves to a place among the fields that it has `seen`: behind the one that it would
    be behind there, whatever was added and removed since."""
    known = [fields.find_now(ref) for ref in dict.fromkeys(seen[:LONGEST_ORDER].split())]
    before = list({each.id: each for each in known if each is not None})
    saved = [each.id for each in fields if each.id in before]
    kept = SequenceMatcher(a=before, b=saved, autojunk=False).get_matching_blocks()
    still = {each for block in kept for each in before[block.a : block.a + block.size]}
    mine = [each for each in before if each != field.id]
    mine.insert(max(0, wanted), field.id)
    others = [each.id for each in fields if each.id != field.id]
    at = mine.index(field.id)
    is_done = mine == saved  # sent again, or somebody else has done the same
    labels = {each.id: each.label for each in fields}
    return Moving(
        field.ref,
        field.label,
        yours=[labels[each] for each in mine],
        saved=[labels[each] for each in saved],
        changed=[] if is_done else [labels[each] for each in saved if each not in still],
        place=list(fields).index(field) if is_done else others.index(mine[at - 1]) + 1 if at else 0,
    )


async def answer_move(
    request: AnyRequest,
    transaction: Transaction,
    collection: Collection,
    field: Field,
    member: Member,
    form: Form,
    wanted: int,
) -> Response[Any] | Moving:
    """Move a field, and offer to take that back where records are called otherwise by it; where it would be moved over
    another order than its page has, what there is to decide."""
    fields = await list_fields(transaction, collection)
    ids = [each.id for each in fields]
    place, action = ids.index(field.id), form["action"]
    if SEEN_ORDER in form:
        moving = find_moving(fields, field, form[SEEN_ORDER], wanted)
        if moving.changed:
            return moving
        wanted = moving.place
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
