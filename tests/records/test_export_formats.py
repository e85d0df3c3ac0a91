"""What is exported is what was stored, in each format, for every kind of field and whatever is in it."""

from __future__ import annotations

import asyncio
import csv
import io
import json
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from babel import Locale
from hypothesis import example, given, settings
from hypothesis import strategies as st
from openpyxl import load_workbook
from openpyxl.utils.escape import unescape

from app.database import Tenant, now
from app.files.cells import read_no_formula, write_no_formula
from app.records import export_xlsx as xlsx
from app.records.collections import Collection
from app.records.export_csv import export_csv
from app.records.export_json import export_json
from app.records.export_xlsx import export_xlsx
from app.records.exports import Export, ExportedRecord, describe_origin
from app.records.fields import Field
from app.records.import_table import TableSource, read_cell, read_header
from app.records.kinds import FIELD_KINDS
from app.records.lists import View
from app.records.tables import parse_table, read_word, write_word
from app.web.texts import LANGUAGES
from tests.fields import make_field

CHOICES = ["=red", "'=green", "@blue", 'Say "red"; or, else', "-1", "plain", "\u2028inside\u2029 it"]
OPTIONS = {"money": {"currency": "BRL"}, "rating": {"most": 5}}


def make_fields(*kinds: str, locale: str = "en", labels: str = "{}; or, else") -> list[Field]:
    """Fields of some kinds, as a collection would have them."""
    fields = []
    for number, kind in enumerate(kinds, start=1):
        choices = [" ".join(choice.split()) for choice in CHOICES] if FIELD_KINDS[kind].has_choices else []
        field = make_field(kind, locale=locale, choices=choices, **OPTIONS.get(kind, {}))
        field.id, field.key, field.label = number, kind, labels.format(kind)
        fields.append(field)
    return fields


FIELDS = make_fields(*FIELD_KINDS)
ACME = Tenant(id=1, slug="acme", name="Acme", language="en", created_at=datetime(2026, 1, 1, tzinfo=UTC))
THINGS = Collection(id=3, name="Things", slug="things", created_at=datetime(2026, 1, 2, tzinfo=UTC))
BEGINNINGS = ["", "=", "+", "-", "@", "'", "'=", "''-", "\t", "\r", "＝", '"', ";", ",", "<r>", "sep=;"]
ENDS = ["", "</r>", '"', "'", "\u2028", "\x85x", "\nx", "_x0041_", "\ufeffx"]
TEXTS = st.builds(
    lambda beginning, text, end: beginning + text + end,
    st.sampled_from(BEGINNINGS),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12),
    st.sampled_from(ENDS),
)
TYPED = {
    "text": TEXTS,
    "long_text": TEXTS,
    "whole_number": st.integers(-(10**15) + 1, 10**15 - 1).map(str),
    "decimal": st.decimals(-(10**15) + 1, 10**15 - 1, places=10).map(lambda number: format(number, "f")),
    "date": st.dates().map(date.isoformat),
    "yes_no": st.sampled_from(["yes", ""]),
    "choice": st.sampled_from(["", *(" ".join(choice.split()) for choice in CHOICES)]),
    "choices": st.sets(st.integers(1, len(CHOICES))).map(lambda ids: "\n".join(f"#{each}" for each in ids)),
    "money": st.decimals(-(10**12), 10**12, places=2).map(lambda number: format(number, "f")),
    "moment": st.datetimes().map(lambda moment: moment.isoformat(timespec="minutes")),
    "duration": st.integers(-999, 999).map(lambda hours: f"{hours}:05"),
    "phone": st.sampled_from(["", "+55 11 98765-4321", "(11) 4321"]),
    "rating": st.integers(0, 5).map(str),
    "person": st.sampled_from(["", "#1", "#5"]),
    # Nobody types these, and what they are is not read from a table.
    **dict.fromkeys((name for name, kind in FIELD_KINDS.items() if not kind.is_typed), st.just("")),
    "email": st.sampled_from(["", "ana@acme.test", "+ana@acme.test", "=1@acme.test", "josé@acme.test"]),
    "link": st.builds(
        lambda end: f"https://acme.test/{''.join(end.split())}", st.text(st.characters(codec="utf-8"), max_size=20)
    ),
}


