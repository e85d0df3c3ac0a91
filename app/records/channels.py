"""The channels of records, and what is pushed on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import and_, or_, select

from app.accounts.access import AnyRequest
from app.accounts.jump import LIMIT, Destination, jump_source
from app.accounts.members import Member
from app.accounts.shell import sidebar_section
from app.database import Transaction
from app.editing.rows import note_change
from app.live.channels import channel
from app.live.log import publish_partial
from app.records.collections import COLLECTIONS_SHOWN, Collection, list_collections, list_fields_of, list_used
from app.records.history import list_histories
from app.records.lists import MOST_WORDS, sort_keys
from app.records.records import Record, find_places, place_of, search_text
from app.web.forms import number_of
from app.web.texts import _l

# Of so many records that change at once, what their pages show is pushed with their histories.
MOST_HISTORIES = 10


@channel("collection.{id}")
async def members_of_the_workspace(transaction: Transaction, member: Member, numbers: set[int]) -> Iterable[int]:
    """Everybody in the workspace the collection belongs to."""
    return await transaction.scalars(select(Collection.id).where(Collection.id.in_(numbers)))


@channel("record.{id}", presence="live/readers_push.html")
async def readers_of_the_record(transaction: Transaction, member: Member, numbers: set[int]) -> Iterable[int]:
    """Everybody in the workspace the record belongs to."""
    return await transaction.scalars(select(Record.id).where(Record.id.in_(numbers)))


async def push_record(
    transaction: Transaction,
    collection: Collection,
    record: Record,
    what: str,
    *,
    before: Mapping[str, str] | None = None,
) -> None:
    """Publish what became of a record: to the lists of its collection, to its own page, to the sidebars.

    `before` are the values it had, from which a list knows whether it was counted under its search.
    """
    transaction.gather(publish_changes, RecordChange(collection, record, what, before))
    note_change(transaction, record)


@dataclass(frozen=True, slots=True, eq=False)
class RecordChange:
    """What became of a record. `before` are the values it had, if any."""

    collection: Collection
    record: Record
    what: str
    before: Mapping[str, str] | None


async def publish_changes(transaction: Transaction, changes: Sequence[RecordChange]) -> None:
    """Render and publish what became of records, in a fixed number of queries for any number of them.

    Histories are long: of more records than a few, nobody has the most open, and the pages that are fetch themselves.
    """
    fields = await list_fields_of(transaction, {change.collection.id for change in changes})
    told = [(fields[change.collection.id], change.record) for change in changes]
    histories = await list_histories(transaction, told) if len(told) <= MOST_HISTORIES else None
    for change in changes:
        collection, record = change.collection, change.record
        shown = {
            "collection": collection,
            "fields": fields[collection.id],
            "record": record,
            "place": place_of(collection, fields[collection.id], record),
            "what": change.what,
        }
        publish_partial(
            transaction,
            f"collection.{collection.id}",
            "records/row_push.html",
            **shown,
            keys=sort_keys(fields[collection.id], record),
            before="" if change.before is None else search_text(fields[collection.id], change.before),
        )
        channel = f"record.{record.id}"
        if histories is None:
            publish_partial(transaction, channel, "live/refresh_push.html", target="refresh")
        else:
            history = histories[record]
            publish_partial(transaction, channel, "records/record_push.html", **shown, history=history)
    counted = {each.collection: None for each in changes if each.what in ("created", "deleted", "restored")}
    for collection in counted:
        publish_partial(transaction, "tenant", "records/count_push.html", collection=collection)


async def push_collections(transaction: Transaction, collection: Collection) -> None:
    """Publish the sidebar's collections after one was added or renamed.

    Where there are more than a sidebar shows, each shows those that its member uses: then it is the name alone.
    """
    collections = await list_collections(transaction, most=COLLECTIONS_SHOWN + 1)
    if len(collections) > COLLECTIONS_SHOWN:
        publish_partial(transaction, "tenant", "records/collection_name_push.html", collection=collection)
    else:
        shown = {"collections": collections, "most": COLLECTIONS_SHOWN}
        publish_partial(transaction, "tenant", "records/collections_push.html", **shown)


async def push_fields(transaction: Transaction, collection: Collection) -> None:
    """Tell the collection's open pages to fetch themselves anew, as their columns have changed."""
    publish_partial(transaction, f"collection.{collection.id}", "live/refresh_push.html", target="refresh")


def push_added(transaction: Transaction, collection: Collection) -> None:
    """Tell the collection's open lists to fetch themselves anew, as many records were added at once."""
    publish_partial(transaction, f"collection.{collection.id}", "live/refresh_push.html", target="refresh")
    publish_partial(transaction, "tenant", "records/count_push.html", collection=collection)


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
