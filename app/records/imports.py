"""Importing a table: read, and planned line by line. `import_writing.py` writes it.

A line with a number changes that record, one without adds one. The plan is shown first, and what it was made from is
checked again when it is written.
"""

from __future__ import annotations

import asyncio
import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal

from sqlalchemy import select

from app.accounts.members import Member
from app.database import Transaction
from app.editing.rows import Held, is_held
from app.records.access import find_refused
from app.records.bulk import reason_of
from app.records.collections import Collection
from app.records.export_csv import write_cell
from app.records.fields import Field, list_fields
from app.records.history import Difference, compare
from app.records.keys import Taken, check_taken, find_taken, unique_key
from app.records.records import Record, Values, title_of
from app.records.tables import parse_table, read_no_formula, read_word
from app.records.values import find_overstepped, list_read_only
from app.web.forms import Invalid, number_of
from app.web.texts import Text, _l, fold

MOST_LINES = 2_000
# Reading values takes a while: after so many lines, others get a turn.
LINES_AT_ONCE = 20
NUMBER_NAMES = {"#", "number", "numero"}

What = Literal["add", "change", "same", "held"]


@dataclass(slots=True)
class Line:
    """A line of the table: what it would do, to which record, and what is wrong with it, with each field's label."""

    at: int
    cells: list[str]
    number: str = ""
    values: Values = field(default_factory=dict)
    record: Record | None = None
    what: What = "add"
    title: str = ""
    differences: tuple[Difference, ...] = ()
    errors: list[tuple[str, Text]] = field(default_factory=list)
    held_by: Text | None = None


@dataclass(slots=True)
class Plan:
    """What an import would do. `errors` are about the table as a whole; then it has no lines.

    `left_out` is how many columns are empty, `definition` what the fields were that it was made with.
    """

    header: list[str] = field(default_factory=list)
    delimiter: str = ","
    lines: list[Line] = field(default_factory=list)
    errors: list[Text] = field(default_factory=list)
    left_out: int = 0
    definition: tuple[tuple[str, int], ...] = ()

    @property
    def wrong(self) -> list[Line]:
        """The lines that can't be imported as they are."""
        return [line for line in self.lines if line.errors]

    def count(self, what: What) -> int:
        """How many lines would do something."""
        return sum(line.what == what for line in self.lines)

    @property
    def seen(self) -> str:
        """Numbers and versions of the records that the plan would change."""
        return " ".join(f"{line.record.number}:{line.record.version}" for line in self.lines if line.record)

    def table_of(self, lines: Sequence[Line]) -> str:
        """Some of the lines as a table, to be imported again."""
        text = io.StringIO()
        csv.writer(text, delimiter=self.delimiter, lineterminator="\n").writerows(
            [self.header, *(line.cells for line in lines)]
        )
        return text.getvalue()


def definition_of(fields: Sequence[Field]) -> tuple[tuple[str, int], ...]:
    """What tells fields that were changed from those of before."""
    return tuple((each.ref, each.version) for each in fields)


def read_header(fields: Sequence[Field], cells: Sequence[str]) -> list[Field | None]:
    """The field of each column; None for the column of numbers. Where a field is called `#`, that is `##`, and so on.

    Raises Invalid for a name that is no field, or comes twice.
    """
    by_name = {fold(each.label): each for each in fields}
    columns: list[Field | None] = []
    for cell in map(read_no_formula, cells):
        known = by_name.get(fold(cell))
        if known is None and fold(cell) not in NUMBER_NAMES and cell.strip("#"):
            raise Invalid(table=_l("There is no field named “%(name)s”.", name=cell[:60]))
        if known in columns:
            raise Invalid(table=_l("The field “%(name)s” is there twice.", name=cell[:60]))
        columns.append(known)
    return columns


