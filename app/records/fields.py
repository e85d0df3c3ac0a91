"""The fields of a collection: what is known of each record."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from babel import Locale
from sqlalchemy import JSON, BigInteger, ForeignKeyConstraint, String, UniqueConstraint, bindparam, select, true
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member, find_zones
from app.accounts.time_zones import known_time_zone
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.editing.row_places import RowPlace
from app.records.collections import Collection
from app.records.kinds import FIELD_KINDS
from app.records.kinds.choices import NO_CHOICES
from app.records.kinds.kind import FieldChoice, FieldKind, FieldValues
from app.records.kinds.known_people import NOBODY, read_workspace_people

MOST_FIELDS = 200
REMOVED_IS_KEPT_FOR = timedelta(days=30)  # as drafts are, which may have a text that was typed into a field


class Field(FieldValues, Tenanted, Base):
    """One thing that is known of each record. Values are stored under its `ref`, which stays whatever else changes.

    `label` is what people call it, `key` what programs and exports do. `options` are what its kind lets one choose.
    `version` is the collection's at which it was changed last, by `changed_by`. A removed one is known for a while.
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
    kind_name: Mapped[str] = mapped_column(String(20))
    required: Mapped[bool] = mapped_column(default=False)
    unique: Mapped[bool] = mapped_column(default=False)
    help: Mapped[str] = mapped_column(String(200), default="")
    default: Mapped[str] = mapped_column(String(500), default="")
    choices: Mapped[list[FieldChoice]] = mapped_column(JSON, default=list)
    options: Mapped[dict[str, Any]] = mapped_column(JSON, default=dict)
    position: Mapped[int] = mapped_column(default=0)
    version: Mapped[int] = mapped_column(BigInteger, default=1)
    changed_by: Mapped[int | None] = mapped_column(default=None)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime, default=None)
    # The roles that see its values and may not change them: a new record of theirs has the default.
    read_only_for: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")
    # Of a field that another one became as its kind was changed: the id of that.
    replaces: Mapped[int | None] = mapped_column(default=None)
    # Of one that undid a change of kind: the id of the one that had the kind before (`kind_chains.py`).
    restores: Mapped[int | None] = mapped_column(default=None)
    # Whether each kept record has its key in it: of a new one a job writes them (`key_writing.py`).
    keyed: Mapped[bool] = mapped_column(default=True, server_default=true())

    # How numbers and dates are written, and the workspace's language: whoever reads fields from the database sets both.
    locale = Locale("en")
    language = "en"
    # Where its values have a time: the zone in which whoever asks lives, and those in which most members do.
    zone = "UTC"
    zones: tuple[str, ...] = ()
    # Who is in the workspace, where its values are people.
    people = NOBODY
    indexed = NO_CHOICES

    @cached_property
    def ref(self) -> str:
        """What its values are stored under, and its input is called: `f17`. Raises LookupError while it has no id."""
        if self.id is None:
            raise LookupError("a field has a ref when it has been written")
        return f"f{self.id}"

    @cached_property
    def kind(self) -> FieldKind:
        """Its kind, which knows what can be done with its values."""
        return FIELD_KINDS[self.kind_name]

    def quote_typed(self, text: str, kept: str = "") -> str:
        """What was typed, in plain text for the one who did: in their own letters where they wrote it. `kept` is the
        value that it was typed over."""
        return self.kind.quote_typed(text, self) or self.describe_typed(text, kept)

    def describe_typed(self, text: str, kept: str = "") -> str:
        """What a form has, in plain text for the one who asks; as it stands where it won't do."""
        try:
            return self.describe_here(self.read(text))
        except ValueError:
            return self.kind.describe_unread(text, self, kept)


