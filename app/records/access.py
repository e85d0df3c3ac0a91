"""Who asks for a collection or a record, and what they may do there: what rules ask, and what pages begin with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

from litestar.exceptions import NotFoundException
from msgspec import Struct
from sqlalchemy import bindparam, select

from app.accounts.members import Member
from app.accounts.rights import find_right, is_entitled, may, require
from app.accounts.token_forms import NARROWINGS, Narrowing
from app.database import PreparedSelect, Transaction
from app.editing.row_places import lists_edited, tells_readable
from app.records.collections import Collection, get_collection
from app.records.permissions import (
    DEFAULTS,
    EVERYTHING,
    NOTHING,
    CollectionGuest,
    CollectionPermission,
    Permissions,
    find_permissions,
    hold_back,
    is_granted_to_reader,
    is_guest_of,
    is_kept,
    is_open_to_all,
)
from app.records.records import Record, find_makers
from app.web.errors import PageError
from app.web.texts import Text, _l

# What is done with a collection as a whole, and with one of its records.
CollectionVerb = Literal["browse", "read", "add to", "delete from", "export", "import into", "read the bin of"]
RecordVerb = Literal["read", "edit", "delete"]


class CollectionAccess(Struct, frozen=True):
    """A collection, and what somebody may do with its records."""

    collection: Collection
    permissions: Permissions

    @property
    def verbs(self) -> str:
        """What is offered on a page of the whole collection, as its template tells the style sheet."""
        permitted = {
            "add": self.permissions.add,
            "edit": self.permissions.edit != "none",
            "delete": self.permissions.delete != "none",
        }
        return " ".join(verb for verb, each in permitted.items() if each)


class RecordAccess(Struct, frozen=True):
    """A record, who has added it, and what somebody may do with the records of its collection."""

    within: CollectionAccess
    record: Record
    maker_id: int | None


async def find_collection_access(transaction: Transaction, member: Member, collection: Collection) -> CollectionAccess:
    """What a member may do with the records of a collection. A transaction finds that once."""
    known: dict[tuple[int, str, int], CollectionAccess] = transaction.info.setdefault(CollectionAccess, {})
    key = member.id, member.role, collection.id
    if key not in known:
        permissions = await permissions_of(transaction, member, collection.id)
        if collection.archived_at is not None or collection.deleted_at is not None:
            permissions = hold_back(collection, permissions)
        known[key] = CollectionAccess(collection, permissions)
    return known[key]


async def permissions_of(transaction: Transaction, member: Member, collection_id: int) -> Permissions:
    """What a member may do with the records of a collection: everything, where admins and owners ask."""
    if is_entitled(member, "manage", "collections"):
        return EVERYTHING
    if not is_entitled(member, "see", "everybody") and not await is_guest_of(transaction, collection_id, member.id):
        return NOTHING
    return await find_permissions(transaction, collection_id, member.role)


LIST_PERMISSIONS_IN = PreparedSelect(
    lambda: select(CollectionPermission).where(CollectionPermission.collection_id.in_(bindparam("collection_ids")))
)
LIST_GUESTS_IN = PreparedSelect(
    lambda: select(CollectionGuest.member_id, CollectionGuest.collection_id).where(
        CollectionGuest.collection_id.in_(bindparam("collection_ids")),
        CollectionGuest.member_id.in_(bindparam("member_ids")),
    )
)


async def find_accesses_of(
    transaction: Transaction, people: Sequence[Member], collections: Sequence[Collection]
) -> dict[tuple[int, int], CollectionAccess]:
    """What some people may do in some collections, by the ids of both, in a fixed number of statements."""
    ids = [collection.id for collection in collections]
    rows = await transaction.column(LIST_PERMISSIONS_IN, collection_ids=ids)
    said = {(row.collection_id, row.role): row.permissions for row in rows}
    guests = [person.id for person in people]
    invited = set(await transaction.rows(LIST_GUESTS_IN, collection_ids=ids, member_ids=guests))

    def permitted(person: Member, collection: Collection) -> Permissions:
        if not is_entitled(person, "see", "everybody") and (person.id, collection.id) not in invited:
            return NOTHING
        default = DEFAULTS.get(person.role, EVERYTHING)
        return hold_back(collection, said.get((collection.id, person.role), default))

    return {
        (person.id, collection.id): CollectionAccess(collection, permitted(person, collection))
        for person in people
        for collection in collections
    }


def forget_access(transaction: Transaction) -> None:
    """Let be read anew what members may do: something of it has changed."""
    transaction.info.pop(CollectionAccess, None)


async def find_record_access(
    transaction: Transaction, member: Member, collection: Collection, record: Record
) -> RecordAccess:
    """What a member may do with a record."""
    return (await find_accesses(transaction, member, collection, [record]))[record]


async def find_accesses(
    transaction: Transaction, member: Member, collection: Collection, records: Sequence[Record]
) -> dict[Record, RecordAccess]:
    """What a member may do with records of a collection. Who has added them is asked where that decides."""
    within = await find_collection_access(transaction, member, collection)
    makers: dict[int, int | None] = {}
    if "own" in (within.permissions.edit, within.permissions.delete):
        makers = await find_makers(transaction, [record.id for record in records])
    return {record: RecordAccess(within, record, makers.get(record.id)) for record in records}


def list_verbs(member: Member, access: RecordAccess) -> str:
    """What a record's page offers to a member, as its template tells the style sheet: what is pushed is for all."""
    verbs = [verb for verb in ("edit", "delete") if may(member, verb, access)]
    return " ".join(["add", *verbs] if may(member, "add to", access.within) else verbs)


