"""Keys of fields: what programs and exports call them."""

from __future__ import annotations

import re

from app.database import Transaction
from app.records.collections import Collection
from app.records.fields import Field, list_fields
from app.web.forms import Invalid
from app.web.texts import _l, spell_in_ascii

# What a key may be, but for what looks like a ref.
FIELD_KEY = re.compile("(?!f[0-9]+$)[a-zA-Z_][a-zA-Z0-9_]{0,39}")
# Keys that would be taken for something else of a record.
RESERVED_KEYS = {"number", "q", "sort", "page", "version", "id"}


async def check_key(transaction: Transaction, collection: Collection, field: Field, key: str) -> None:
    """Raise Invalid unless a field can have another key: programs call it so."""
    if key == field.key:
        return
    refuse_unwritable(key)
    fields = await list_fields(transaction, collection)
    if key in RESERVED_KEYS or any(other.key == key for other in (*fields, *fields.removed)):
        raise Invalid(key=_l("This key is already taken."))


def refuse_unwritable(key: str) -> None:
    """Raise Invalid for a key that addresses and programs could not write."""
    if not FIELD_KEY.fullmatch(key):
        raise Invalid(key=_l("Letters without accents, numbers and underscores, at most 40, starting with a letter."))


def name_key(label: str) -> str:
    """A key from what a field is called."""
    base = "_".join(spell_in_ascii(label))[:32].strip("_") or "field"
    return base if FIELD_KEY.fullmatch(base) else f"field_{base}"[:32]
