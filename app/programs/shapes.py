"""What programs get and give. Members that are not named here are refused by name."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

import msgspec
from msgspec import Meta
from sqlalchemy import bindparam, select

from app.accounts.members import Member
from app.accounts.programs import is_of_bot
from app.database import PreparedSelect, Transaction
from app.records.collections import Collection
from app.records.definitions import KEPT_OPTIONS
from app.records.fields import Field, Fields
from app.records.record_facts import tell_values
from app.records.records import Record


class PersonShape(msgspec.Struct):
    """A member of the workspace, or a `bot` that acts for an app or an address of a room."""

    id: int
    name: str
    bot: bool


class CollectionShape(msgspec.Struct):
    """A collection of records, of whose changes is told on `channel`. How many it has (`total`) is for those who may
    look through it: for others it is null."""

    slug: str
    name: str
    description: str
    icon: str
    color: str
    total: int | None
    version: int
    archived: bool
    created_at: datetime
    channel: str


class ChoiceShape(msgspec.Struct):
    """One of the choices of a field. Values have its id; in what is sent its name will do."""

    id: int
    name: str
    color: str
    archived: bool


class FieldShape(msgspec.Struct):
    """A field: `key` is what values are called by. One that is not `writable` is written by the program itself, or may
    not be changed by whoever asks. `options` are what its kind lets one choose, `default` is what a new record begins
    with, and those of the roles in `read_only_for` may not change its values."""

    key: str
    name: str
    kind: str
    version: int
    required: bool
    unique: bool
    writable: bool
    help: str
    default: Any
    choices: list[ChoiceShape]
    options: dict[str, Any]
    read_only_for: list[str]


class RecordShape(msgspec.Struct):
    """A record, with its values by the keys of its collection's fields. On `channel` comes who edits it."""

    number: int
    version: int
    values: dict[str, Any]
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None
    channel: str


GivenValues = Annotated[dict[str, Any], Meta(description="Values by the keys of fields; null empties one.")]


class NewRecord(msgspec.Struct, forbid_unknown_fields=True):
    """A record that is to be added."""

    values: GivenValues


class RecordChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be changed of a record. Fields that are not named stay as they are."""

    values: GivenValues


class FormerValue(msgspec.Struct):
    """A value of when its field was of another kind, as a text."""

    kind: str
    text: str


class RevisionShape(msgspec.Struct):
    """What a record was after a change; `program` is the name of the token, where a program made it for the author,
    after `agent: ` where that was an agent, and `bot: ` of a bot. `former` has the values of fields that were of
    another kind then, as they were; in `values` they are what became of them, or null."""

    version: int
    what: str
    author: PersonShape
    program: str | None
    made_at: datetime
    values: dict[str, Any] | None
    former: dict[str, FormerValue]


class Holder(msgspec.Struct):
    """Who holds a lock; `program` is the name of the token, where a program does, after `agent: ` of an agent, and
    `bot: ` of a bot."""

    id: int
    name: str
    bot: bool
    program: str | None


def shape_collection(collection: Collection, *, counted: bool = True) -> CollectionShape:
    """A collection, for programs; `counted` where its records may be."""
    return CollectionShape(
        slug=collection.slug,
        name=collection.name,
        description=collection.description,
        icon=collection.icon,
        color=collection.color,
        total=collection.total if counted else None,
        version=collection.version,
        archived=collection.archived_at is not None,
        created_at=in_utc(collection.created_at),
        channel=f"collection.{collection.id}",
    )


def shape_field(field: Field, *, writable: bool) -> FieldShape:
    """A field, for programs."""
    return FieldShape(
        key=field.key,
        name=field.label,
        kind=field.kind_name,
        version=field.version,
        required=field.required,
        unique=field.unique,
        writable=writable,
        help=field.help,
        default=field.kind.to_json(field.default, field),
        choices=[ChoiceShape(each["id"], each["name"], each["color"], each["archived"]) for each in field.choices],
        options={name: value for name, value in field.options.items() if name not in KEPT_OPTIONS},
        read_only_for=list(field.read_only_for),
    )


def shape_record(fields: Fields, record: Record) -> RecordShape:
    """A record, for programs."""
    return RecordShape(
        number=record.number,
        version=record.version,
        values=tell_values(fields, record.values),
        created_at=in_utc(record.created_at),
        updated_at=in_utc(record.updated_at),
        deleted_at=record.deleted_at and in_utc(record.deleted_at),
        channel=f"record.{record.id}",
    )


def shape_holder(record: Record) -> Holder:
    """Who holds the lock of a record."""
    return Holder(
        record.lock_member_id or 0, record.lock_name or "", is_of_bot(record.lock_program), record.lock_program
    )


def shape_person(member: Member) -> PersonShape:
    """A member, for programs."""
    return PersonShape(member.id, member.name, member.bot)


FIND_PEOPLE = PreparedSelect(lambda: select(Member.id, Member.name, Member.bot).where(Member.id.in_(bindparam("ids"))))


async def find_people_shapes(transaction: Transaction, ids: set[int]) -> dict[int, PersonShape]:
    """Members by their ids, whether they are still there or not, for programs."""
    rows = await transaction.rows(FIND_PEOPLE, ids=ids) if ids else ()
    return {number: PersonShape(number, name, bot) for number, name, bot in rows}


def in_utc(moment: datetime) -> datetime:
    """A moment as RFC 3339 has it in UTC."""
    return moment.astimezone(UTC)


def moment_after(milliseconds: int) -> datetime:
    """The moment in so many milliseconds, to the second."""
    return (datetime.now(UTC) + timedelta(milliseconds=milliseconds)).replace(microsecond=0)