# What changes something in a collection, which nobody does in one that is archived.
WRITING = ("add to", "import into", "delete from", "edit", "delete")
ARCHIVED = _l("This collection is archived: you can read it, but not add or change anything.")


def why_not(verb: str, access: CollectionAccess | RecordAccess) -> Text:
    """What somebody is told who may not do this."""
    within = access.within if isinstance(access, RecordAccess) else access
    archived = within.collection.archived_at is not None
    return ARCHIVED if archived and verb in WRITING else find_right(verb, access).refusal


def require_access(member: Member, verb: str, access: CollectionAccess | RecordAccess) -> None:
    """Raise a 403 page unless a member may do this, and NotFoundException where they may not even read, as whoever may
    do anything may."""
    if may(member, verb, access):
        return
    if not may(member, "read", access):
        raise NotFoundException
    raise PageError(403, why_not(verb, access))


def require_open(member: Member, collection: Collection) -> None:
    """Raise a 403 page unless a member may say what is known of a collection's records, which nobody may of an archived
    one: that changes them."""
    require(member, "manage", "collections")
    if collection.archived_at is not None:
        raise PageError(403, ARCHIVED)


async def require_in(
    transaction: Transaction, member: Member, verb: CollectionVerb, collection: Collection
) -> CollectionAccess:
    """What a member may do in a collection, who has to be permitted one thing.

    Raises NotFoundException for a collection that is not the member's to see, and a 403 page.
    """
    access = await find_collection_access(transaction, member, collection)
    require_access(member, verb, access)
    return access


async def require_on(
    transaction: Transaction, member: Member, verb: RecordVerb, collection: Collection, *records: Record
) -> None:
    """Raise NotFoundException for records that are not a member's to see, and a 403 page unless they may do this."""
    for access in (await find_accesses(transaction, member, collection, records)).values():
        require_access(member, verb, access)


async def enter_collection(
    transaction: Transaction, member: Member, slug: str, verb: CollectionVerb = "browse"
) -> CollectionAccess:
    """A collection by its address, for who does something there, likewise."""
    return await require_in(transaction, member, verb, await get_collection(transaction, slug))


async def find_refused(
    transaction: Transaction, member: Member, collection: Collection, records: Sequence[Record]
) -> dict[Record | None, Text]:
    """Those of some records that a member may not edit, and why."""
    accesses = await find_accesses(transaction, member, collection, records)
    refused = {record: access for record, access in accesses.items() if not may(member, "edit", access)}
    return {record: why_not("edit", access) for record, access in refused.items()}


