"""The channels of records, and what is pushed on them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from msgspec import Struct
from sqlalchemy import bindparam, select

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import sidebar_section
from app.database import Fact, Partial, PreparedSelect, Tenant, Transaction
from app.editing.row_places import RowPlace, find_row_places
from app.live.channels import channel
from app.live.log import refresh, tell_of_more
from app.records.collections import Collection
from app.records.columns import Columns, columns_of
from app.records.facts import (
    CollectionAdded,
    CollectionDescribed,
    CollectionRenamed,
    ColumnsChosen,
    DefinitionsForgotten,
    FieldsChanged,
)
from app.records.fields import Field, find_collections
from app.records.history import RevisionEntry, list_histories
from app.records.permissions import is_granted_to_reader, is_open_to_all
from app.records.pins import PinnedOf
from app.records.record_facts import RecordChanged, RecordsAdded, RecordsForgotten, RecordsReindexed
from app.records.records import Record
from app.records.used_collections import COLLECTIONS_SHOWN, is_in_use, list_collections, list_used
from app.web.markdown.long_texts import render_long_texts_aside
from app.web.templates import make_partial

# Of so many records that change at once, what their pages show is pushed with their histories; of fewer, if they have
# many fields.
MOST_HISTORIES = 10
MOST_VALUES_ON_PAGES = 200
# Of more records of a collection than this that change at once, its pages fetch themselves anew.
MOST_RECORDS_SHOWN = 50


LIST_BROWSED_OF = PreparedSelect(
    lambda: select(Collection.id).where(
        Collection.id.in_(bindparam("ids")), is_granted_to_reader("browse", Collection.id)
    )
)
LIST_READABLE_OF = PreparedSelect(
    lambda: select(Record.id, Record.collection_id).where(
        Record.id.in_(bindparam("ids")), is_granted_to_reader("read", Record.collection_id)
    )
)


@channel("collection.{id}")
@channel("count.{id}")
async def who_may_browse(transaction: Transaction, member: Member, numbers: set[int]) -> Iterable[int]:
    """Those who may browse the collection."""
    found = await transaction.column(LIST_BROWSED_OF, ids=numbers, role=member.role, member_id=member.id)
    return [each for each in found if is_in_grant(member, each)]


def is_in_grant(member: Member, collection_id: int) -> bool:
    """Whether whoever acts for a member was given to read records of a collection."""
    return member.grant.holds("records:read") and member.grant.reaches([("collection", collection_id)])


@channel("record.{id}", presence="live/readers_push.html")
async def readers_of_the_record(transaction: Transaction, member: Member, numbers: set[int]) -> Iterable[int]:
    """Those who may read records of its collection."""
    found = await transaction.rows(LIST_READABLE_OF, ids=numbers, role=member.role, member_id=member.id)
    return [record_id for record_id, collection_id in found if is_in_grant(member, collection_id)]


class Changes(Struct, frozen=True):
    """What is shown of records that have changed: each `shown` with where it is seen, and its history if that is.

    Of collections of which `many` records have changed, it is that they are other ones now. Those `counted` have more
    records or fewer.
    """

    shown: Sequence[tuple[RecordChanged, Collection, list[Field], Record, RowPlace]]
    histories: dict[Record, list[RevisionEntry]] | None
    many: dict[int, RecordChanged]
    counted: list[Collection]


async def read_changes(transaction: Transaction, facts: Sequence[RecordChanged]) -> Changes:
    """Read what is shown of records, in a fixed number of statements for any number of them.

    Histories are long: of more records than a few, nobody has the most open, and the pages that are fetch themselves.
    Of many, lists do so too.
    """
    counts = Counter(fact.collection_id for fact in facts)
    many = {fact.collection_id: fact for fact in facts if counts[fact.collection_id] > MOST_RECORDS_SHOWN}
    shown = [fact for fact in facts if fact.collection_id not in many]
    kept = await find_collections(transaction, counts)
    records = await transaction.find_all(Record, [fact.row_id for fact in shown])
    told = [(kept[record.collection_id][1], record) for record in records.values()]
    histories = None
    values = sum(len(fields) for fields, _ in told)
    if len(told) == 1 or (len(told) <= MOST_HISTORIES and values <= MOST_VALUES_ON_PAGES):
        histories = await list_histories(transaction, told)
        if texts := [text for fields, record in told for text in fields.list_long_texts(record.values)]:
            await render_long_texts_aside(texts)
    places = await find_row_places(transaction, list(records.values()))
    about = [(fact, *kept[fact.collection_id], records[fact.row_id], places[records[fact.row_id]]) for fact in shown]
    counted = {fact.collection_id: None for fact in facts if fact.what != "changed"}
    return Changes(about, histories, many, [kept[each][0] for each in counted])


def show_changes(tenant: Tenant, changes: Changes) -> Iterator[Partial]:
    """What became of records: to the lists of their collections, to their own pages, and to the sidebars."""
    columns: dict[int, Columns] = {}
    for fact, collection, fields, record, place in changes.shown:
        if collection.id not in columns:
            columns[collection.id] = columns_of(fields)
        about = {"collection": collection, "fields": fields, "record": record, "place": place, "what": fact.what}
        # From what it was found by a list knows whether it was counted under its search.
        row = {**about, "before": fact.found_before, "columns": columns[collection.id]}
        keys, shown = columns[collection.id].show_values(record.values)
        row |= {"keys": keys, "shown": shown}
        yield make_partial(tenant, place.list_channel, "records/row_push.html", fact=fact, **row)
        if changes.histories is None:
            yield refresh(tenant, place.channel, fact=fact)
        else:
            shown |= {each.ref: each.show(record.values.get(each.ref, "")) for each in fields if each.ref not in shown}
            page = {**about, "history": changes.histories[record], "values": shown}
            yield make_partial(tenant, place.channel, "records/record_push.html", fact=fact, **page)
    for collection_id, fact in sorted(changes.many.items()):
        yield show_collection_anew(tenant, collection_id, fact)
    for collection in changes.counted:
        yield show_count(tenant, collection)


def show_collection_anew(tenant: Tenant, collection_id: int, fact: Fact | None = None) -> Partial:
    """A collection's open pages, and those of its records, fetch themselves anew."""
    return refresh(tenant, f"collection.{collection_id}", fact=fact)


