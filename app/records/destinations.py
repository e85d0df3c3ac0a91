"""Where the quick switcher leads of records: to collections, to adding to them, and to records themselves."""

from __future__ import annotations

from functools import cache

from sqlalchemy import BigInteger, Select, String, and_, bindparam, or_, select

from app.accounts.members import Member
from app.accounts.quick_switcher import LIMIT, Destination, Sought, switches_to
from app.accounts.rights import may
from app.database import PreparedSelect, Transaction
from app.database.functions import find_text
from app.records.access import find_accesses_of
from app.records.collections import Collection
from app.records.fields import find_collections
from app.records.lists import MOST_LIST_WORDS, holds_words, name_words
from app.records.permissions import is_granted_to_reader
from app.records.records import Record, place_of_record
from app.records.used_collections import is_in_use
from app.web.forms import number_of
from app.web.texts import _l

# Before anything is typed adding is offered for so many collections.
ADDING_OFFERED = 3

LIST_COLLECTIONS_TO_GO_TO = PreparedSelect(
    lambda: (
        select(Collection)
        .where(*is_in_use(), is_granted_to_reader("browse", Collection.id))
        .order_by(Collection.name, Collection.id)
    )
)


@switches_to
async def find_collection_destinations(transaction: Transaction, member: Member, sought: Sought) -> list[Destination]:
    """Collections that a member may browse; and of those that they may add to, the form for a new record."""
    collections = await transaction.column(LIST_COLLECTIONS_TO_GO_TO, role=member.role, member_id=member.id)
    places = [
        Destination("collections", each.name, f"/c/{each.slug}", each.icon, f"collection-{each.id}")
        for each in collections
    ]
    found = sought.pick(places)
    accesses = await find_accesses_of(transaction, [member], collections)
    adding = [
        Destination(
            "acts",
            _l("New record in %(name)s", name=each.name).translate(sought.language),
            f"/c/{each.slug}/new",
            "plus",
            f"/c/{each.slug}/new",
            order=10,
        )
        for each in collections
        if may(member, "add to", accesses[member.id, each.id])
    ]
    return found + sought.pick(adding, most=LIMIT if sought.text else ADDING_OFFERED)


@cache
def select_destinations(words: int) -> PreparedSelect[Record]:
    """The select of records of a number, or with so many words, of collections that a member may browse."""
    number = bindparam("number", type_=BigInteger())

    def make() -> Select[Record]:
        is_meant = or_(Record.number == number, and_(*holds_words(words)))
        begins = find_text(Record.search, bindparam("text", type_=String())) == 1
        return (
            select(Record)
            .where(Record.deleted_at.is_(None), is_meant, is_granted_to_reader("browse", Record.collection_id))
            .order_by(Record.number != number, ~begins, Record.id.desc())
            .limit(LIMIT)
        )

    return PreparedSelect(make)


LIST_RECENTLY_OPEN = PreparedSelect(
    lambda: select(Record).where(
        Record.id.in_(bindparam("ids")),
        Record.deleted_at.is_(None),
        is_granted_to_reader("read", Record.collection_id),
    )
)


@switches_to
async def find_record_destinations(transaction: Transaction, member: Member, sought: Sought) -> list[Destination]:
    """Records by number, or by words that are in them, those that begin so first; before anything is typed those that
    were open last."""
    words = sought.text.split()[:MOST_LIST_WORDS]
    number = number_of(sought.text.removeprefix("#"))
    reader = {"role": member.role, "member_id": member.id}
    if words:
        found = await transaction.column(
            select_destinations(len(words)), **name_words(words), text=sought.text, number=number, **reader
        )
    elif ids := sought.ids("record"):
        found = await transaction.column(LIST_RECENTLY_OPEN, ids=ids, **reader)
    else:
        return []
    kept = await find_collections(transaction, {record.collection_id for record in found})
    destinations = []
    for record in found:
        collection, fields = kept[record.collection_id]
        place = place_of_record(collection, fields, record)
        rank = sought.rank(place.title)
        nearness = 0 if number == record.number else 4 if rank is None else rank
        named = Destination("records", place.title, place.address, place.icon, place.name, collection.name, nearness)
        destinations.append(named)
    return sorted(destinations, key=lambda each: each.rank)
