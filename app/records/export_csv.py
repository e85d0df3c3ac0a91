"""Records as CSV, as spreadsheets open it and an import takes it back."""

from __future__ import annotations

import csv
import io
from collections.abc import AsyncGenerator, Sequence
from decimal import Decimal
from functools import partial

from app.files.uploads import in_thread
from app.records.collections import Field
from app.records.exports import EXPORTING, Batches, Export, ExportedRecord
from app.records.tables import decimal_mark_of, delimiter_of, write_no_formula, write_word

BYTE_ORDER_MARK = "\ufeff"  # by which spreadsheets know that it is UTF-8


async def export_csv(export: Export, batches: Batches) -> AsyncGenerator[bytes]:
    """The pieces of a CSV file (RFC 4180) with a line for each record, after one with the names of the fields."""
    head = write_csv_header(export)
    async for records in batches:
        yield head + await in_thread(partial(write_csv_rows, export, records), executor=EXPORTING)
        head = b""


def write_csv_header(export: Export) -> bytes:
    """The first line. Each name is quoted, so that what separates them can't be taken for something else."""
    names = [name_of_number(export.fields), *(write_no_formula(field.label) for field in export.fields)]
    return (BYTE_ORDER_MARK + join_rows(export, [names], csv.QUOTE_ALL)).encode()


def name_of_number(fields: Sequence[Field]) -> str:
    """What the column of numbers is called: `#`, or as many of them as no field is called by."""
    labels = {field.label for field in fields}
    return next(name for count in range(1, len(fields) + 2) if (name := "#" * count) not in labels)


def write_csv_rows(export: Export, records: Sequence[ExportedRecord]) -> bytes:
    """A line for each record."""
    rows = []
    for record in records:
        values = record.read_values()
        cells = (write_cell(field.kind, values.get(field.key, ""), export.language) for field in export.fields)
        rows.append([str(record.number), *cells])
    return join_rows(export, rows, csv.QUOTE_MINIMAL).encode()


def write_cell(kind: str, value: str, language: str) -> str:
    """A value as a cell: yes and no as words, decimals as that language writes them, texts never as formulas."""
    if kind == "yes_no":
        return write_word(bool(value), language)
    if kind == "decimal":
        # An earlier version has stored 0.0000001 as 1E-7.
        return format(Decimal(value), "f").replace(".", decimal_mark_of(language)) if value else ""
    return value if kind == "whole_number" else write_no_formula(value)


def join_rows(export: Export, rows: Sequence[Sequence[str]], quoting: int) -> str:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter_of(export.language), lineterminator="\r\n", quoting=quoting)  # type: ignore[arg-type]
    writer.writerows(rows)
    return text.getvalue()