@st.composite
def stored_values(draw: Any) -> dict[str, str]:
    """Values of all kinds, as they are stored after they were typed."""
    values = {}
    for field in FIELDS:
        try:
            value = field.read(draw(TYPED[field.key]).replace("\0", ""))
        except ValueError:
            continue
        if value:
            values[field.ref] = value
    return values


ROWS = st.lists(stored_values(), min_size=1, max_size=4)


def make_export(language: str = "en", fields: Sequence[Field] = FIELDS) -> Export:
    locale = Locale.parse(language)
    for field in fields:
        field.locale, field.language = locale, language
    return Export(THINGS, fields, View(), language, locale, describe_origin(ACME, THINGS))


def make_records(rows: Sequence[dict[str, str]]) -> list[ExportedRecord]:
    moment = now()
    return [
        ExportedRecord(number, 1, json.dumps(values), moment, moment, "Ana", "Bruno")
        for number, values in enumerate(rows, start=1)
    ]


def collect(pieces_of: Any, export: Export, rows: Sequence[dict[str, str]], *more: Any) -> bytes:
    """The whole file, of which each record comes in a batch of its own."""

    async def batches() -> AsyncGenerator[list[ExportedRecord]]:
        for record in make_records(rows):
            yield [record]

    async def join() -> bytes:
        return b"".join([piece async for piece in pieces_of(export, batches(), *more)])

    with asyncio.Runner() as runner:
        return runner.run(join())


@pytest.mark.parametrize("language", LANGUAGES)
@given(rows=ROWS)
def test_a_csv_file_is_taken_back_as_it_was(language: str, rows: list[dict[str, str]]) -> None:
    content = collect(export_csv, make_export(language), rows)
    table = parse_table(content.decode(), most=10)
    assert table.delimiter == (";" if language == "pt_BR" else ",")
    assert read_header(FIELDS, table.header) == [None, *FIELDS]
    for number, ((_, cells), values) in enumerate(zip(table.rows, rows, strict=True), start=1):
        assert cells[0] == str(number)
        for field, cell in zip(FIELDS, cells[1:], strict=True):
            assert read_cell(field, cell, language) == values.get(field.ref, "")


@pytest.mark.parametrize("zone", ["America/Sao_Paulo", "Europe/Berlin", "Asia/Kathmandu"])
def test_times_are_those_of_who_exports_and_the_heading_says_so_to_whoever_imports(tmp_path: Path, zone: str) -> None:
    fields = make_fields("text", "moment", labels="{}")
    fields[1].zone = zone

    @given(st.datetimes(datetime(1, 1, 2), datetime(9999, 12, 30)).map(lambda each: f"{each:%Y-%m-%dT%H:%M}Z"))
    @example("2026-10-25T01:30Z")
    @example("1900-01-01T12:00Z")
    def draw(value: str) -> None:
        value = value.rjust(17, "0")
        table = parse_table(collect(export_csv, make_export(fields=fields), [{"f2": value}]).decode(), most=10)
        assert table.header == ["#", "text", f"moment ({zone})"]
        elsewhere = make_fields("text", "moment", labels="{}")
        elsewhere[1].zone = "Asia/Tokyo"
        source = TableSource(elsewhere, table, "en")
        read = {field.ref: read("") for field, read in source.cells(source.lines[0])}
        assert read == {"f1": "", "f2": value}

    draw()
    export, rows = make_export(fields=fields), [{"f2": "2026-02-28T17:05Z"}]
    hours = {"America/Sao_Paulo": "14:05", "Europe/Berlin": "18:05", "Asia/Kathmandu": "22:50"}
    assert f"2026-02-28 {hours[zone]}" in collect(export_csv, export, rows).decode()
    sheet = read_sheets(collect(export_xlsx, export, rows, tmp_path)).active
    assert [sheet["C1"].value, f"{sheet['C2'].value:%H:%M}"] == [f"moment ({zone})", hours[zone]]


@pytest.mark.parametrize("value", ["1900-01-01T00:00Z", "1900-01-01T12:00Z", "1900-01-02T00:00Z", "1900-03-01T00:00Z"])
def test_the_first_day_of_a_spreadsheet_is_a_day(tmp_path: Path, value: str) -> None:
    fields = make_fields("moment", "date")
    rows = [{"f1": value, "f2": value[:10]}]
    moment, day = read_sheets(collect(export_xlsx, make_export(fields=fields), rows, tmp_path)).active["B2:C2"][0]
    check_cell(fields[0], moment, value)
    check_cell(fields[1], day, value[:10])