def show_columns_anew(tenant: Tenant, facts: Sequence[ColumnsChosen]) -> Iterator[Partial]:
    """A member's open lists of a collection fetch themselves anew, as they look at other columns now."""
    for fact in facts:
        yield refresh(tenant, f"user.{fact.member_id}", f"columns-{fact.collection_id}-refresh", fact=fact)


def show_own_pins(tenant: Tenant, showings: Sequence[PinnedOf]) -> Iterator[Partial]:
    """A member's open lists of a collection that they have pinned, or not any more, fetch themselves anew."""
    for each in dict.fromkeys(showings):
        yield refresh(tenant, f"user.{each.member_id}", f"columns-{each.collection_id}-refresh", names=True)


def show_count(tenant: Tenant, collection: Collection) -> Partial:
    """How many records a collection has, to whoever is shown that, in the sidebar say."""
    return make_partial(tenant, f"count.{collection.id}", "records/count_push.html", collection=collection)


async def read_added(transaction: Transaction, facts: Sequence[RecordsAdded]) -> dict[int, Collection]:
    """The collections to which many records were added at once."""
    return await transaction.find_all(Collection, [fact.collection_id for fact in facts])


def show_added(tenant: Tenant, collections: dict[int, Collection]) -> Iterator[Partial]:
    """Open lists of collections fetch themselves anew, as many records were added at once."""
    for collection_id, collection in collections.items():
        yield show_collection_anew(tenant, collection_id)
        yield show_count(tenant, collection)


def show_forgotten(tenant: Tenant, facts: Sequence[RecordsForgotten]) -> Iterator[Partial]:
    """Open bins, and open pages of records that are gone for good, fetch themselves anew."""
    record_ids = [each for fact in facts for each in fact.record_ids]
    for collection_id in {each: None for fact in facts for each in fact.collection_ids}:
        yield refresh(tenant, f"collection.{collection_id}", f"bin-{collection_id}-refresh")
        if len(record_ids) > MOST_RECORDS_SHOWN:
            yield show_collection_anew(tenant, collection_id)
    for record_id in record_ids if len(record_ids) <= MOST_RECORDS_SHOWN else ():
        yield refresh(tenant, f"record.{record_id}")


