"""A table that is imported: its first line names fields, each other one is of a record."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence, Set
from functools import partial

from msgspec.structs import replace

from app.accounts.time_zones import list_time_zones
from app.files.cells import read_no_formula
from app.folding import fold
from app.records.export_csv import write_cell
from app.records.fields import Field
from app.records.import_lines import NO_FIELD, Line, ReadCell, why_left_out
from app.records.tables import Table, without
from app.web.forms import Invalid
from app.web.texts import Text, _l, drop_unseen

NUMBER_NAMES = {"#", "number", "numero"}
# More names of columns are not said.
MOST_COLUMNS_NAMED = 12


class UnknownColumns(Invalid):
    """Columns are called as no field: all are named. `others` is whether there are any that could be taken alone."""

    def __init__(self, names: Sequence[str], *, others: bool) -> None:
        said = ", ".join(f"“{name[:60]}”" for name in names[:MOST_COLUMNS_NAMED]) + (
            "…" if len(names) > MOST_COLUMNS_NAMED else ""
        )
        one, several = _l("There is no field “%(name)s”.", name=names[0][:60]), _l("There are no fields %(names)s.")
        super().__init__(table=one if len(names) == 1 else replace(several, values={"names": said}))
        self.others = others


class TableSource:
    """The lines of a table. A column that is called as no field is refused, or left out if it `skips` them."""

    def __init__(self, fields: Sequence[Field], table: Table, language: str, *, skips: bool = False) -> None:
        self.table = table
        self.language = language
        leave_out_unknown(fields, table)
        skipped = leave_out_filled(fields, table) if skips else []
        self.columns = read_header(fields, table.header)
        self.zones = [
            read_zone(column, cell) if column else "" for column, cell in zip(self.columns, table.header, strict=True)
        ]
        self.takes_times = any(
            column.kind.tells_time and column.kind.is_typed and not zone
            for column, zone in zip(self.columns, self.zones, strict=True)
            if column
        )
        self.lines = [
            Line(at, _l("Line %(line)d", line=at), cells, number_in(cells, self.columns)) for at, cells in table.rows
        ]
        for line in self.lines:
            if len(line.cells) > len(self.columns) and any(line.cells[len(self.columns) :]):
                line.errors.append(("", _l("It has more cells than the first line.")))
        reasons = ((column.label, why_left_out(column)) for column in self.columns if column is not None)
        self.left_out: list[tuple[str, Text]] = [(label, reason) for label, reason in reasons if reason]
        self.left_out += [(name[:60], NO_FIELD) for name in skipped[:MOST_COLUMNS_NAMED]]
        self.left_out += [("…", NO_FIELD)] if len(skipped) > MOST_COLUMNS_NAMED else []
        self.empty_columns = table.empty

    def cells(self, line: Line) -> Iterator[tuple[Field, ReadCell]]:
        """The cells of a line."""
        for cell, column, zone in zip(line.cells, self.columns, self.zones, strict=False):
            if column is not None and column.kind.is_typed:
                yield column, partial(read_cell, column, cell, self.language, zone=zone)

    def write(self, lines: Sequence[Line]) -> str:
        """Some of the lines as a table."""
        text = io.StringIO()
        csv.writer(text, delimiter=self.table.delimiter, lineterminator="\n").writerows(
            [self.table.header, *(line.cells for line in lines)]
        )
        return text.getvalue()


def leave_out_unknown(fields: Sequence[Field], table: Table) -> None:
    """Take out the columns that are called as no field, and have nothing in any line."""
    filled = {at for _, cells in table.rows for at, cell in enumerate(cells) if cell}
    unknown = {
        at
        for at, heading in enumerate(table.header)
        if table.rows and at not in filled and find_column(fields, heading) is None and not is_number_name(heading)
    }
    table.empty += [name_in(table.header[at]) for at in sorted(unknown)]
    take_out(table, unknown)


def take_out(table: Table, places: Set[int]) -> None:
    """Take columns out of a table."""
    table.header = without(table.header, places)
    table.rows = [(line, without(cells, places)) for line, cells in table.rows]


def leave_out_filled(fields: Sequence[Field], table: Table) -> list[str]:
    """Take out all columns that are called as no field; their names. Of a table that has no others, none."""
    unknown = list_unknown(fields, table.header)
    if len(unknown) == len(table.header):
        return []
    names = [name_in(table.header[at]) for at in unknown]
    take_out(table, {*unknown})
    return names


def list_unknown(fields: Sequence[Field], cells: Sequence[str]) -> list[int]:
    """Which columns are called as no field."""
    return [at for at, cell in enumerate(cells) if find_column(fields, cell) is None and not is_number_name(cell)]


def read_header(fields: Sequence[Field], cells: Sequence[str]) -> list[Field | None]:
    """The field of each column; None for the column of numbers. Where a field is called `#`, that is `##`, and so on.

    Raises Invalid for a name that is no field, or comes twice.
    """
    columns: list[Field | None] = []
    if unknown := list_unknown(fields, cells):
        raise UnknownColumns([name_in(cells[at]) for at in unknown], others=len(unknown) < len(cells))
    for cell in cells:
        known = find_column(fields, cell)
        if known in columns:
            raise Invalid(table=_l("The field “%(name)s” appears twice.", name=name_in(cell)[:60]))
        columns.append(known)
    return columns


def find_column(fields: Sequence[Field], heading: str) -> Field | None:
    """The field that a column is called as, whatever nobody sees in its name."""
    name = fold(name_in(heading))
    known = (each for each in fields if fold(drop_unseen(each.label)) == name)
    timed = (each for each in fields if each.kind.tells_time and read_zone(each, name_in(heading)))
    return next(known, None) or next(timed, None)


def is_number_name(heading: str) -> bool:
    """Whether a column is called as that of the numbers."""
    return fold(name_in(heading)) in NUMBER_NAMES or not name_in(heading).strip("#")


def name_in(heading: str) -> str:
    """What a column is called, as people see it."""
    return drop_unseen(read_no_formula(heading))


def read_zone(field: Field, heading: str) -> str:
    """The zone that the heading of a column of a field says, as an export writes it; '' for none."""
    name, _, zone = read_no_formula(heading).rpartition(" (")
    zone = zone.removesuffix(")")
    is_said = field.kind.tells_time and fold(name) == fold(field.label) and zone in list_time_zones()
    return zone if is_said else ""


def number_in(cells: Sequence[str], columns: Sequence[Field | None]) -> str:
    """What a line has in the column of numbers."""
    return next((cell for cell, column in zip(cells, columns, strict=False) if column is None), "").lstrip("#")


def read_cell(field: Field, cell: str, language: str, before: str = "", zone: str = "") -> str:
    """The value of a cell, over the one that there is; a time in the zone of its column. Raises ValueError with a Text.

    What stands there as an export writes it is not touched, and not judged.
    """
    if before and cell == write_cell(field, before, language).strip():
        return before
    text = read_no_formula(cell)
    return field.read(field.kind.join([text, f"@{zone}"], field) if zone else field.kind.from_name(text, field), before)