def test_a_heading_is_never_that_of_another_field() -> None:
    fields = make_fields("moment", "text")
    fields[0].label, fields[1].label = "Seen", "Seen (UTC)"
    table = parse_table(collect(export_csv, make_export(fields=fields), [{"f2": "x"}]).decode(), most=10)
    assert table.header == ["#", "Seen", "Seen (UTC)"]
    assert read_header(fields, table.header) == [None, *fields]


@given(rows=ROWS)
def test_no_cell_of_a_csv_file_but_a_number_is_a_formula(rows: list[dict[str, str]]) -> None:
    content = collect(export_csv, make_export(), rows)
    assert content.startswith(b"\xef\xbb\xbf")
    for cells in list(csv.reader(io.StringIO(content.decode("utf-8-sig"), newline="")))[1:]:
        for field, cell in zip(FIELDS, cells[1:], strict=True):
            assert isinstance(field.cell("1") if field.kind.is_numeric else "", Decimal) or cell[:1] not in tuple(
                "=+-@\t\r"
            )


@given(st.text() | TEXTS)
def test_an_apostrophe_that_keeps_a_formula_away_is_taken_off_again(text: str) -> None:
    written = write_no_formula(text)
    assert read_no_formula(written) == text
    assert write_no_formula("plain") == "plain"
    assert not written.startswith(("=", "+", "-", "@", "\t", "\r"))


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_words_for_yes_and_no_are_read_again(language: str) -> None:
    assert [read_word(write_word(value, language), language) for value in (True, False)] == [True, False]


def test_the_column_of_numbers_is_called_as_no_field_is() -> None:
    fields = make_fields("text", "text")
    fields[0].label, fields[1].label = "#", "Number"
    content = collect(export_csv, make_export(fields=fields), [{"f1": "x", "f2": "y"}])
    table = parse_table(content.decode(), most=10)
    assert table.header == ["##", "#", "Number"]
    assert read_header(fields, table.header) == [None, *fields]


def test_decimals_have_the_mark_of_the_language_where_the_delimiter_is_that_of_its_spreadsheets() -> None:
    fields = make_fields("decimal")
    lines = [
        collect(export_csv, make_export(language, fields), [{"f1": "-1.5"}]).decode().splitlines()[1]
        for language in ("en", "pt_BR")
    ]
    assert lines == ["1,-1.5", "1;-1,5"]


@given(rows=ROWS)
def test_a_json_file_says_what_was_stored_and_is_the_same_when_it_is_read_and_written_again(
    rows: list[dict[str, str]],
) -> None:
    content = collect(export_json, make_export(), rows)
    found = json.loads(content)
    assert [each["key"] for each in found["collection"]["fields"]] == list(FIELD_KINDS)
    assert [each["id"] for each in found["collection"]["fields"]] == [field.id for field in FIELDS]
    read_again = []
    for record, values in zip(found["records"], rows, strict=True):
        read = {field.ref: field.read(field.kind.from_json(record["values"][field.key], field)) for field in FIELDS}
        read_again.append({ref: value for ref, value in read.items() if value})
        assert read_again[-1] == values
        for field in FIELDS:
            value = record["values"][field.key]
            wanted: Any = {"whole_number": int, "rating": int, "duration": int, "choice": int, "person": int}.get(
                field.key, str
            )
            wanted = {"yes_no": bool, "choices": list, "files": list}.get(field.key, wanted)
            assert value is None or type(value) is wanted
        assert datetime.fromisoformat(record["created_at"]).tzinfo
        assert (record["created_by"], record["changed_by"]) == ("Ana", "Bruno")
    again = json.loads(collect(export_json, make_export(), read_again))
    assert [each["values"] for each in again["records"]] == [each["values"] for each in found["records"]]


@pytest.mark.parametrize("rows", [[], [{}], [{}, {}]], ids=len)
def test_a_json_file_is_whole_however_few_records_there_are(rows: list[dict[str, str]]) -> None:
    assert len(json.loads(collect(export_json, make_export(), rows))["records"]) == len(rows)


def read_sheets(content: bytes) -> Any:
    return load_workbook(io.BytesIO(content))


