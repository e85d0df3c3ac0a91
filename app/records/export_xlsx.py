"""Records as a workbook of Excel (Office Open XML), in which numbers, dates, yes and no are what they are.

It is made in a folder of its own, row by row, and sent when it is whole. By then the folder is gone, and the file has
no name any more: nothing of it stays, whatever becomes of the client or of the program.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from array import array
from bisect import bisect_left, bisect_right
from collections.abc import AsyncGenerator, Iterator, Sequence
from contextlib import closing, suppress
from datetime import date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import IO, Any

from xlsxwriter import Workbook  # type: ignore[import-untyped]
from xlsxwriter.packager import Packager  # type: ignore[import-untyped]
from xlsxwriter.relationships import DOCUMENT_SCHEMA, Relationships  # type: ignore[import-untyped]
from xlsxwriter.url import Url  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

from app.files.uploads import ABANDONED_AFTER, in_thread
from app.records.export_csv import name_columns
from app.records.exports import EXPORTING, Batches, Export, ExportedRecord
from app.records.kinds.kind import Cell, Link

SENT_AT_ONCE = 256 * 1024
# Excel's own limits (https://support.microsoft.com/office/1672b34d-7043-467e-8e27-269d656771c3); texts and links are
# counted in UTF-16.
MOST_ROWS = 1_048_576
MOST_TEXT = 32_767
MOST_LINKS = 65_530
LONGEST_LINK = 2079
FIRST_YEAR = 1900
HYPERLINK = f"{DOCUMENT_SCHEMA}/hyperlink"
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
        book = await in_thread(ExportBook, export, folder, executor=EXPORTING)
        async for records in batches:
            await in_thread(book.add, records, executor=EXPORTING)
            yield b""
        file = await in_thread(book.finish, executor=EXPORTING)
    finally:
        await in_thread(clear, folder, book)
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


class LinksOfSheet:
    """The links of a sheet by row and column, as XlsxWriter asks for them, in the order in which they are written.

    Its own objects take a kilobyte each: they are made again when they are written. Kept is of each where it stands and
    its address, in one piece of memory for all: many small ones would stay with the process when they are gone.
    """

    def __init__(self) -> None:
        self.rows = array("L")
        self.columns = array("H")
        self.ends = array("L")
        self.addresses = bytearray()

    def add(self, row: int, column: int, address: str) -> None:
        """Keep a link, which stands behind all others."""
        self.rows.append(row)
        self.columns.append(column)
        self.addresses += address.encode()
        self.ends.append(len(self.addresses))

    def keys(self) -> Sequence[int]:
        """The rows with links."""
        return array("L", dict.fromkeys(self.rows))

    def __getitem__(self, row: int) -> LinksOfRow:
        return LinksOfRow(self, row)

    def link(self, at: int) -> Url:
        """A link by its place among all."""
        return Url(self.addresses[self.ends[at - 1] if at else 0 : self.ends[at]].decode())

    def relations(self) -> Iterator[tuple[str, str, str]]:
        """What the part of the workbook has that says where the links of the sheet lead."""
        for at in range(len(self.rows)):
            yield HYPERLINK, self.link(at)._target(), "External"


class LinksOfRow:
    """The links of a row by column."""

    def __init__(self, sheet: LinksOfSheet, row: int) -> None:
        self.sheet = sheet
        self.row = row
        self.places = range(bisect_left(sheet.rows, row), bisect_right(sheet.rows, row))

    def keys(self) -> list[int]:
        """The columns with links."""
        return [self.sheet.columns[at] for at in self.places]

    def __getitem__(self, column: int) -> Url:
        return self.sheet.link(next(at for at in self.places if self.sheet.columns[at] == column))

    def __setitem__(self, column: int, link: Url) -> None:
        self.sheet.add(self.row, column, link._original_url)


class NoLinks(list[Any]):
    """What XlsxWriter would keep of each link a second time: `LinksOfSheet` has it."""

    def append(self, link: Any) -> None:
        """Keep nothing."""


class PlainSheet(Worksheet):  # type: ignore[misc]
    """A sheet whose texts are texts: XlsxWriter takes one in `<r>` and `</r>` for markup that it has made itself."""

    def __init__(self) -> None:
        super().__init__()
        self.hyperlinks = LinksOfSheet()
        self.external_hyper_links = NoLinks()

    def _xml_rich_inline_string(self, string: str, attributes: Any) -> None:
        self._xml_inline_string(string, False, attributes)


class LeanPackager(Packager):  # type: ignore[misc]
    """Writes where links lead as it goes through them: XlsxWriter gathers them all before."""

    def _write_worksheet_rels_files(self) -> None:
        for number, sheet in enumerate(self.workbook.worksheets(), 1):
            if sheet.hyperlinks.rows:
                relations = Relationships()
                relations.relationships = sheet.hyperlinks.relations()
                relations._set_xml_writer(self._filename(f"xl/worksheets/_rels/sheet{number}.xml.rels"))
                relations._assemble_xml_file()


class LeanWorkbook(Workbook):  # type: ignore[misc]
    """A workbook that is put together so."""

    def _get_packager(self) -> LeanPackager:
        return LeanPackager()


class ExportBook:
    """A workbook that grows row by row, on the disk; what is kept in memory are the links alone.

    A sheet is continued on another one where it is full.
    """

    def __init__(self, export: Export, folder: Path) -> None:
        self.export = export
        self.path = folder / "export.xlsx"
        self.book = LeanWorkbook(str(self.path), {"constant_memory": True, "tmpdir": str(folder)})
        self.bold = self.book.add_format({"bold": True})
        self.date = self.book.add_format({"num_format": "yyyy-mm-dd"})
        self.moment = self.book.add_format({"num_format": "yyyy-mm-dd hh:mm"})
        self.duration = self.book.add_format({"num_format": "[h]:mm"})
        self.sheets: list[Any] = []
        self.start_sheet()

    def start_sheet(self) -> None:
        """Begin a sheet with the names of the fields, which stay in sight."""
        name, number = self.export.collection.slug[:24], len(self.sheets) + 1
        self.sheet = self.book.add_worksheet(
            name if number == 1 and name not in NOT_NAMES else f"{name} {number}", PlainSheet
        )
        self.sheets.append(self.sheet)
        self.row, self.links = 1, 0
        self.sheet.freeze_panes(1, 0)
        self.sheet.set_column(0, 0, 8)
        for at, field in enumerate(self.export.fields, start=1):
            self.sheet.set_column(at, at, WIDTHS.get(field.kind_name, 24))
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
                self.write_cell(at, field.cell(values.get(field.ref, "")))
            self.row += 1

    def write_cell(self, column: int, cell: Cell) -> None:
        """A value as what it is; an empty one is no cell."""
        if isinstance(cell, bool):
            self.sheet.write_boolean(self.row, column, cell)
        elif isinstance(cell, Decimal):
            self.write_number(self.row, column, cell)
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

    def write_number(self, row: int, column: int, number: Decimal) -> None:
        """A number; one with more digits than a spreadsheet's numbers hold is a text, as it is."""
        if len(number.normalize().as_tuple().digits) <= 15:
            self.sheet.write_number(row, column, float(number))
        else:
            self.write_text(row, column, format(number, "f"))

    def write_duration(self, row: int, column: int, duration: timedelta) -> None:
        """Hours and minutes, which can be added up; less than none is a text, as Excel shows no such times."""
        if duration >= timedelta(0):
            self.sheet.write_number(row, column, duration / timedelta(days=1), self.duration)
        else:
            hours, minutes = divmod(-duration // timedelta(minutes=1), 60)
            self.write_text(row, column, f"-{hours}:{minutes:02d}")

    def write_date(self, row: int, column: int, day: date, shown: Any) -> None:
        """A date, or a date with a time; one before 1900 is a text, as a spreadsheet's dates begin there."""
        if day.year >= FIRST_YEAR:
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
            sheet.hyperlinks = LinksOfSheet()  # it refers to itself, and may be there for a while


def count_utf16(text: str) -> int:
    """How long a text is for Excel."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le")) // 2
