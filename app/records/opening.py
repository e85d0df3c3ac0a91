"""Collections and their fields by what addresses call them."""

from __future__ import annotations

from litestar.exceptions import NotFoundException

from app.database import Transaction
from app.records.collections import Collection, get_collection
from app.records.fields import Field, Fields, list_fields


async def open_collection(transaction: Transaction, slug: str) -> tuple[Collection, Fields]:
    """A collection with its fields. Raises NotFoundException."""
    collection = await get_collection(transaction, slug)
    return collection, await list_fields(transaction, collection)


async def open_field(transaction: Transaction, slug: str, name: str) -> tuple[Collection, Fields, Field]:
    """A field by its ref, also one of before its kind was changed, or its key, with its collection and all fields of
    that. Raises NotFoundException."""
    collection, fields = await open_collection(transaction, slug)
    field = fields.find_now(name)
    if field is None:
        raise NotFoundException
    return collection, fields, field
