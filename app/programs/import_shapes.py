"""What programs get and give of tables that are imported."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from app.programs.problems import FieldProblem, Problem
from app.records.import_lines import Line, What
from app.records.import_writing import ImportReport
from app.records.imports import MOST_LINES, Plan
from app.web.forms import number_of

LONGEST_TABLE = 2_000_000
BEGUN_BEFORE = (
    "A part of this import was done with this Idempotency-Key before the program was upgraded, and it can't go on from"
    " there. See which records were added, take their lines out of the table, look at it anew, and import the rest with"
    " another key."
)
LOOKED_AT_OTHERWISE = (
    "The fields, or how numbers and dates are written, have changed since the preview. Nothing was imported: `preview`"
    " says what the table would do by now."
)
NOTHING_IN_IT = "Skipped, because there is nothing in it:"
NO_NAME = "(no name)"
# Of the name of a column, so much is said.
LONGEST_COLUMN_NAME = 60
GivenTable = Annotated[str, Meta(min_length=1, max_length=LONGEST_TABLE)]


class TableGiven(msgspec.Struct, forbid_unknown_fields=True):
    """A table with a head: separated by commas, semicolons or tabs, or what was exported as JSON. A column `#` has the
    numbers of the records that are to be changed; lines without add one. Numbers, dates, and words for yes and no are
    as they are written in `locale`, such as `pt_BR`; where that is empty, in the workspace's."""

    table: GivenTable
    locale: Annotated[str, Meta(max_length=20)] = ""


class SeenRecord(msgspec.Struct, forbid_unknown_fields=True):
    """A record that is to be changed, at the version that was seen."""

    number: Annotated[int, Meta(ge=1, lt=2**53)]
    version: Annotated[int, Meta(ge=1, lt=2**53)]


class ImportGiven(TableGiven, kw_only=True):
    """A table that is to be imported, with what a look at it has given: the `definition` of the fields, and the records
    that were `seen`. No others are changed."""

    definition: Annotated[str, Meta(min_length=1, max_length=80)]
    seen: Annotated[list[SeenRecord], Meta(max_length=MOST_LINES)] = []


class ImportLine(msgspec.Struct):
    """A line of a table: where it is, what it would do, to the record of which number, and what is wrong with it, by
    the keys of fields; `#` is the column of numbers."""

    place: str
    what: What
    number: int | None
    title: str
    errors: list[FieldProblem]


class ColumnsLeftOut(msgspec.Struct):
    """Columns of a table that are not taken, by their names, and why: they are no field's, the program fills them in,
    or there is nothing in them."""

    reason: str
    columns: list[str]


class ImportLooked(msgspec.Struct):
    """What importing a table would do: how many records it would add and change, and how many of its lines are `wrong`
    or change nothing (`same`). `definition` and `seen` are to be sent with it. The first stands for the fields, and for
    how numbers, dates and times are read, so that nothing is written otherwise than it was shown; by the second,
    nothing is written over that was not seen."""

    added: int
    changed: int
    same: int
    wrong: int
    lines: list[ImportLine]
    left_out: list[ColumnsLeftOut]
    definition: str
    seen: list[SeenRecord]


class ImportDone(msgspec.Struct):
    """What importing a table has done. Nothing was written of the lines that are `left`."""

    added: int
    changed: int
    left: list[ImportLine]


class PartDone(ImportDone):
    """What a part of an import has done, and of how many lines it was."""

    lines: int


def shape_line(plan: Plan, line: Line, *reasons: FieldProblem) -> ImportLine:
    """A line of a table, for programs."""
    of_whole = "#" if line.number and line.record is None else ""
    wrong = [FieldProblem(plan.keys.get(label, of_whole), text.translate("en")) for label, text in line.errors]
    number = line.record.number if line.record else number_of(line.number) or None
    what: What = "change" if line.number and line.what == "add" else line.what  # to one that is not there
    return ImportLine(line.place.translate("en"), what, number, line.title, [*wrong, *reasons])


def shape_left_out(plan: Plan) -> list[ColumnsLeftOut]:
    """What is not taken of a table, for programs."""
    empty = [name[:LONGEST_COLUMN_NAME] or NO_NAME for name in plan.empty_columns]
    left_out = [ColumnsLeftOut(reason.translate("en"), labels) for reason, labels in plan.left_out]
    return [*left_out, ColumnsLeftOut(NOTHING_IN_IT, empty)] if empty else left_out


def shape_plan(plan: Plan) -> ImportLooked:
    """What a table would do, for programs."""
    fine = [line for line in plan.lines if not line.errors]
    return ImportLooked(
        added=sum(line.what == "add" for line in fine),
        changed=sum(line.what == "change" for line in fine),
        same=sum(line.what == "same" for line in fine),
        wrong=len(plan.wrong),
        lines=[shape_line(plan, line) for line in plan.lines],
        left_out=shape_left_out(plan),
        definition=plan.shown_definition,
        seen=[SeenRecord(line.record.number, line.record.version) for line in plan.lines if line.record],
    )


def refuse_other_plan(plan: Plan) -> Problem:
    """What is said where a table would be imported otherwise than it was looked at, with what it would do by now."""
    return Problem("version-changed", LOOKED_AT_OTHERWISE, preview=msgspec.to_builtins(shape_plan(plan)))


def shape_report(plan: Plan, report: ImportReport, lines: int) -> PartDone:
    """What a part of an import has done, for programs."""
    reasons = {line.at: FieldProblem("", left.reason.translate("en")) for line, left in report.left}
    left = [shape_line(plan, line, *filter(None, [reasons.get(line.at)])) for line in report.not_written]
    return PartDone(report.added, report.changed, left, lines)


def read_import_part(body: bytes) -> PartDone:
    """What a part of an import has done, as it was kept with the key. Raises a 409 problem where a version of the
    program has kept it that did not say how many lines it was of: nobody knows where it would go on."""
    try:
        return msgspec.json.decode(body, type=PartDone)
    except msgspec.ValidationError as error:
        raise Problem("answer-not-kept", BEGUN_BEFORE) from error


def sum_parts(parts: Sequence[PartDone]) -> ImportDone:
    """What all parts of an import have done."""
    return ImportDone(
        added=sum(each.added for each in parts),
        changed=sum(each.changed for each in parts),
        left=[line for each in parts for line in each.left],
    )
