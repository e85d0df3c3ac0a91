"""Cells of tables as spreadsheets open them: CSV (RFC 4180) that no text in it can make a formula of."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Sequence

from babel import Locale
from babel.numbers import get_decimal_symbol

MEDIA_TYPE_OF_CSV = "text/csv; charset=utf-8"
BYTE_ORDER_MARK = "\ufeff"  # by which spreadsheets know that it is UTF-8
# What spreadsheets take for the beginning of a formula (https://owasp.org/www-community/attacks/CSV_Injection), after
# any apostrophes; and how a cell begins that says it is none.
FORMULA = re.compile("'*[=+\\-@\t\r\n＝＋－＠]")
NO_FORMULA = re.compile(f"'{FORMULA.pattern}")


def write_no_formula(text: str) -> str:
    """A text as a cell that no spreadsheet takes for a formula: one that would be has an apostrophe before it."""
    return f"'{text}" if FORMULA.match(text) else text


def read_no_formula(cell: str) -> str:
    """A cell without the apostrophe that says that it is no formula."""
    return cell[1:] if NO_FORMULA.match(cell) else cell


def delimiter_of(locale: Locale) -> str:
    """What separates cells where people write decimals with a comma or not: spreadsheets there expect a semicolon."""
    return ";" if get_decimal_symbol(locale) == "," else ","


def join_rows(locale: Locale, rows: Sequence[Sequence[str]], quoting: int) -> str:
    """Rows as CSV."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=delimiter_of(locale), lineterminator="\r\n", quoting=quoting)  # type: ignore[arg-type]
    writer.writerows(rows)
    return text.getvalue()
