"""A record's history: who changed which field from what to what, and when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from litestar.exceptions import NotFoundException
from markupsafe import Markup
from sqlalchemy import bindparam, select

from app.accounts.members import Member
from app.database import PreparedSelect, Transaction
from app.records.fields import Field
from app.records.records import Record, write_values
from app.records.revisions import Revision
from app.records.wording import differs_by_words


@dataclass(frozen=True, slots=True)
class Change:
    """One field's change; '' stands for no value."""

    field: Field
    before: str
    after: str

    @property
    def words(self) -> Markup | None:
        """What is different, word by word, where both are long texts."""
        return differs_by_words(self.field.describe(self.before), self.field.describe(self.after))


@dataclass(frozen=True, slots=True)
class Difference:
    """A field in which what somebody typed is not what is saved, both as a form has them. `touched`: they changed it,
    not only another since."""

    field: Field
    yours: str
    saved: str
    touched: bool

    def describe(self, text: str) -> str:
        """What a form has, as people read it."""
        return self.field.describe_typed(text)


@dataclass(frozen=True, slots=True)
class RevisionEntry:
    """One revision as the history shows it."""

    version: int
    what: str
    author_id: int
    author: str
    made_at: datetime
    changes: list[Change]


LIST_REVISIONS = PreparedSelect(
    select(Revision, Member.name)
    .join(Member, (Member.id == Revision.member_id) & (Member.tenant_id == Revision.tenant_id))
    .join(Record, (Record.id == Revision.record_id) & (Record.tenant_id == Revision.tenant_id))
    .where(Record.id.in_(bindparam("ids")), Revision.version >= Record.version - bindparam("limit"))
    .order_by(Revision.version.desc())
)


def compare(fields: list[Field], before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """The fields that differ."""
    pairs = ((field, before.get(field.ref, ""), after.get(field.ref, "")) for field in fields)
    return [Change(field, old, new) for field, old, new in pairs if old != new]


async def list_differences(
    transaction: Transaction, fields: list[Field], record: Record, yours: Mapping[str, str], version: int
) -> dict[str, Difference]:
    """By ref, the fields in which what was typed over a version differs from what is saved now."""
    statement = select(Revision.values).where(Revision.record_id == record.id, Revision.version == version)
    seen = (await transaction.scalars(statement)).one_or_none()
    return {
        change.field.ref: Difference(
            change.field,
            change.after,
            change.before,
            seen is None or change.after != change.field.write(seen.get(change.field.ref, "")),
        )
        for change in compare(fields, write_values(fields, record.values), yours)
    }


async def list_history(
    transaction: Transaction, fields: list[Field], record: Record, *, limit: int = 50
) -> list[RevisionEntry]:
    """The newest revisions, newest first."""
    return (await list_histories(transaction, [(fields, record)], limit=limit))[record]


async def list_histories(
    transaction: Transaction, of: Sequence[tuple[list[Field], Record]], *, limit: int = 50
) -> dict[Record, list[RevisionEntry]]:
    """The newest revisions of each of some records, with their fields; newest first."""
    rows: dict[int, list[tuple[Revision, str]]] = defaultdict(list)
    for revision, author in await transaction.rows(LIST_REVISIONS, ids=[record.id for _, record in of], limit=limit):
        rows[revision.record_id].append((revision, author))
    return {record: make_entries(fields, rows[record.id], limit) for fields, record in of}


def make_entries(fields: list[Field], rows: Sequence[tuple[Revision, str]], limit: int) -> list[RevisionEntry]:
    """Entries of revisions, newest first; each is compared with the one before."""
    entries = []
    for index, (revision, author) in enumerate(rows[:limit]):
        before = rows[index + 1][0].values if index + 1 < len(rows) else {}
        changes = [] if revision.what == "created" else compare(fields, before, revision.values)
        entries.append(
            RevisionEntry(
                revision.version,
                revision.what,
                revision.member_id,
                author,
                revision.made_at,
                changes,
            )
        )
    return entries


async def get_revision(transaction: Transaction, record: Record, version: int) -> Revision:
    """A revision of a record. Raises NotFoundException."""
    statement = select(Revision).where(Revision.record_id == record.id, Revision.version == version)
    revision = (await transaction.scalars(statement)).one_or_none()
    if revision is None:
        raise NotFoundException
    return revision
