"""Collections and their fields: what kind of thing a workspace keeps records of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import datetime

from litestar.exceptions import NotFoundException
from sqlalchemy import (
    JSON,
    BigInteger,
    ForeignKeyConstraint,
    String,
    UniqueConstraint,
    bindparam,
    func,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.accounts.rights import require
from app.accounts.visits import Visit
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.editing.rows import RowPlace
from app.records.facts import CollectionAdded, CollectionRenamed
from app.records.kinds import FIELD_KINDS
from app.records.permissions import is_granted
from app.web.forms import Invalid
from app.web.texts import Text, _l, fold

MOST_FIELDS = 40
MOST_CHOICES = 100
# Names in list addresses and record forms that are not fields.
RESERVED_KEYS = {"number", "q", "sort", "page", "version", "id"}


class Collection(Tenanted, Base):
    """A kind of record, such as books. `last_number` is the newest record's; numbers are never used twice."""

    __tablename__ = "collection"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "slug", name="uq_collection_slug"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(40))
    name: Mapped[str] = mapped_column(String(60))
    icon: Mapped[str] = mapped_column(String(20), default="box")
    last_number: Mapped[int] = mapped_column(BigInteger, default=0)
    total: Mapped[int] = mapped_column(BigInteger, default=0)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Field(Tenanted, Base):
    """One thing that is known of each record. Values are stored under `key`, which stays when `label` changes.

    A removed one is known for a while, so that what somebody was typing into it has a name, and its key is not another
    field's.
    """

    __tablename__ = "field"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "collection_id", "key", name="uq_field_key"),
        ForeignKeyConstraint(
            ["tenant_id", "collection_id"],
            ["collection.tenant_id", "collection.id"],
            ondelete="CASCADE",
        ),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    collection_id: Mapped[int]
    key: Mapped[str] = mapped_column(String(40))
    label: Mapped[str] = mapped_column(String(60))
    kind: Mapped[str] = mapped_column(String(20))
    required: Mapped[bool] = mapped_column(default=False)
    unique: Mapped[bool] = mapped_column(default=False)
    help: Mapped[str] = mapped_column(String(200), default="")
    default: Mapped[str] = mapped_column(String(500), default="")
    choices: Mapped[list[str]] = mapped_column(JSON, default=list)
    position: Mapped[int] = mapped_column(default=0)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)


class Fields(list[Field]):
    """The fields of a collection, in their order; the first is what a record is called by.

    `removed` are those that were taken out lately, the newest last.
    """

    def __init__(self, fields: Iterable[Field] = (), removed: Iterable[Field] = ()) -> None:
        super().__init__(fields)
        self.removed = list(removed)


FIND_COLLECTION = PreparedSelect(select(Collection).where(Collection.slug == bindparam("slug")))
LIST_FIELDS = PreparedSelect(
    select(Field).where(Field.collection_id.in_(bindparam("ids"))).order_by(Field.position, Field.id)
)


async def list_collections(transaction: Transaction, most: int | None = None) -> list[Collection]:
    """The collections by name: all, or the first of them."""
    statement = select(Collection).order_by(Collection.name, Collection.id).limit(most)
    return list(await transaction.scalars(statement))


# How many the sidebar shows, and the start.
COLLECTIONS_SHOWN = 12
LIST_USED = PreparedSelect(
    select(Collection)
    .outerjoin(
        Visit,
        (Visit.tenant_id == Collection.tenant_id)
        & (Visit.subject_id == Collection.id)
        & (Visit.kind == "collection")
        & (Visit.member_id == bindparam("member_id")),
    )
    .where(is_granted("browse", Collection.id, bindparam("role", type_=String), bindparam("member_id")))
    .order_by(
        Collection.slug != bindparam("current"), Visit.visited_at.desc().nulls_last(), Collection.name, Collection.id
    )
    .limit(COLLECTIONS_SHOWN)
)


async def list_used(transaction: Transaction, member: Member, current: str = "") -> list[Collection]:
    """The collections that a member uses, by name: the one of the address that is open, then those opened last."""
    found = await transaction.rows(LIST_USED, member_id=member.id, role=member.role, current=current)
    return sorted((each for (each,) in found), key=lambda each: (each.name, each.id))


async def get_collection(transaction: Transaction, slug: str) -> Collection:
    """A collection by its address. Raises NotFoundException."""
    found = await transaction.find(FIND_COLLECTION, slug=slug)
    if found is None:
        raise NotFoundException
    return found[0]


async def list_fields(transaction: Transaction, collection: Collection) -> Fields:
    """The fields of a collection."""
    return (await list_fields_of(transaction, [collection.id]))[collection.id]


async def list_fields_of(transaction: Transaction, collection_ids: Iterable[int]) -> dict[int, Fields]:
    """The fields of some collections, by the collection's id. A transaction reads them once."""
    known: dict[int, Fields] = transaction.info.setdefault(Fields, {})
    found = {each: known[each] if each in known else Fields() for each in collection_ids}
    missing = [collection_id for collection_id in found if collection_id not in known]
    if missing:
        for (field,) in await transaction.rows(LIST_FIELDS, ids=missing):
            fields = found[field.collection_id]
            (fields if field.removed_at is None else fields.removed).append(field)
        for collection_id in missing:
            found[collection_id].removed.sort(key=lambda field: (field.removed_at, field.id))
            known[collection_id] = found[collection_id]
    return found


