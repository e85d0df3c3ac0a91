"""Computed values: written with each change of a record, and for all records when a field of them is added."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

from msgspec import Struct
from sqlalchemy import bindparam, select

from app.database import PreparedSelect, Transaction
from app.records.fields import Field
from app.records.records import Record, Values
from app.records.revisions import Revision

LIST_ORIGINS = PreparedSelect(
    lambda: (
        select(Record.id, Record.number, Record.created_at, Revision.version, Revision.member_id, Revision.made_at)
        .join(Revision, (Revision.record_id == Record.id) & (Revision.tenant_id == Record.tenant_id))
        .where(Record.id.in_(bindparam("ids")), Revision.what.not_in(["deleted", "restored"]))
        .order_by(Record.id, Revision.version)
    )
)


class Origin(Struct, frozen=True):
    """Where a record comes from: its number, and who added and changed it last when, by the ids of members."""

    number: int
    created_at: datetime
    created_by: int
    changed_at: datetime
    changed_by: int


def compute(fields: Iterable[Field], **known: int | datetime) -> Values:
    """The values of computed fields, as far as what they are of is known."""
    found = ((field.ref, known.get(field.kind.computed)) for field in fields if field.kind.computed)
    return {ref: store_computed(value) for ref, value in found if value is not None}


def store_computed(value: int | datetime) -> str:
    """A number, a member's id or a moment as it is stored."""
    if isinstance(value, int):
        return str(value)
    return value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="minutes") + "Z"


def compute_all(fields: Iterable[Field], origin: Origin) -> Values:
    """The values of computed fields of a record."""
    return compute(fields, **{name: getattr(origin, name) for name in Origin.__struct_fields__})


def keep_computed(fields: Iterable[Field], values: Mapping[str, str], before: Mapping[str, str]) -> Values:
    """Values with the computed ones of before, whatever a form or an old revision has."""
    computed = {field.ref for field in fields if field.kind.computed}
    kept = {ref: before[ref] for ref in computed if ref in before}
    return {ref: value for ref, value in values.items() if ref not in computed} | kept


async def find_origins(transaction: Transaction, record_ids: Iterable[int]) -> dict[int, Origin]:
    """Where records come from, by their ids: told by their revisions."""
    found: dict[int, Origin] = {}
    for record_id, number, created_at, _, member_id, made_at in await transaction.rows(
        LIST_ORIGINS, ids=list(record_ids)
    ):
        first = found.get(record_id)
        made = (first.created_at, first.created_by) if first else (created_at, member_id)
        found[record_id] = Origin(number, *made, made_at, member_id)
    return found
