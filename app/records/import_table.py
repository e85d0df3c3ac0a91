"""A table that is imported: its first line names fields, each other one is of a record."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from functools import partial

from app.accounts.time_zones import list_time_zones
from app.records.export_csv import write_cell
from app.records.fields import Field
from app.records.import_lines import Line, ReadCell, why_left_out
from app.records.tables import Table, read_no_formula
from app.web.forms import Invalid
from app.web.texts import Text, _l, drop_unseen, fold

NUMBER_NAMES = {"#", "number", "numero"}


class TableSource:
    """The lines of a table. A column that is called as none of the fields is refused."""

    def __init__(self, fields: Sequence[Field], table: Table, language: str) -> None:
        self.table = table
        self.language = language
        self.columns = read_header(fields, table.header)
        self.zones = [
            read_zone(column, cell) if column else "" for column, cell in zip(self.columns, table.header, strict=True)
        ]
        self.lines = [Line(at, cells, number_in(cells, self.columns)) for at, cells in table.rows]
        for line in self.lines:
            if len(line.cells) > len(self.columns) and any(line.cells[len(self.columns) :]):
                line.errors.append(("", _l("It has more cells than the first line.")))
        reasons = ((column.label, why_left_out(column)) for column in self.columns if column is not None)
        self.left_out: list[tuple[str, Text]] = [(label, reason) for label, reason in reasons if reason]
        self.empty_columns = table.left_out

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


def read_header(fields: Sequence[Field], cells: Sequence[str]) -> list[Field | None]:
    """The field of each column; None for the column of numbers. Where a field is called `#`, that is `##`, and so on.

    Raises Invalid for a name that is no field, or comes twice.
    """
    by_name = {fold(drop_unseen(each.label)): each for each in fields}
    timed = [each for each in fields if each.kind.tells_time]
    columns: list[Field | None] = []
    for cell in (drop_unseen(read_no_formula(each)) for each in cells):
        known = by_name.get(fold(cell)) or next((each for each in timed if read_zone(each, cell)), None)
        if known is None and fold(cell) not in NUMBER_NAMES and cell.strip("#"):
            raise Invalid(table=_l("There is no field named “%(name)s”.", name=cell[:60]))
        if known in columns:
            raise Invalid(table=_l("The field “%(name)s” is there twice.", name=cell[:60]))
        columns.append(known)
    return columns


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
    return field.read(field.kind.join([text, f"@{zone}"], field) if zone else text, before)
