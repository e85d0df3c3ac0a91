"""Records as a workbook of Excel (Office Open XML), in which numbers, dates, yes and no are what they are.

It is made in a folder of its own, row by row, and sent when it is whole. By then the folder is gone, and the file has
no name any more: nothing of it stays, whatever becomes of the client or of the program.
"""

from __future__ import annotations

import re
import shutil
import tempfile
import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import closing, suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from app.files.uploads import ABANDONED_AFTER, in_thread
from app.records.export_csv import name_columns
from app.records.exports import EXPORTING, Batches, Export, ExportedRecord
from app.records.kinds.kind import Cell, Link
from app.web.freed_memory import give_memory_back

SENT_AT_ONCE = 256 * 1024
# Excel's own limits (https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3); texts and links are
# counted in UTF-16.
MOST_ROWS = 1_048_576
MOST_TEXT = 32_767
MOST_LINKS = 65_530
LONGEST_LINK = 2079
MOST_FORMATS = 200
# What of the code of a format nobody sees.
NOT_WRITTEN = re.compile(r'\[\$|[\]"\\#]')
FIRST_YEAR = 1900
FIRST_DAY, BEFORE_FIRST_DAY = date(1900, 1, 1), datetime(1899, 12, 31)
# What XlsxWriter writes as three characters in an address.
ESCAPED_IN_LINKS = '% "<>[]^`{}'
# What Excel has its own sheet for.
NOT_NAMES = {"history"}
WIDTHS = {"whole_number": 12, "decimal": 12, "money": 14, "date": 12, "moment": 16, "yes_no": 10, "long_text": 50}


async def export_xlsx(export: Export, batches: Batches, directory: Path) -> AsyncGenerator[bytes]:
    """The pieces of a workbook, which is made in a new folder in a directory: until it is whole they are empty, one for
    each batch."""
    folder = await in_thread(make_folder, directory)
    book: ExportBook | None = None
    try:
        await in_thread(give_memory_back, executor=EXPORTING)
        book = await in_thread(ExportBook, export, folder, executor=EXPORTING)
        async for records in batches:
            await in_thread(book.add, records, executor=EXPORTING)
            yield b""
        file = await in_thread(book.finish, executor=EXPORTING)
    finally:
        await in_thread(clear, folder, book)
        del book
        await in_thread(give_memory_back, executor=EXPORTING)
    with closing(file):
        while piece := await in_thread(file.read, SENT_AT_ONCE):
            yield piece


def make_folder(directory: Path) -> Path:
    """A folder for a workbook that nobody else may look into."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=directory))


def clear(folder: Path, book: ExportBook | None) -> None:
    """Leave nothing of a workbook that was made, or could not be."""
    if book is not None:
        book.end()
    shutil.rmtree(folder, ignore_errors=True)


def delete_abandoned_folders(directory: Path) -> None:
    """Delete what exports have left that were cut off by the program's end more than a day ago."""
    for path in directory.glob("*"):
        with suppress(FileNotFoundError):
            if time.time() - path.stat().st_mtime > ABANDONED_AFTER:
                shutil.rmtree(path, ignore_errors=True)