def forget_fields(transaction: Transaction, collection_id: int) -> None:
    """Let the fields of a collection be read anew: there are others now, or in another order."""
    transaction.info.get(Fields, {}).pop(collection_id, None)
    transaction.info.pop(RowPlace, None)  # records are called after their first field


async def find_collections(
    transaction: Transaction, collection_ids: Iterable[int]
) -> dict[int, tuple[Collection, Fields]]:
    """Some collections with their fields, by id."""
    fields = await list_fields_of(transaction, collection_ids)
    collections = await transaction.find_all(Collection, fields)
    for collection in collections.values():
        transaction.keep(collection)
    return {collection.id: (collection, fields[collection.id]) for collection in collections.values()}


async def create_collection(transaction: Transaction, *, name: str, slug: str = "", icon: str = "box") -> Collection:
    """Make a collection without fields. The address is made from the name where none is given.

    Raises Invalid when there is one at that address already.
    """
    slug = slug or "-".join(re.findall(r"[a-z0-9]+", fold(name)))[:40].strip("-") or "collection"
    if await transaction.scalar(select(Collection.id).where(Collection.slug == slug)):
        raise Invalid(name=_l("There is a collection of this name already."))
    collection = Collection(name=name, slug=slug, icon=icon, last_number=0, total=0)
    transaction.add(collection)
    await transaction.flush()
    return collection


async def add_collection(transaction: Transaction, member: Member, *, name: str, first: str) -> Collection:
    """Make a collection with a first field, which its records are called by.

    Raises Invalid when there is one at its address already.
    """
    require(member, "manage", "collections")
    collection = await create_collection(transaction, name=name)
    await add_field(transaction, collection, label=first, kind_name="text", required=True)
    transaction.note(CollectionAdded(by=transaction.acting(member.id), collection_id=collection.id, name=name))
    return collection


async def rename_collection(transaction: Transaction, collection: Collection, member: Member, *, name: str) -> None:
    """Give a collection another name; its address stays."""
    require(member, "manage", "collections")
    if collection.name == name:
        return
    by, before = transaction.acting(member.id), collection.name
    collection.name = name
    await transaction.flush()
    transaction.note(
        CollectionRenamed(by=by, collection_id=collection.id, slug=collection.slug, before=before, after=name)
    )


def check_field(*, kind_name: str, choices: list[str], default: str, unique: bool) -> None:
    """Raise Invalid unless these can be a field's."""
    errors: dict[str, Text] = {}
    if kind_name not in FIELD_KINDS:
        raise Invalid(kind=_l("Choose one of the list."))
    if kind_name == "choice" and not choices:
        errors["choices"] = _l("Write one choice on each line.")
    elif len(choices) > MOST_CHOICES or any(len(choice) > 60 for choice in choices):
        errors["choices"] = _l("At most %(number)d choices of 60 characters.", number=MOST_CHOICES)
    if unique and kind_name in ("yes_no", "long_text"):
        errors["unique"] = _l("This kind of field can't be unique.")
    elif unique and default:
        errors["default"] = _l("A field whose values are unique can't have a default.")
    try:
        FIELD_KINDS[kind_name].read(default, choices)
    except ValueError as error:
        errors.setdefault("default", error.args[0])
    if errors:
        raise Invalid(**errors)


async def add_field(
    transaction: Transaction,
    collection: Collection,
    *,
    label: str,
    kind_name: str,
    required: bool = False,
    unique: bool = False,
    help: str = "",
    default: str = "",
    choices: list[str] | None = None,
) -> Field:
    """Add a field at the end; records that are there have no value in it.

    Raises Invalid when it can't be one.
    """
    choices = choices or []
    check_field(kind_name=kind_name, choices=choices, default=default, unique=unique)
    fields = await list_fields(transaction, collection)
    if len(fields) >= MOST_FIELDS:
        raise Invalid(label=_l("A collection has at most %(number)d fields.", number=MOST_FIELDS))
    base = "_".join(re.findall(r"[a-z0-9]+", fold(label)))[:32].strip("_") or "field"
    if fold(label) in {fold(field.label) for field in fields}:
        raise Invalid(label=_l("There is a field of this name already."))
    taken = {field.key for field in (*fields, *fields.removed)} | RESERVED_KEYS
    key = next(name for name in (base, *(f"{base}_{n}" for n in range(2, 99))) if name not in taken)
    position = await transaction.scalar(select(func.max(Field.position)).where(Field.collection_id == collection.id))
    field = Field(
        collection_id=collection.id,
        key=key,
        label=label,
        kind=kind_name,
        required=required,
        unique=unique,
        help=help,
        default=FIELD_KINDS[kind_name].read(default, choices),
        choices=choices,
        position=(position or 0) + 1,
    )
    transaction.add(field)
    await transaction.flush()
    forget_fields(transaction, collection.id)
    return field
