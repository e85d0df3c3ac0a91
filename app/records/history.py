"""A record's history: who changed which field from what to what, and when."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime

from litestar.exceptions import NotFoundException
from markupsafe import Markup
from msgspec import Struct
from sqlalchemy import bindparam, select

from app.accounts.members import Member
from app.accounts.programs import name_own_program, name_with_program
from app.database import PreparedSelect, Transaction
from app.records.conversions import convert_if_can
from app.records.fields import Field, Fields
from app.records.former_values import Conversion, list_conversions
from app.records.keys import write_keys
from app.records.records import Record
from app.records.revisions import Revision
from app.records.values import find_overstepped, list_read_only, read_values, value_of_before, write_values
from app.records.wording import SHORTEST, compare_texts
from app.web.forms import Invalid
from app.web.texts import Text


class Change(Struct):
    """One field's change; '' stands for no value. `texts` are both as people read them, and `words` what is different,
    word by word, where both are long texts and not too different."""

    field: Field
    before: str
    after: str
    texts: tuple[str, str] = ("", "")
    words: Markup | None = None


class Difference(Struct, frozen=True):
    """A field in which what somebody typed is not what is saved, both as a form has them. `touched`: they changed it,
    not only another since."""

    field: Field
    yours: str
    saved: str
    touched: bool
    kept: str = ""  # the values that were seen and are saved

    def describe(self, text: str) -> str:
        """What a form has, as people read it."""
        return self.field.describe_typed(text, self.kept)


class RevisionEntry(Struct, frozen=True):
    """One revision as the history shows it; `program` is the one that acted for its author, if one did. `conversions`
    are what became of its values before the next one, the last first."""

    version: int
    what: str
    author_id: int
    author: str
    who: Text | str
    program: str | None
    made_at: datetime
    changes: list[Change]
    conversions: list[Conversion]

    @property
    def own_program(self) -> Text | None:
        """That program, as its author is told; None where a page did it."""
        return name_own_program(self.program) if self.program is not None else None


LIST_REVISIONS = PreparedSelect(
    lambda: (
        select(Revision, Member.name)
        .join(Member, (Member.id == Revision.member_id) & (Member.tenant_id == Revision.tenant_id))
        .join(Record, (Record.id == Revision.record_id) & (Record.tenant_id == Revision.tenant_id))
        .where(Record.id.in_(bindparam("ids")), Revision.version >= Record.version - bindparam("limit"))
        .order_by(Revision.version.desc())
    )
)
FIND_REVISION = PreparedSelect(
    lambda: select(Revision).where(
        Revision.record_id == bindparam("record_id"), Revision.version == bindparam("version")
    )
)


def translate(fields: Fields, revision: Revision) -> dict[str, str]:
    """The values of a revision as the fields that there are now have them: the kind of one may have been changed."""
    values = revision.values
    pairs = ((field, fields.at(field, revision.made_at)) for field in fields)
    changed = {
        field.ref: convert_if_can(values.get(before.ref, ""), before, field)
        for field, before in pairs
        if before is not field
    }
    return {ref: value for ref, value in {**values, **changed}.items() if value}


def compare_revisions(
    fields: Fields, compared: Sequence[tuple[Field, str, bool]], before: Revision, after: Revision
) -> list[Change]:
    """What differs between two revisions in the fields that are compared, each with its ref and whether it replaces
    another one; each value in the field that it was in. Where that has become another one between them, what was
    converted is no difference."""
    had, has = before.values, after.values
    differing = {ref for ref, _ in had.items() ^ has.items()}
    changes = []
    for field, ref, replaces in compared:
        if not replaces:
            if ref in differing:
                changes.append(Change(field, had.get(ref, ""), has.get(ref, "")))
            continue
        was, became = fields.at(field, before.made_at), fields.at(field, after.made_at)
        old, new = had.get(was.ref, ""), has.get(became.ref, "")
        if was is not became:
            old = convert_if_can(old, was, became)
        if old != new:
            changes.append(Change(became, old, new))
    return changes


def compare(fields: list[Field], before: Mapping[str, str], after: Mapping[str, str]) -> list[Change]:
    """The fields that differ; not what the program writes by itself, as that always does."""
    pairs = (
        (field, before.get(field.ref, ""), after.get(field.ref, "")) for field in fields if not field.kind.computed
    )
    return [Change(field, old, new) for field, old, new in pairs if old != new]


async def list_differences(
    transaction: Transaction, fields: Fields, record: Record, yours: Mapping[str, str], version: int
) -> dict[str, Difference]:
    """By ref, the fields in which what was typed over a version differs from what is saved now."""
    revision = await find_revision(transaction, record, version)
    seen = translate(fields, revision) if revision is not None else None
    return {
        change.field.ref: Difference(
            change.field,
            change.after,
            change.before,
            seen is None or change.after != change.field.write(seen.get(change.field.ref, "")),
            " ".join(values.get(change.field.ref, "") for values in (record.values, seen or {})),
        )
        for change in compare(fields, write_values(fields, record.values), yours)
    }


async def is_saved_already(
    transaction: Transaction, fields: Fields, record: Record, author: Member, typed: Mapping[str, str], version: int
) -> bool:
    """Whether the next revision after a version is the author's own, of what is typed: a form whose answer was lost is
    sent again."""
    revision = await find_revision(transaction, record, version + 1)
    if revision is None or revision.member_id != author.id or revision.what not in ("changed", "reverted"):
        return False
    kept = translate(fields, revision)
    try:
        return not compare(list(fields), kept, read_values(fields, typed, kept, by=author))
    except Invalid:
        return False


async def list_history(
    transaction: Transaction, fields: Fields, record: Record, *, limit: int = 50
) -> list[RevisionEntry]:
    """The newest revisions, newest first."""
    return (await list_histories(transaction, [(fields, record)], limit=limit))[record]


async def list_histories(
    transaction: Transaction, of: Sequence[tuple[Fields, Record]], *, limit: int = 50
) -> dict[Record, list[RevisionEntry]]:
    """The newest revisions of each of some records, with their fields; newest first."""
    rows: dict[int, list[tuple[Revision, str]]] = defaultdict(list)
    for revision, author in await transaction.rows(LIST_REVISIONS, ids=[record.id for _, record in of], limit=limit):
        rows[revision.record_id].append((revision, author))
    histories = {record: make_entries(fields, rows[record.id], record, limit) for fields, record in of}
    long = []
    for change in [change for entries in histories.values() for entry in entries for change in entry.changes]:
        change.texts = change.field.describe(change.before), change.field.describe(change.after)
        if max(map(len, change.texts)) >= SHORTEST:
            long.append(change)
    if long:
        for change, words in zip(long, await compare_texts([change.texts for change in long]), strict=True):
            change.words = words
    return histories


def make_entries(
    fields: Fields, rows: Sequence[tuple[Revision, str]], record: Record, limit: int
) -> list[RevisionEntry]:
    """Entries of revisions, newest first; each is compared with the one before."""
    entries = []
    compared = [(field, field.ref, field.replaces is not None) for field in fields if not field.kind.computed]
    conversions = list_conversions(fields, record.values) if any(each.replaces for each in fields) else []
    for index, (revision, author) in enumerate(rows[:limit]):
        before = rows[index + 1][0] if index + 1 < len(rows) else None
        what, program, made_at = revision.what, revision.program, revision.made_at
        if what == "created":
            changes = []
        elif before is None:
            changes = compare([fields.at(field, made_at) for field in fields], {}, revision.values)
        else:
            changes = compare_revisions(fields, compared, before, revision)
        own = []
        if conversions:
            until = rows[index - 1][0].made_at if index else None
            own = [each for each in conversions if made_at < each.made_at and (not until or each.made_at <= until)]
        entries.append(
            RevisionEntry(
                revision.version,
                what,
                revision.member_id,
                author,
                author if program is None else name_with_program(author, program),
                program,
                made_at,
                changes,
                own,
            )
        )
    return entries


async def find_revision(transaction: Transaction, record: Record, version: int) -> Revision | None:
    """A revision of a record."""
    found = await transaction.find(FIND_REVISION, record_id=record.id, version=version)
    return found and found[0]


async def get_revision(transaction: Transaction, record: Record, version: int) -> Revision:
    """A revision of a record. Raises NotFoundException."""
    revision = await find_revision(transaction, record, version)
    if revision is None:
        raise NotFoundException
    return revision


def values_as_before(
    fields: Fields, record: Record, revision: Revision, member: Member
) -> tuple[dict[str, str], dict[Field, Text]]:
    """The values with which a record is as it was in a revision, but for those that a member may not change; and
    these."""
    known = translate(fields, revision)
    values = {each.ref: known[each.ref] for each in fields if each.ref in known}
    kept = find_overstepped(list_read_only(fields, member), record.values, values)
    stays = {field.ref: value_of_before(field, record.values) for field in kept}
    return {ref: value for ref, value in (values | stays).items() if value}, kept


async def keep_revisions(
    transaction: Transaction, fields: list[Field], records: Sequence[Record], author: Member, what: str
) -> None:
    """Keep a revision of what records are now, and the keys of these fields."""
    kept = [(record.id, record.number, record.values) for record in records if record.deleted_at is None]
    revisions = [
        {
            "record_id": record.id,
            "version": record.version,
            "member_id": author.id,
            "program": transaction.actor.program,
            "what": what,
            "values": record.values,
        }
        for record in records
    ]
    await write_keys(transaction, fields, kept, anew=what not in ("created", "deleted"))
    await transaction.insert_rows(Revision, *revisions)
