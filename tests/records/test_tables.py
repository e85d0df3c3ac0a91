"""Tables as spreadsheets and programs write them."""

from __future__ import annotations

import contextlib
import csv
import io
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.records.tables import DELIMITERS, MOST_COLUMNS, parse_table, read_word
from app.web.forms import Invalid

# What ends a line for `str.splitlines`, and is a part of a value here: VT, FF, FS, GS, RS, NEL, LS and PS.
INSIDE = "\v\f\x1c\x1d\x1e\x85\u2028\u2029"
# So long that what looked at each character again for each would never end.
MUCH = 500_000


def read(text: str) -> tuple[list[str], list[list[str]]]:
    table = parse_table(text, most=100)
    return table.header, [cells for _, cells in table.rows]


@pytest.mark.parametrize("character", INSIDE, ids=lambda character: f"U+{ord(character):04X}")
def test_a_row_ends_where_the_format_says_and_nowhere_else(character: str) -> None:
    assert read(f"Title,Year\nOne{character}two,1900\n") == (["Title", "Year"], [[f"One{character}two", "1900"]])


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"], ids=["LF", "CRLF", "CR"])
def test_rows_end_as_every_system_ends_lines(end: str) -> None:
    text = end.join(("Title;Year", "", "A;1900", '"B' + end + 'C";1901', "D;1902", ""))
    table = parse_table(text, most=100)
    assert [line for line, _ in table.rows] == [3, 4, 6], "each by the line it begins in"
    assert [cells for _, cells in table.rows] == [["A", "1900"], [f"B{end}C", "1901"], ["D", "1902"]]


@pytest.mark.parametrize(
    ("line", "delimiter"),
    [
        ("sep=;", ";"),
        ("SEP=;", ";"),
        ('"sep=;"', ";"),
        ("sep=\t", "\t"),
        ("sep=^", "^"),
        ("sep=;;;", ";"),
        ('"sep=";;', ";"),
    ],
)
def test_what_a_program_says_of_its_separator_is_believed(line: str, delimiter: str) -> None:
    table = parse_table(f"\ufeff{line}\r\nTitle,first{delimiter}Year\r\nA,B{delimiter}1900\r\n", most=100)
    assert (table.delimiter, table.header, table.rows) == (delimiter, ["Title,first", "Year"], [(3, ["A,B", "1900"])])


@pytest.mark.parametrize("quoting", [csv.QUOTE_MINIMAL, csv.QUOTE_ALL], ids=["where needed", "everywhere"])
@pytest.mark.parametrize("delimiter", DELIMITERS, ids=["tab", "semicolon", "comma"])
def test_a_name_may_hold_other_separators_and_quotation_marks(delimiter: str, quoting: Any) -> None:
    others = "".join(other for other in DELIMITERS) * 3
    names = ["Year (AD|BC|x)", f"Title{others}s", 'The "best"\r\nyear']
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator="", quoting=quoting).writerow(names)
    text = written.getvalue()
    table = parse_table(f"{text}\n1900{delimiter}A{delimiter}B\n", most=100)
    assert (table.delimiter, table.header, table.rows) == (delimiter, names, [(3, ["1900", "A", "B"])])


def test_columns_without_anything_are_left_out_and_counted() -> None:
    table = parse_table("Title,,Year,,\nA,,1900\nB,,1901,,\n", most=100)
    assert (table.header, table.empty) == (["Title", "Year"], [""] * 3)
    assert [cells for _, cells in table.rows] == [["A", "1900"], ["B", "1901"]]


def test_a_column_with_something_in_it_needs_a_name() -> None:
    with pytest.raises(Invalid, match="Column"):
        parse_table("Title,,Year\nA,,1900\nB,lost,1901\n", most=100)


def test_a_table_has_a_bound_in_breadth() -> None:
    assert parse_table("Title" + "," * (MOST_COLUMNS - 1) + "\nA\n", most=100).empty == [""] * (MOST_COLUMNS - 1)
    for text in ("Title" + "," * MOST_COLUMNS + "\nA\n", "Title,Year\nA" + "," * MOST_COLUMNS + "\n"):
        with pytest.raises(Invalid, match="columns"):
            parse_table(text, most=100)


def test_one_column_has_values_with_any_separator() -> None:
    assert read("Title\nFoo, volume 1\nBar; a part | of it\n") == (
        ["Title"],
        [["Foo, volume 1"], ["Bar; a part | of it"]],
    )


CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).map(str.strip)
TABLES = st.integers(2, 4).flatmap(
    lambda columns: st.lists(st.lists(CELLS, min_size=columns, max_size=columns), min_size=1, max_size=5)
)


@given(rows=TABLES, delimiter=st.sampled_from(DELIMITERS), end=st.sampled_from(["\n", "\r\n"]))
def test_what_a_program_writes_is_read_as_it_was(rows: list[list[str]], delimiter: str, end: str) -> None:
    header = [f"Field {number}" for number in range(len(rows[0]))]
    written = io.StringIO()
    csv.writer(written, delimiter=delimiter, lineterminator=end, quoting=csv.QUOTE_ALL).writerows([header, *rows])
    kept = [row for row in rows if any(row)]
    if not kept:
        return
    assert read(written.getvalue()) == (header, kept)


@pytest.mark.parametrize(
    ("language", "yes", "no", "neither"),
    [
        (
            "en",
            ["yes", "Y", "TRUE", "on", "1"],
            ["no", "N", "false", "Off", "0", ""],
            ["FALSO", "sim", "s", "nein", "-", "maybe"],
        ),
        (
            "pt_BR",
            ["Sim", "s", "VERDADEIRO", "1", "Si\u200bm"],
            ["Não", "nao", "n", "FALSO", "0", ""],
            ["yes", "y", "true", "on", "off", "no", "false", "nein", "-", "x", "2"],
        ),
    ],
)
def test_only_words_of_the_language_say_yes_or_no(
    language: str, yes: list[str], no: list[str], neither: list[str]
) -> None:
    said = {word: read_word(word, language) for word in (*yes, *no, *neither)}
    assert said == {**dict.fromkeys(yes, True), **dict.fromkeys(no, False), **dict.fromkeys(neither)}


@pytest.mark.parametrize("line", ["sep=" + "\t" * MUCH + "x", "\n" * MUCH + "sep=x", '"sep=' + ";" * MUCH])
def test_a_first_line_of_any_length_is_read_once(line: str) -> None:
    with contextlib.suppress(Invalid):
        parse_table(f"{line}\nA;B\n1;2", most=10)
