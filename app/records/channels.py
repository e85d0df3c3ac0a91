"""The channels of records, and what is pushed on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence

from sqlalchemy import and_, or_, select

from app.accounts.access import AnyRequest
from app.accounts.jump import LIMIT, Destination, jump_source
from app.accounts.members import Member
from app.accounts.shell import sidebar_section
from app.database import Transaction
from app.live.channels import channel
from app.live.log import publish_partial
from app.records.collections import COLLECTIONS_SHOWN, Collection, list_collections, list_fields_of, list_used
from app.records.facts import (
    CollectionAdded,
    CollectionRenamed,
    FieldsChanged,
    RecordChanged,
    RecordsAdded,
    RecordsForgotten,
)
from app.records.history import list_histories
from app.records.lists import MOST_WORDS, sort_keys
from app.records.records import Record, find_places, place_of, search_text
from app.web.forms import number_of
from app.web.texts import _l

# Of so many records that change at once, what their pages show is pushed with their histories.
MOST_HISTORIES = 10
# Of more records of a collection than this that change at once, its pages fetch themselves anew.
MOST_SHOWN = 50


@channel("collection.{id}")
async def members_of_the_workspace(transaction: Transaction, member: Member, numbers: set[int]) -> Iterable[int]:
    """Everybody in the workspace the collection belongs to."""
    return await transaction.scalars(select(Collection.id).where(Collection.id.in_(numbers)))


@channel("record.{id}", presence="live/readers_push.html")
async def readers_of_the_record(transaction: Transaction, member: Member, numbers: set[int]) -> Iterable[int]:
    """Everybody in the workspace the record belongs to."""
    return await transaction.scalars(select(Record.id).where(Record.id.in_(numbers)))


async def show_changes(transaction: Transaction, facts: Sequence[RecordChanged]) -> None:
    """Publish what became of records to the lists of their collections, to their own pages, and to the sidebars, in a
    fixed number of queries for any number of them.

    Histories are long: of more records than a few, nobody has the most open, and the pages that are fetch themselves.
    Of many, lists do so too.
    """
    fields_of = await list_fields_of(transaction, {fact.collection_id for fact in facts})
    collections = await transaction.find_all(Collection, fields_of)
    many = {each for each, count in Counter(fact.collection_id for fact in facts).items() if count > MOST_SHOWN}
    shown = [fact for fact in facts if fact.collection_id not in many]
    records = await transaction.find_all(Record, [fact.row_id for fact in shown])
    told = [(fields_of[record.collection_id], record) for record in records.values()]
    histories = await list_histories(transaction, told) if len(told) <= MOST_HISTORIES else None
    for fact in shown:
        collection, fields = collections[fact.collection_id], fields_of[fact.collection_id]
        record = records[fact.row_id]
        place = place_of(collection, fields, record)
        about = {"collection": collection, "fields": fields, "record": record, "place": place, "what": fact.what}
        # From the values that it had a list knows whether it was counted under its search.
        before = "" if fact.before is None or fact.what == "restored" else search_text(fields, fact.before)
        keys = sort_keys(fields, record)
        publish_partial(transaction, place.list_channel, "records/row_push.html", **about, keys=keys, before=before)
        if histories is None:
            publish_partial(transaction, place.channel, "live/refresh_push.html", target="refresh")
        else:
            history = histories[record]
            publish_partial(transaction, place.channel, "records/record_push.html", **about, history=history)
    for collection_id in sorted(many):
        show_collection_anew(transaction, collection_id)
    counted = {fact.collection_id: None for fact in facts if fact.what != "changed"}
    for collection_id in counted:
        publish_partial(transaction, "tenant", "records/count_push.html", collection=collections[collection_id])


def show_collection_anew(transaction: Transaction, collection_id: int) -> None:
    """Tell a collection's open pages, and those of its records, to fetch themselves anew."""
    publish_partial(transaction, f"collection.{collection_id}", "live/refresh_push.html", target="refresh")


async def show_added(transaction: Transaction, facts: Sequence[RecordsAdded]) -> None:
    """Tell the open lists of collections to fetch themselves anew, as many records were added at once."""
    collections = await transaction.find_all(Collection, [fact.collection_id for fact in facts])
    for collection_id, collection in collections.items():
        show_collection_anew(transaction, collection_id)
        publish_partial(transaction, "tenant", "records/count_push.html", collection=collection)


async def show_forgotten(transaction: Transaction, facts: Sequence[RecordsForgotten]) -> None:
    """Tell open bins, and open pages of records that are gone for good, to fetch themselves anew."""
    for collection_id in {each: None for fact in facts for each in fact.collection_ids}:
        target = f"bin-{collection_id}-refresh"
        publish_partial(transaction, f"collection.{collection_id}", "live/refresh_push.html", target=target)
    for record_id in [each for fact in facts for each in fact.record_ids]:
        publish_partial(transaction, f"record.{record_id}", "live/refresh_push.html", target="refresh")


async def show_collections(transaction: Transaction, facts: Sequence[CollectionAdded | CollectionRenamed]) -> None:
    """Publish the sidebar's collections after one was added or renamed.

    Where there are more than a sidebar shows, each shows those that its member uses: then it is the name alone.
    """
    collections = await list_collections(transaction, most=COLLECTIONS_SHOWN + 1)
    if len(collections) > COLLECTIONS_SHOWN:
        changed = await transaction.find_all(Collection, [fact.collection_id for fact in facts])
        for collection in changed.values():
            publish_partial(transaction, "tenant", "records/collection_name_push.html", collection=collection)
    else:
        shown = {"collections": collections, "most": COLLECTIONS_SHOWN}
        publish_partial(transaction, "tenant", "records/collections_push.html", **shown)


async def show_fields(transaction: Transaction, facts: Sequence[FieldsChanged]) -> None:
    """Tell collections' open pages to fetch themselves anew, as their columns have changed."""
    for collection_id in {fact.collection_id: None for fact in facts}:
        show_collection_anew(transaction, collection_id)


@jump_source
async def find_records(transaction: Transaction, member: Member, text: str) -> list[Destination]:
    """Records by number, or by words that are in them; those that begin so first."""
    if not text:
        return []
    words = [Record.search.contains(word, autoescape=True) for word in text.split()[:MOST_WORDS]]
    number = number_of(text.removeprefix("#"))
    statement = (
        select(Record)
        .where(Record.deleted_at.is_(None), or_(Record.number == number, and_(*words)))
        .order_by(Record.number != number, ~Record.search.startswith(text, autoescape=True), Record.id.desc())
        .limit(LIMIT)
    )
    places = await find_places(transaction, (await transaction.scalars(statement)).all())
    return [Destination(place.title, _l("Record"), "book", place.address) for place in places]


@sidebar_section("records/_collections.html", order=10)
async def collections_section(request: AnyRequest, transaction: Transaction, member: Member) -> dict[str, object]:
    """The collections that a member uses."""
    current = request.scope["path"].removeprefix("/c/").partition("/")[0]
    used = await list_used(transaction, member.id, current)
    return {"collections": used, "more": len(used) == COLLECTIONS_SHOWN}
