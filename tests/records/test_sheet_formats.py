"""Numbers in exported workbooks are numbers still, and are shown with the unit, currency and digits that pages show."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from app.records import export_xlsx as xlsx
from app.records.export_xlsx import export_xlsx
from app.records.kinds.sheet_formats import format_like, quote_in_format
from tests.fields import make_field
from tests.records.test_export_formats import collect, make_export, read_sheets

SPACE = "\N{NO-BREAK SPACE}"


def export_value(directory: Path, language: str, kind: str, value: str, options: dict[str, Any]) -> tuple[Any, Any]:
    """The cell of a value, and how its field shows it."""
    field = make_field(kind, locale=language, **options)
    field.id, field.key, field.label = 1, kind, "Value"
    export = make_export(language, [field])
    sheet = read_sheets(collect(export_xlsx, export, [{"f1": value}], directory)).active
    return sheet, field.describe(value)


@pytest.mark.parametrize(
    ("language", "kind", "value", "options", "code", "shown"),
    [
        ("en", "whole_number", "123456789012345", {}, "0", "123456789012345"),
        ("en", "whole_number", "1234", {"grouping": True}, "#,##0", "1,234"),
        ("en", "whole_number", "-12", {"unit": "km/h"}, f'0"{SPACE}km/h"', f"-12{SPACE}km/h"),
        ("pt_BR", "whole_number", "5", {"unit": '2"'}, f'0"{SPACE}2"\\"', f'5{SPACE}2"'),
        ("en", "decimal", "1.5", {}, "General", "1.5"),
        ("en", "decimal", "1.5", {"digits": 3}, "0.000", "1.500"),
        ("en", "decimal", "0.12345", {"digits": 2}, "0.00000", "0.12345"),
        ("en", "decimal", "1234.5", {"unit": "m²", "grouping": True}, f'#,##0.0"{SPACE}m²"', f"1,234.5{SPACE}m²"),
        ("en", "money", "1234.5", {"currency": "BRL"}, "[$R$]#,##0.00", "R$1,234.50"),
        ("pt_BR", "money", "1234.5", {"currency": "BRL"}, f'[$R$]"{SPACE}"#,##0.00', f"R${SPACE}1.234,50"),
        ("pt_BR", "money", "-3", {"currency": "USD"}, f'[$US$]"{SPACE}"#,##0.00', f"-US${SPACE}3,00"),
        ("de", "money", "7", {"currency": "EUR"}, f'#,##0.00"{SPACE}"[$€]', f"7,00{SPACE}€"),
        ("en", "money", "7", {"currency": "JPY"}, "[$¥]#,##0", "¥7"),
        ("en", "money", "7", {"currency": "KWD"}, "[$KWD]#,##0.000", "KWD7.000"),
        ("en", "rating", "3", {}, "0", "3"),
    ],
)
def test_a_number_is_shown_in_a_spreadsheet_as_on_pages_and_is_one_still(
    tmp_path: Path, language: str, kind: str, value: str, options: dict[str, Any], code: str, shown: str
) -> None:
    sheet, described = export_value(tmp_path, language, kind, value, options)
    cell = sheet["B2"]
    assert (cell.data_type, cell.value) == ("n", float(value))
    assert cell.number_format == code
    assert not cell.is_date
    assert described == shown


def test_a_column_is_as_wide_as_its_widest_number(tmp_path: Path) -> None:
    sheet, shown = export_value(tmp_path, "pt_BR", "money", "1234567890123.45", {"currency": "BRL"})
    assert sheet.column_dimensions["B"].width >= len(shown)
    sheet, _ = export_value(tmp_path, "pt_BR", "money", "1", {"currency": "BRL"})
    assert sheet.column_dimensions["B"].width < 16


def test_of_more_formats_than_spreadsheets_know_numbers_have_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(xlsx, "MOST_FORMATS", 2)
    fields = [make_field("decimal", unit=unit, digits=1) for unit in ("kg", "m", "s", "kg")]
    for number, field in enumerate(fields, start=1):
        field.id, field.key, field.label = number, f"of_{number}", f"Of {number}"
    row = {f"f{number}": "1.5" for number in range(1, 5)}
    (cells,) = read_sheets(collect(export_xlsx, make_export(fields=fields), [row], tmp_path)).active["B2:E2"]
    assert [each.number_format for each in cells] == [f'0.0"{SPACE}kg"', f'0.0"{SPACE}m"', "General", f'0.0"{SPACE}kg"']
    assert [each.value for each in cells] == [1.5] * 4


def test_what_stands_beside_a_number_is_quoted() -> None:
    for sign in ("R$", "€", "CHF", "F\u202fCFA", "B/."):
        assert format_like(f"{sign}{SPACE}1", sign, 2) == f'[${sign}]"{SPACE}"#,##0.00'
    assert format_like(f"1{SPACE}a-b", "a-b", 0) == f'#,##0"{SPACE}a-b"', "a hyphen would begin a language"
    assert quote_in_format('a"b') == '"a"\\""b"'
