"""The places that the fields of a collection have among each other."""

from __future__ import annotations

from app.accounts.members import Member
from app.accounts.undo import end_offers
from app.database import Transaction
from app.records.access import require_open
from app.records.collections import Collection
from app.records.definitions import note_fields_changed, refuse_while_becoming
from app.records.fields import Field, forget_fields, list_fields
from app.records.reindexing import reindex_soon


async def move_field(transaction: Transaction, collection: Collection, field: Field, member: Member, step: int) -> None:
    """Move a field one place up (-1) or down (1); at the end it stays."""
    index = (await list_fields(transaction, collection)).index(field)
    await place_field(transaction, collection, field, member, index + step)


async def end_ordering(transaction: Transaction, collection: Collection) -> None:
    """Offer nobody any more to put a field back into its place: there are others now, or in another order."""
    await end_offers(transaction, ["fields.ordered"], collection=collection.id)


async def place_field(
    transaction: Transaction, collection: Collection, field: Field, member: Member, place: int
) -> None:
    """Move a field to a place among the others, 0 for the first; beyond the ends it is the nearest."""
    require_open(member, collection)
    await refuse_while_becoming(transaction, collection, field)
    fields = list(await list_fields(transaction, collection))
    fields.remove(field)
    fields.insert(max(0, place), field)
    for position, moved in enumerate(fields):
        moved.position = position
    collection.version += 1
    await end_ordering(transaction, collection)
    await reindex_soon(transaction, collection.id)  # what is searched begins with what a record is called by
    await transaction.flush()
    forget_fields(transaction, collection.id)
    note_fields_changed(transaction, collection, member)
