"""Tables as people have them: pasted from a spreadsheet, or written by a program as CSV (RFC 4180, and its kin)."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence, Set

from msgspec import Struct, field

from app.folding import fold
from app.web.forms import Invalid
from app.web.texts import _l, drop_unseen

DELIMITERS = "\t;,"
# In so much of a text its first row is looked for.
LONGEST_HEADER = 64 * 1024
QUOTED = re.compile(r'"(?:[^"]|"")*"')
# What some programs write first, for a spreadsheet: which character separates the cells.
SAYS_SEPARATOR = "sep="
# More than anybody has fields, and few enough to be looked at one by one.
MOST_COLUMNS = 1_000
# Words for yes and for no in each language, as `fold` gives them; the digits are of none.
YES = {"en": {"yes", "y", "on", "true", "1"}, "pt_BR": {"sim", "s", "verdadeiro", "1"}}
NO = {"en": {"no", "n", "off", "false", "0"}, "pt_BR": {"nao", "n", "falso", "0"}}


class Table(Struct):
    """A table: the names of its columns, and below them the cells, by the line of the text that each row begins in.

    `empty` has the names of the columns that were taken out as they have no cell; '' for one without a name.
    """

    delimiter: str
    header: list[str]
    rows: list[tuple[int, list[str]]] = field(default_factory=list)
    empty: list[str] = field(default_factory=list)


def parse_table(text: str, *, most: int) -> Table:
    """Read a table of at most so many rows, without its empty rows and columns.

    A row ends where RFC 4180 says, and nowhere else: other characters that end a line for some programs, such as
    U+2028 or a form feed, belong to the value they stand in.

    Raises Invalid for what is no table.
    """
    text = text.lstrip("\ufeff")
    said, before = read_separator(text)
    delimiter = said or find_delimiter(text)
    lines_before = len(io.StringIO(text[:before], newline="").readlines())
    table: Table | None = None
    for line, cells in parse_rows(text[before:], delimiter, lines_before):
        if len(cells) > MOST_COLUMNS:
            raise Invalid(table=_l("At most %(limit)d columns.", limit=MOST_COLUMNS))
        if not any(cells):
            continue
        if table is None:
            table = Table(delimiter, cells)
        elif len(table.rows) == most:
            raise Invalid(table=_l("At most %(limit)d records at a time.", limit=most))
        else:
            table.rows.append((line, cells))
    if table is None or not table.rows:
        raise Invalid(table=_l("Put the field names in the first line and the records below."))
    leave_out_empty_columns(table)
    return table


def read_separator(text: str) -> tuple[str, int]:
    """What the first line says that separates cells, and where the table begins behind it; '' and 0 where it says none.

    Spreadsheets fill it up with the same character, or with tabs.
    """
    begins = len(text) - len(text.lstrip("\r\n"))
    line = next(iter(io.StringIO(text[begins:], newline="")), "")
    said = line.rstrip("\r\n").strip('"')
    if said == line or said[: len(SAYS_SEPARATOR)].lower() != SAYS_SEPARATOR:
        return "", 0
    characters = said[len(SAYS_SEPARATOR) :].strip('"')
    separators = set(characters.rstrip(" \t").rstrip('"')) or set(characters) & {"\t"}
    return (separators.pop(), begins + len(line)) if len(separators) == 1 else ("", 0)


def parse_rows(text: str, delimiter: str, lines_before: int) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table, each with the number of the line that it begins in. Raises Invalid."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    line = lines_before + 1
    try:
        for cells in reader:
            yield line, [cell.strip() for cell in cells]
            line = lines_before + reader.line_num + 1
    except csv.Error as error:
        raise Invalid(table=_l("Line %(line)d can't be read: is a quotation mark missing?", line=line)) from error


def find_delimiter(text: str) -> str:
    """What separates the cells: what the first row has most of. A name may hold another, within quotes.

    One column has none, and its texts may hold any but a tab. The first row is looked for in the beginning: a search
    in all of a long text would keep all threads from running.
    """
    begin = QUOTED.sub('""', text.lstrip("\r\n")[:LONGEST_HEADER])
    first = next((row for row in re.split(r"[\r\n]+", begin) if row.strip()), "")
    return max(DELIMITERS, key=first.count)


def leave_out_empty_columns(table: Table) -> None:
    """Take out the columns that have neither a name nor any cell. Raises Invalid for one that has cells and no name."""
    unnamed = {at for at, name in enumerate(table.header) if not name}
    for at in sorted(unnamed):
        for line, cells in table.rows:
            if cells[at : at + 1] not in ([], [""]):
                raise Invalid(
                    table=_l(
                        "Column %(column)d has no name, but line %(line)d has a value in it.", column=at + 1, line=line
                    )
                )
    table.empty = [""] * len(unnamed)
    table.header = without(table.header, unnamed)
    table.rows = [(line, without(cells, unnamed)) for line, cells in table.rows]


def without(cells: Sequence[str], places: Set[int]) -> list[str]:
    """Cells but those at some places."""
    return [cell for at, cell in enumerate(cells) if at not in places]


def read_word(cell: str, language: str) -> bool | None:
    """Whether a cell says yes or no in a language; an empty one says no. None for others, and for those of another
    language."""
    word = fold(drop_unseen(cell))
    if word in YES.get(language, YES["en"]):
        return True
    if not word or word in NO.get(language, NO["en"]):
        return False
    return None


def write_word(value: bool, language: str) -> str:
    """The word that says yes or no in a language."""
    return (_l("Yes") if value else _l("No")).translate(language)