async def plan_import(transaction: Transaction, collection: Collection, member: Member, text: str) -> Plan:
    """What importing a table would do; it changes nothing."""
    fields = await list_fields(transaction, collection)
    try:
        table = await asyncio.to_thread(parse_table, text, most=MOST_LINES)  # much of it is no line of a record
        columns = read_header(fields, table.header)
    except Invalid as invalid:
        return Plan(errors=list(invalid.errors.values()))
    lines = [Line(at, cells) for at, cells in table.rows]
    plan = Plan(table.header, table.delimiter, lines, left_out=table.left_out, definition=definition_of(fields))
    records = await find_records(transaction, collection, [number_in(line.cells, columns) for line in plan.lines])
    read: list[tuple[Line, Values]] = []
    refused = await find_refused(transaction, member, collection, [record for record, _ in records.values() if record])
    read_only = list_read_only(fields, member)
    for at, line in enumerate(plan.lines):
        if at % LINES_AT_ONCE == 0:
            await asyncio.sleep(0)
        number = line.number = number_in(line.cells, columns)
        if len(line.cells) > len(columns) and any(line.cells[len(columns) :]):
            line.errors.append(("", _l("It has more cells than the first line.")))
        if number:
            line.record, running = records.pop(number, (None, False))
            if line.record is None or line.record.deleted_at is not None:
                unknown = _l(
                    "There is no record with the number %(number)s, or it is in an earlier line.", number=number
                )
                line.errors.append(("", unknown))
                continue
            if line.record in refused:
                line.errors.append(("", refused[line.record]))
                continue
            if running:
                line.held_by = reason_of(line.record, Held(), member)
        read_record_line(fields, columns, line, transaction.tenant.language, read_only)
        if not line.errors:
            read.append((line, line.values))
    taken = await find_taken(transaction, fields, [values for _, values in read])
    earlier: dict[tuple[str, str], int] = {}
    for at, (line, values) in enumerate(read):
        if at % LINES_AT_ONCE == 0:
            await asyncio.sleep(0)
        plan_line(fields, line, values, taken, earlier)
    return plan


def number_in(cells: Sequence[str], columns: Sequence[Field | None]) -> str:
    """What a line has in the column of numbers."""
    return next((cell for cell, column in zip(cells, columns, strict=False) if column is None), "").lstrip("#")


async def find_records(
    transaction: Transaction, collection: Collection, numbers: Sequence[str]
) -> dict[str, tuple[Record | None, bool]]:
    """Records by what is written as their number, and whether somebody holds them."""
    wanted = {number_of(each): each for each in numbers}
    statement = select(Record, is_held(Record)).where(Record.collection_id == collection.id, Record.number.in_(wanted))
    return {wanted[record.number]: (record, held) for record, held in await transaction.execute(statement)}


def read_record_line(
    fields: list[Field], columns: Sequence[Field | None], line: Line, language: str, read_only: Sequence[Field]
) -> None:
    """Read a line's values over those that its record has, or a new one begins with. What won't do, the line notes, and
    what its member may not change."""
    line.values = (
        dict(line.record.values) if line.record else {each.ref: each.default for each in fields if each.default}
    )
    for cell, column in zip(line.cells, columns, strict=False):
        if column is not None and column.kind.is_typed:
            try:
                value = read_cell(column, cell, language, line.values.get(column.ref, "") if line.record else "")
            except ValueError as error:
                line.errors.append((column.label, error.args[0]))
                continue
            line.values = {**line.values, column.ref: value}
    touched = fields if line.record is None else [column for column in columns if column is not None]
    said = {label for label, _ in line.errors}
    line.errors += [
        (each.label, _l("This can't be empty."))
        for each in touched
        if each.required
        and not each.kind.computed
        and each not in read_only
        and not line.values.get(each.ref)
        and each.label not in said
    ]
    line.values = {ref: value for ref, value in line.values.items() if value}
    overstepped = find_overstepped(read_only, line.record.values if line.record else None, line.values)
    line.errors += [(each.label, refusal) for each, refusal in overstepped.items()]


def read_cell(field: Field, cell: str, language: str, before: str = "") -> str:
    """The value of a cell, over the one that there is. Raises ValueError with a Text.

    What stands there as an export writes it is not touched, and not judged.
    """
    if before and cell == write_cell(field, before, language).strip():
        return before
    if field.kind_name == "yes_no":
        ticked = read_word(cell, language)
        if ticked is None:
            raise ValueError(_l("Write yes or no."))
        return "yes" if ticked else ""
    return field.read(read_no_formula(cell), before)


def note_errors(fields: list[Field], line: Line, invalid: Invalid) -> None:
    """Note what won't do in a line, by the names of the fields."""
    labels = {each.ref: each.label for each in fields}
    line.errors += [(labels[ref], reason) for ref, reason in invalid.errors.items()]


def plan_line(fields: list[Field], line: Line, values: Values, taken: Taken, lines: dict[tuple[str, str], int]) -> None:
    """Note what a line would do. `taken` are unique values that records have, `lines` those of the lines before."""
    try:
        check_taken(fields, values, line.record.id if line.record else None, taken)
    except Invalid as invalid:
        note_errors(fields, line, invalid)
        return
    for each in fields:
        if each.unique and values.get(each.ref):
            other = lines.setdefault((each.ref, unique_key(each, values[each.ref])), line.at)
            if other != line.at:
                line.errors.append((each.label, _l("Line %(line)d has the same.", line=other)))
    before = line.record.values if line.record else {}
    line.title = title_of(fields, values)
    line.differences = tuple(
        Difference(change.field, change.field.write(change.after), change.field.write(change.before), True)
        for change in compare(fields, before, values)
    )
    if line.record:
        line.what = "same" if not line.differences else "held" if line.held_by else "change"
