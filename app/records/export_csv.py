"""Records as CSV, as spreadsheets open it and an import takes it back."""

from __future__ import annotations

import csv
from collections.abc import AsyncGenerator, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import partial

from app.files.cells import BYTE_ORDER_MARK, join_rows, write_no_formula
from app.files.uploads import in_thread
from app.folding import fold
from app.records.exports import EXPORTING, Batches, Export, ExportedRecord
from app.records.fields import Field
from app.records.kinds.kind import Link
from app.records.kinds.moments import write_local
from app.records.tables import write_word


async def export_csv(export: Export, batches: Batches) -> AsyncGenerator[bytes]:
    """The pieces of a CSV file (RFC 4180) with a line for each record, after one with the names of the fields."""
    head = write_csv_header(export)
    async for records in batches:
        yield head + await in_thread(partial(write_csv_rows, export, records), executor=EXPORTING)
        head = b""


def write_csv_header(export: Export) -> bytes:
    """The first line. Each name is quoted, so that what separates them can't be taken for something else."""
    names = [write_no_formula(name) for name in name_columns(export.fields)]
    return (BYTE_ORDER_MARK + join_rows(export.locale, [names], csv.QUOTE_ALL)).encode()


def name_columns(fields: Sequence[Field]) -> list[str]:
    """What the columns are called: as their fields, and those with times say in which zone they are, unless another
    field is called so."""
    labels = {fold(field.label) for field in fields}
    zoned = {field: f"{field.label} ({field.zone})" for field in fields if field.kind.tells_time}
    return [
        name_of_number(fields),
        *(zoned[field] if field in zoned and fold(zoned[field]) not in labels else field.label for field in fields),
    ]


def name_of_number(fields: Sequence[Field]) -> str:
    """What the column of numbers is called: `#`, or as many of them as no field is called by."""
    labels = {field.label for field in fields}
    return next(name for count in range(1, len(fields) + 2) if (name := "#" * count) not in labels)


def write_csv_rows(export: Export, records: Sequence[ExportedRecord]) -> bytes:
    """A line for each record."""
    rows = []
    for record in records:
        values = record.read_values()
        cells = (write_cell(field, values.get(field.ref, ""), export.language) for field in export.fields)
        rows.append([str(record.number), *cells])
    return join_rows(export.locale, rows, csv.QUOTE_MINIMAL).encode()


def write_cell(field: Field, value: str, language: str) -> str:
    """A value as a cell: yes and no as words, numbers as the workspace writes them, texts never as formulas."""
    cell = field.cell(value)
    if isinstance(cell, bool):
        return write_word(cell, language)
    if isinstance(cell, Decimal):
        return field.write(value)
    if isinstance(cell, timedelta):
        return write_no_formula(field.write(value))
    if isinstance(cell, datetime):
        return write_local(value, field.zone)
    if isinstance(cell, date):
        return cell.isoformat()
    return write_no_formula(cell.address if isinstance(cell, Link) else cell or "")