@settings(max_examples=40)
@given(rows=ROWS)
def test_a_workbook_has_numbers_dates_yes_and_no_as_such_and_texts_as_texts(
    tmp_path_factory: pytest.TempPathFactory, rows: list[dict[str, str]]
) -> None:
    directory = tmp_path_factory.mktemp("xlsx")
    sheet = read_sheets(collect(export_xlsx, make_export(), rows, directory)).active
    assert list(directory.iterdir()) == []
    assert (sheet.title, sheet.freeze_panes) == ("things", "A2")
    assert all(cell.font.bold for cell in sheet[1])
    labels = [f"{field.label} (UTC)" if field.kind.tells_time else field.label for field in FIELDS]
    assert [cell.value for cell in sheet[1]] == ["#", *labels]
    for number, (cells, values) in enumerate(zip(sheet.iter_rows(min_row=2), rows, strict=True), start=1):
        assert cells[0].value == number
        for field, cell in zip(FIELDS, cells[1:], strict=True):
            check_cell(field, cell, values.get(field.ref, ""))


def check_cell(field: Field, cell: Any, value: str) -> None:
    kind, given = field.kind_name, field.cell(value)
    if kind == "yes_no":
        assert cell.value is bool(value)
    elif not value:
        assert cell.value is None
    elif isinstance(given, Decimal) and cell.data_type == "n":
        assert Decimal(repr(cell.value)) == Decimal(value)
    elif isinstance(given, timedelta):
        assert (cell.number_format == "[h]:mm") == (int(value) >= 0)
        assert cell.value in (given, field.write(value), time(given.seconds // 3600, given.seconds // 60 % 60))
    elif kind in ("date", "moment") and int(value[:4]) >= 1900:
        assert cell.is_date
        assert cell.value.isoformat(timespec="minutes").startswith(value.removesuffix("Z"))
    elif kind in ("text", "long_text", "link", "email", "phone"):
        assert cell.data_type in ("s", "inlineStr")
        assert unescape(cell.value).replace("\r\n", "\n") == value
        assert (cell.hyperlink is not None) == (kind == "link" and value.isprintable())
    elif not isinstance(given, Decimal | date):
        assert unescape(cell.value) == given


@pytest.mark.parametrize(
    ("kind", "value", "is_number"),
    [
        ("whole_number", "999999999999999", True),
        ("decimal", "0.0000000001", True),
        ("decimal", "123456789012345.5", False),
        ("decimal", "-12345678901234.5", True),
    ],
)
def test_a_number_that_a_spreadsheet_could_not_hold_is_a_text(
    tmp_path: Path, kind: str, value: str, is_number: bool
) -> None:
    fields = make_fields(kind)
    cell = read_sheets(collect(export_xlsx, make_export(fields=fields), [{"f1": value}], tmp_path)).active["B2"]
    assert (cell.data_type == "n") == is_number
    assert is_number or cell.value == value


@pytest.mark.filterwarnings("error")
def test_what_a_sheet_has_no_room_for_goes_on_another_and_links_become_texts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx, "MOST_ROWS", 4)
    monkeypatch.setattr(xlsx, "MOST_LINKS", 2)
    fields = make_fields("link", "long_text")
    long_link, long_text = f"https://acme.test/{'%' * 800}", "\N{BOOKS}" * 20_000
    rows = [{"f1": link} for link in ("https://a.test/#x", long_link, "https://b.test/", "https://c.test/")]
    book = read_sheets(collect(export_xlsx, make_export(fields=fields), [*rows, {"f2": long_text}], tmp_path))
    assert book.sheetnames == ["things", "things 2"]
    first, second = (book[name] for name in book.sheetnames)
    assert [first[f"B{row}"].hyperlink is not None for row in (2, 3, 4)] == [True, False, True]
    assert [first["B3"].value, second["A1"].value, second["A2"].value] == [long_link, "#", 4]
    assert second["B2"].hyperlink.target == "https://c.test/"
    cut = second["C3"].value
    assert (len(cut.encode("utf-16-le")) <= 2 * 32_767, cut[-1], long_text.startswith(cut[:-1])) == (True, "…", True)


@pytest.mark.parametrize("slug", ["history", "a" * 40, "2026"])
def test_every_slug_makes_a_name_of_a_sheet(tmp_path: Path, slug: str) -> None:
    export = Export(Collection(name="Things", slug=slug), FIELDS, View(), "en", Locale("en"), {})
    assert read_sheets(collect(export_xlsx, export, [{}], tmp_path)).sheetnames[0].startswith(slug[:24])
