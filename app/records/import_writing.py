"""Writing an import: some lines in each transaction, as other writers wait for it.

Each line is written as if it were alone. What was written stays when the program ends in between: the same form sent
again goes on where it was (`find_end_of_part` in accounts/form_answers.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from msgspec import Struct, field

from app.accounts.members import Member
from app.database import Transaction
from app.editing.rows import Held
from app.records.adding import add_records
from app.records.bulk import LeftAlone, reason_of
from app.records.changes import Changed, write_record
from app.records.collections import Collection
from app.records.fields import list_fields
from app.records.import_lines import Line
from app.records.imports import Plan, definition_of, note_errors
from app.records.keys import check_taken, find_taken
from app.records.record_facts import TableImported
from app.records.records import Values, find_numbered
from app.web.forms import Invalid, number_of
from app.web.texts import _l

# What a transaction may cost. To change a record takes some ten statements; many are added with a few. Many values cost
# as much as several records of a few, as each has its key: those of a new record all, of another one those that come.
COST_OF_CHANGING, COST_OF_ADDING, COST_AT_ONCE = 15, 1, 200
VALUES_OF_A_RECORD = 20


class ImportReport(Struct):
    """What an import has done, the lines that it could not write, and why."""

    added: int = 0
    changed: int = 0
    left: list[tuple[Line, LeftAlone]] = field(default_factory=list)
    refused: list[Line] = field(default_factory=list)

    @property
    def not_written(self) -> list[Line]:
        """The lines of which nothing was written, in their order."""
        return sorted([line for line, _ in self.left] + self.refused, key=lambda line: line.at)


def take_part(plan: Plan, begin: int) -> list[Line]:
    """The lines of a plan from one on, as many as a transaction writes.

    How many that are depends on the fields there are by now: whoever goes on later has kept where a part ended.
    """
    adding = COST_OF_ADDING * (1 + len(plan.definition) // VALUES_OF_A_RECORD)
    changing = COST_OF_CHANGING * (1 + plan.width // VALUES_OF_A_RECORD)
    lines: list[Line] = []
    cost = 0
    for line in plan.lines[begin:]:
        lines.append(line)
        cost += changing if line.number else adding
        if cost >= COST_AT_ONCE:
            break
    return lines


async def write_lines(
    transaction: Transaction,
    collection: Collection,
    member: Member,
    plan: Plan,
    lines: Sequence[Line],
    seen: Mapping[int, int],
    report: ImportReport,
) -> None:
    """Write some of a plan's lines. `seen` are the versions that the member has been shown, by number.

    What somebody holds, or has changed since, is left as it is, and so is a line that won't do any more.
    """
    fields = await list_fields(transaction, collection)
    if definition_of(fields) != plan.definition:
        for line in lines:
            line.errors.append(("", _l("The fields have changed.")))
    numbers = [line.record.number for line in lines if line.record and not line.errors]
    found = await find_numbered(transaction, collection, numbers) if numbers else []
    records = {record.number: record for record in found}
    new = [line.values for line in lines if line.record is None and not line.errors]
    taken = await find_taken(transaction, fields, new)
    added: list[Values] = []
    for line in lines:
        try:
            if line.errors:
                report.refused.append(line)
            elif line.record is None:
                check_taken(fields, line.values, None, taken)
                added.append(line.values)
            elif line.what != "same":
                line.record = record = records.get(line.record.number, line.record)
                await write_record(
                    transaction,
                    collection,
                    record,
                    line.values,
                    member,
                    version=seen.get(record.number, 0),
                    what="imported",
                    fields=fields,
                )
                report.changed += 1
        except Invalid as invalid:
            note_errors(fields, line, invalid)
            report.refused.append(line)
        except (Changed, Held) as refusal:
            reason = reason_of(record, refusal, member)
            report.left.append((line, LeftAlone(record, reason, line.differences)))
    if added:
        await add_records(transaction, collection, added, member)
        report.added += len(added)


def note_imported(transaction: Transaction, collection: Collection, member: Member, report: ImportReport) -> None:
    """Note what an import has done as a whole."""
    if report.added or report.changed:
        imported = TableImported(
            by=transaction.acting(member.id),
            collection_id=collection.id,
            address=f"/c/{collection.slug}",
            added=report.added,
            changed=report.changed,
        )
        transaction.note(imported)


def read_versions(text: str, most: int) -> dict[int, int]:
    """Versions by number, as the page with the plan sends them back."""
    pairs = (pair.partition(":") for pair in text.split()[:most])
    return {number_of(number): number_of(version) for number, _, version in pairs}