class Fields(list[Field]):
    """The fields of a collection, in their order; the first is what a record is called by.

    `removed` are those that were taken out lately, the newest last. `refs` has all of them by their refs. Forms of them
    are `written_in` a locale such as `pt_BR`.
    """

    def __init__(self, fields: Iterable[Field] = (), removed: Iterable[Field] = ()) -> None:
        super().__init__(fields)
        self.removed = list(removed)
        self.refs = {field.ref: field for field in (*self, *self.removed)}
        self.written_in = str(self[0].locale) if self else ""

    @property
    def in_bin(self) -> list[Field]:
        """Those that were removed and can be restored, the newest last: not what another one became, or becomes."""
        since = now() - REMOVED_IS_KEPT_FOR
        there = {field.id for field in self}
        replaced = {field.replaces for field in (*self, *self.removed)}
        return [
            field
            for field in self.removed
            if field.id not in replaced
            and field.replaces not in there
            and field.removed_at is not None
            and field.removed_at > since
        ]

    @cached_property
    def removed_by_id(self) -> dict[int, Field]:
        """Those that were removed, by their ids."""
        return {field.id: field for field in self.removed}

    def with_replaced(self) -> list[Field]:
        """The fields, and those that they were before their kinds were changed: histories show what these had."""
        known = list(self)
        for field in known:
            if field.replaces in self.removed_by_id:
                known.append(self.removed_by_id[field.replaces])
        return known

    def at(self, field: Field, when: datetime) -> Field:
        """What a field was at a time: another one, where its kind was changed since."""
        before = self.removed_by_id
        while (older := before.get(field.replaces or 0)) and older.removed_at is not None and older.removed_at > when:
            field = older
        return field

    def by_ref(self, typed: Mapping[str, str]) -> dict[str, str]:
        """What was typed, by the fields' refs: as pages name their inputs, or by their keys, as programs call them.

        Pages of 0.1 named inputs by keys, too: one that was open when the program became this one loses nothing.
        """
        if self.refs.keys() & typed.keys():
            return {ref: typed[ref] for ref in self.refs if ref in typed}
        return {field.ref: typed[field.key] for field in reversed((*self, *self.removed)) if field.key in typed}

    def list_long_texts(self, typed: Mapping[str, str]) -> list[str]:
        """The texts of values, or of a form, that are shown as Markdown, as far as they will do."""
        texts = []
        for field in self:
            if field.kind_name == "long_text" and (text := typed.get(field.ref)):
                with suppress(ValueError):
                    texts.append(field.read(text))
        return texts

    def find(self, name: str) -> Field | None:
        """The field of a ref, or of a key."""
        return next((field for field in self if field.ref == name), None) or next(
            (field for field in self if field.key == name), None
        )

    def find_now(self, name: str) -> Field | None:
        """Likewise; of a ref of before its kind was changed, what the field is now."""
        old = next((each for each in self.removed if each.ref == name), None)
        return self.find(name) or (self.successor_of(old) if old is not None else None)

    def successor_of(self, field: Field) -> Field | None:
        """What a field is now, whose kind was changed, also several times."""
        became: dict[int, Field] = {each.replaces: each for each in (*self.removed, *self) if each.replaces is not None}
        for _ in became:
            field = became.get(field.id, field)
            if field in self:
                return field
        return None


LIST_FIELDS = PreparedSelect(
    lambda: select(Field).where(Field.collection_id.in_(bindparam("ids"))).order_by(Field.position, Field.id)
)


async def list_fields(transaction: Transaction, collection: Collection) -> Fields:
    """The fields of a collection."""
    return (await list_fields_of(transaction, [collection.id]))[collection.id]


async def list_fields_of(transaction: Transaction, collection_ids: Iterable[int]) -> dict[int, Fields]:
    """The fields of some collections, by the collection's id. A transaction reads them once."""
    known: dict[int, Fields] = transaction.info.setdefault(Fields, {})
    wanted = list(collection_ids)
    missing = {each: list[Field]() for each in wanted if each not in known}
    if missing:
        read = [field for (field,) in await transaction.rows(LIST_FIELDS, ids=missing)]
        await prepare_fields(transaction, read)
        for field in read:
            missing[field.collection_id].append(field)
        for collection_id, fields in missing.items():
            removed = [field for field in fields if field.removed_at is not None]
            removed.sort(key=lambda field: (field.removed_at, field.id))
            known[collection_id] = Fields([field for field in fields if field.removed_at is None], removed)
    return {each: known[each] for each in wanted}


async def prepare_fields(transaction: Transaction, fields: Iterable[Field]) -> None:
    """Give fields what is not theirs, and their kinds need: how the workspace writes, who is in it, and in which
    zones they and the one who asks live."""
    for field in fields:
        field.locale, field.language = transaction.tenant.formats, transaction.tenant.language
        if field.kind.names_people:
            field.people = await read_workspace_people(transaction)
        if field.kind.tells_time:
            member_id = transaction.actor.member_id
            asks = await transaction.get(Member, member_id) if member_id else None
            field.zone = known_time_zone(asks.time_zone) if asks else "UTC"
            field.zones = tuple(sorted(await find_zones(transaction)))


def forget_fields(transaction: Transaction, collection_id: int) -> None:
    """Let the fields of a collection be read anew: there are others now, or in another order."""
    transaction.info.get(Fields, {}).pop(collection_id, None)
    transaction.info.pop(RowPlace, None)  # records are called after their first field


async def find_collections(
    transaction: Transaction, collection_ids: Iterable[int]
) -> dict[int, tuple[Collection, Fields]]:
    """Some collections with their fields, by id."""
    ids = list(collection_ids)
    fields, collections = await transaction.together(
        list_fields_of(transaction, ids), transaction.find_all(Collection, ids)
    )
    for collection in collections.values():
        transaction.keep(collection)
    return {collection.id: (collection, fields[collection.id]) for collection in collections.values()}