def channels_of(access: CollectionAccess) -> str:
    """What a page follows of a collection that it is about: its list, of those who may look through it."""
    return f"collection.{access.collection.id}" if access.permissions.browse else ""


async def channels_in(transaction: Transaction, member: Member, collection: Collection) -> str:
    """Likewise of a member's page."""
    return channels_of(await find_collection_access(transaction, member, collection))


LIST_OPEN_TO_ALL = PreparedSelect(
    lambda: select(Collection, is_open_to_all(Collection.id)).where(Collection.id.in_(bindparam("ids")))
)
LIST_KEPT = PreparedSelect(
    lambda: select(Collection, is_kept(Collection.id)).where(Collection.id.in_(bindparam("ids")))
)
LIST_GRANTED = PreparedSelect(
    lambda: select(Collection, is_granted_to_reader("read", Collection.id)).where(Collection.id.in_(bindparam("ids")))
)
# The locked are found first, by their index: to have them in order, SQLite may go through all records otherwise.
LIST_EDITED = PreparedSelect(
    lambda: (
        select(Record, Collection)
        .join(Collection, (Collection.id == Record.collection_id) & (Collection.tenant_id == Record.tenant_id))
        .where(Record.id.in_(select(Record.id).where(Record.lock_member_id.is_not(None)).correlate(None)))
        .where(~Record.lock_offered, is_open_to_all(Collection.id))
        .order_by(Record.id)
        .limit(bindparam("most"))
    )
)


@lists_edited(Record)
async def list_edited(transaction: Transaction, most: int) -> list[Record]:
    """The records that somebody edits now, of those that everybody may read who is no guest."""
    rows = await transaction.rows(LIST_EDITED, most=most)
    transaction.keep(*(collection for _, collection in rows))  # where its records are seen is asked next
    return [record for record, _ in rows]


@tells_readable(Record)
async def list_readable(transaction: Transaction, member: Member | None, records: Sequence[Record]) -> list[Record]:
    """Those of some records that a member may read; of None, that everybody may read who is no guest."""
    ids = {record.collection_id for record in records}
    if member is None:
        rows = await transaction.rows(LIST_OPEN_TO_ALL, ids=ids)
    elif is_entitled(member, "manage", "collections"):
        rows = await transaction.rows(LIST_KEPT, ids=ids)
    else:
        rows = await transaction.rows(LIST_GRANTED, ids=ids, role=member.role, member_id=member.id)
    found = set()
    for collection, is_theirs in rows:
        transaction.keep(collection)  # where its records are seen is asked next
        granted = member is None or (
            member.grant.holds("records:read") and member.grant.reaches([("collection", collection.id)])
        )
        if is_theirs and granted:
            found.add(collection.id)
    return [record for record in records if record.collection_id in found]


LIST_COLLECTIONS_BY_SLUGS = PreparedSelect(
    lambda: select(Collection).where(Collection.slug.in_(bindparam("slugs")), Collection.deleted_at.is_(None))
)


async def find_narrowed_collections(transaction: Transaction, member: Member, slugs: Iterable[str]) -> dict[str, int]:
    """The ids of collections by their addresses, of those that a member may read."""
    collections = await transaction.column(LIST_COLLECTIONS_BY_SLUGS, slugs=list(slugs))
    found = {each.slug: await find_collection_access(transaction, member, each) for each in collections}
    return {slug: access.collection.id for slug, access in found.items() if may(member, "read", access)}


async def name_narrowed_collections(transaction: Transaction, ids: Iterable[int]) -> dict[int, str]:
    """The names of collections, by their ids."""
    return {number: each.name for number, each in (await transaction.find_all(Collection, ids)).items()}


NARROWINGS["collections"] = Narrowing(
    _l("Only in these collections"),
    _l("Their addresses, such as “books”, separated by commas. Leave empty for all collections you can read."),
    find_narrowed_collections,
    name_narrowed_collections,
    _l("another collection"),
)