class ExportBook:
    """A workbook that grows row by row, on the disk; what is kept in memory are the links alone.

    A sheet is continued on another one where it is full.
    """

    def __init__(self, export: Export, folder: Path) -> None:
        from app.records.lean_workbook import LeanWorkbook, LinksOfSheet, PlainSheet  # a library of megabytes

        self.plain_sheet, self.no_links = PlainSheet, LinksOfSheet
        self.export = export
        self.path = folder / "export.xlsx"
        self.book = LeanWorkbook(str(self.path), {"constant_memory": True, "tmpdir": str(folder)})
        self.bold = self.book.add_format({"bold": True})
        self.date = self.book.add_format({"num_format": "yyyy-mm-dd"})
        self.moment = self.book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        self.duration = self.book.add_format({"num_format": "[h]:mm"})
        self.numbers: dict[str, tuple[Any, int]] = {}
        self.sheets: list[Any] = []
        self.start_sheet()

    def start_sheet(self) -> None:
        """Begin a sheet with the names of the fields, which stay in sight."""
        name, number = self.export.collection.slug[:24], len(self.sheets) + 1
        self.sheet = self.book.add_worksheet(
            name if number == 1 and name not in NOT_NAMES else f"{name} {number}", self.plain_sheet
        )
        self.sheets.append(self.sheet)
        self.row, self.links = 1, 0
        self.sheet.freeze_panes(1, 0)
        self.widths = [8, *(WIDTHS.get(field.kind_name, 24) for field in self.export.fields)]
        for at, width in enumerate(self.widths):
            self.sheet.set_column(at, at, width)
        for at, name in enumerate(name_columns(self.export.fields)):
            self.sheet.write_string(0, at, name, self.bold)

    def add(self, records: Sequence[ExportedRecord]) -> None:
        """Write a row for each record."""
        for record in records:
            if self.row == MOST_ROWS:
                self.start_sheet()
            values = record.read_values()
            self.sheet.write_number(self.row, 0, record.number)
            for at, field in enumerate(self.export.fields, start=1):
                value = values.get(field.ref, "")
                self.write_cell(at, field.cell(value), field.kind.cell_format(value, field) if value else "")
            self.row += 1

    def write_cell(self, column: int, cell: Cell, code: str = "") -> None:
        """A value as what it is, a number with the code of its format; an empty one is no cell."""
        if isinstance(cell, bool):
            self.sheet.write_boolean(self.row, column, cell)
        elif isinstance(cell, Decimal):
            self.write_number(self.row, column, cell, code)
        elif isinstance(cell, timedelta):
            self.write_duration(self.row, column, cell)
        elif isinstance(cell, datetime):
            self.write_date(self.row, column, cell.replace(tzinfo=None), self.moment)
        elif isinstance(cell, date):
            self.write_date(self.row, column, cell, self.date)
        elif isinstance(cell, Link):
            self.write_link(self.row, column, cell.address)
        elif cell:
            self.write_text(self.row, column, cell)

    def write_text(self, row: int, column: int, value: str) -> None:
        """A text, never a formula; what no cell can hold ends in an ellipsis."""
        if count_utf16(value) > MOST_TEXT:
            cut = value.encode("utf-16-le")[: 2 * (MOST_TEXT - 1)].decode("utf-16-le", "ignore")
            value = f"{cut}…"
        self.sheet.write_string(row, column, value)

    def write_number(self, row: int, column: int, number: Decimal, code: str) -> None:
        """A number; one with more digits than a spreadsheet's numbers hold is a text, as it is."""
        if len(number.normalize().as_tuple().digits) <= 15:
            shown, width = self.format_of(code)
            self.sheet.write_number(row, column, float(number), shown)
            width += len(f"{int(number):,}")
            if shown and width > self.widths[column]:  # one that is wider than its column shows nothing but '####'
                self.widths[column] = width
                self.sheet.set_column(column, column, width)
        else:
            self.write_text(row, column, format(number, "f"))

    def format_of(self, code: str) -> tuple[Any, int]:
        """The format of a code, and how much that writes beside whole digits; of more than spreadsheets know, none."""
        if code and code not in self.numbers and len(self.numbers) < MOST_FORMATS:
            written = len(NOT_WRITTEN.sub("", code))
            self.numbers[code] = self.book.add_format({"num_format": code}), written
        return self.numbers.get(code, (None, 0))

    def write_duration(self, row: int, column: int, duration: timedelta) -> None:
        """Hours and minutes, which can be added up; less than none is a text, as Excel shows no such times."""
        if duration >= timedelta(0):
            self.sheet.write_number(row, column, duration / timedelta(days=1), self.duration)
        else:
            hours, minutes = divmod(-duration // timedelta(minutes=1), 60)
            self.write_text(row, column, f"-{hours}:{minutes:02d}")

    def write_date(self, row: int, column: int, day: date, shown: Any) -> None:
        """A date, or a date with a time; one before 1900 is a text, as a spreadsheet's dates begin there."""
        if isinstance(day, datetime) and day.date() == FIRST_DAY:  # which is taken for no day, but a time alone
            self.sheet.write_datetime(row, column, day - BEFORE_FIRST_DAY, shown)
        elif day.year >= FIRST_YEAR:
            self.sheet.write_datetime(row, column, day, shown)
        else:
            self.write_text(row, column, str(day))

    def write_link(self, row: int, column: int, value: str) -> None:
        """A link; one that is too long, too many on a sheet, or has what XML can't hold, is a text."""
        length = count_utf16(value) + 2 * sum(map(value.count, ESCAPED_IN_LINKS))
        if self.links < MOST_LINKS and length <= LONGEST_LINK and value.isprintable():
            self.links += 1
            self.sheet.write_url(row, column, value, string=value)
        else:
            self.write_text(row, column, value)

    def finish(self) -> IO[bytes]:
        """The whole file, open to be read."""
        self.book.close()
        return self.path.open("rb")

    def end(self) -> None:
        """Close what it writes into, however far it got."""
        for sheet in self.sheets:
            sheet._opt_close()
            sheet.hyperlinks = self.no_links()  # it refers to itself, and may be there for a while


def count_utf16(text: str) -> int:
    """How long a text is for Excel."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
