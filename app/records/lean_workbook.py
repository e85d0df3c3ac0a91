"""XlsxWriter with little in memory: what it keeps of links is kept in one piece, and texts are texts."""

from __future__ import annotations

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from typing import Any

from xlsxwriter import Workbook  # type: ignore[import-untyped]
from xlsxwriter.packager import Packager  # type: ignore[import-untyped]
from xlsxwriter.relationships import DOCUMENT_SCHEMA, Relationships  # type: ignore[import-untyped]
from xlsxwriter.url import Url  # type: ignore[import-untyped]
from xlsxwriter.worksheet import Worksheet  # type: ignore[import-untyped]

HYPERLINK = f"{DOCUMENT_SCHEMA}/hyperlink"


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