def show_definitions_forgotten(tenant: Tenant, facts: Sequence[DefinitionsForgotten]) -> Iterator[Partial]:
    """Open pages that offer to restore fields, or collections, fetch themselves anew."""
    if any(fact.what == "collections" for fact in facts):
        yield refresh(tenant, "admins", "collection-bin-refresh")
    of_fields = [fact.collection_ids for fact in facts if fact.what == "fields"]
    for collection_id in sorted({each for ids in of_fields for each in ids}):
        yield refresh(tenant, f"collection.{collection_id}", f"fields-{collection_id}-refresh")


class SidebarCollections(Struct, frozen=True):
    """The collections that were added or renamed.

    Where a sidebar shows all there are, and everybody may browse them, `everybodys` are these. Where it shows all that
    its member may browse, pages fetch it `anew` for a new one. Where there are more, it shows those that its member
    uses, and nothing is new to it but names.
    """

    changed: list[Collection]
    everybodys: Sequence[Collection] = ()
    anew: bool = False


FIND_HIDDEN = PreparedSelect(lambda: select(Collection.id).where(*is_in_use(), ~is_open_to_all(Collection.id)).limit(1))


async def read_collections(
    transaction: Transaction, facts: Sequence[CollectionAdded | CollectionRenamed | CollectionDescribed]
) -> SidebarCollections:
    """The collections that sidebars show, after one was added or renamed."""
    collections = await list_collections(transaction, most=COLLECTIONS_SHOWN + 1)
    changed = await transaction.find_all(Collection, [fact.collection_id for fact in facts])
    if len(collections) > COLLECTIONS_SHOWN:
        return SidebarCollections(list(changed.values()))
    if await transaction.value(FIND_HIDDEN) is None:
        return SidebarCollections(list(changed.values()), everybodys=collections)
    return SidebarCollections(list(changed.values()), anew=any(isinstance(fact, CollectionAdded) for fact in facts))


def tell_of_collections(tenant: Tenant, facts: Sequence[CollectionAdded]) -> Iterator[Partial]:
    """There are collections to follow that were not there before."""
    yield tell_of_more(everybody=True, fact=facts[-1])


def show_collections(tenant: Tenant, found: SidebarCollections) -> Iterator[Partial]:
    """The sidebar's collections, or the names of those that have changed. The sidebars of guests have but those that
    were opened to them."""
    if found.everybodys:
        shown: dict[str, Any] = {"collections": found.everybodys, "most": COLLECTIONS_SHOWN}
        shown["follow"] = follow_counts(found.everybodys)
        yield make_partial(tenant, "tenant", "records/collections_push.html", **shown)
    if found.anew:
        yield refresh(tenant, "tenant")
    for collection in found.changed:
        yield make_partial(tenant, f"count.{collection.id}", "records/collection_name_push.html", collection=collection)


def show_fields(
    tenant: Tenant, facts: Sequence[FieldsChanged | RecordsReindexed | CollectionDescribed]
) -> Iterator[Partial]:
    """Collections' open pages fetch themselves anew, as their columns have changed, or what is said of them. Where
    records are only found and sorted anew, a page that stays as it is says nothing of it."""
    changed = {fact.collection_id for fact in facts if not isinstance(fact, RecordsReindexed)}
    for collection_id, fact in {fact.collection_id: fact for fact in facts}.items():
        if collection_id in changed:
            yield show_collection_anew(tenant, collection_id, fact)
        else:
            yield refresh(tenant, f"collection.{collection_id}", names=True, fact=fact)


@sidebar_section("records/_collections.html", order=10)
async def collections_section(request: AnyRequest, transaction: Transaction, member: Member) -> dict[str, object]:
    """The collections that a member uses."""
    current = request.scope["path"].removeprefix("/c/").partition("/")[0]
    used = (await list_used(transaction, member, current)).collections
    return {"collections": used, "more": len(used) == COLLECTIONS_SHOWN, "follow": follow_counts(used)}


def follow_counts(collections: Iterable[Collection]) -> str:
    """The channels of what is shown of collections wherever they are listed."""
    return " ".join(f"count.{number}" for number in sorted(each.id for each in collections))
