"""What was typed into a record's form that came to nothing, as the page that says why shows it: by the names of fields,
and as people read it. Its collection or its record may be gone by now."""

from __future__ import annotations

import re

from litestar.exceptions import NotFoundException

from app.accounts.error_pages import names_typed
from app.accounts.members import Member
from app.database import Transaction
from app.records.access import permissions_of
from app.records.closing import get_any_collection
from app.records.fields import Fields, list_fields
from app.records.forms import NOTHING_CHOSEN
from app.web.forms import Form
from app.web.typed_texts import TypedText

# The address of a record's form, and the names of its inputs: of a field, and of files that were not uploaded for it.
FORM_ADDRESS = re.compile(r"/c/([^/]+)/(?:new|[0-9]+/)")
INPUT = re.compile(r"(file-)?(f[0-9]{1,18})")


@names_typed(FORM_ADDRESS)
async def name_values(transaction: Transaction, member: Member, form: Form, slug: str) -> dict[str, TypedText]:
    """What a form has for the fields of a collection, also one that was deleted lately, by the names of its inputs.

    Whoever may not read the records there learns nothing of the fields either.
    """
    try:
        collection = await get_any_collection(transaction, slug)
    except NotFoundException:
        return {}
    if not (await permissions_of(transaction, member, collection.id)).read:
        return {}
    fields = await list_fields(transaction, collection)
    named = {name: name_value(fields, name, values) for name, values in form.values.items()}
    return {name: typed for name, typed in named.items() if typed is not None}


def name_value(fields: Fields, name: str, values: list[str]) -> TypedText | None:
    """What an input has, with the name of its field, removed ones among them; None for an input of no field."""
    found = INPUT.fullmatch(name)
    field = next((each for each in (*fields, *fields.removed) if found and each.ref == found[2]), None)
    if found is None or field is None:
        return None
    if found[1]:
        return TypedText(", ".join(each for each in values if each not in NOTHING_CHOSEN), field.label)
    text = field.kind.join(values, field)
    return TypedText(field.quote_typed(text) if text.strip() else "", field.label)
