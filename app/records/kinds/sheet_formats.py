"""How a spreadsheet shows numbers: in Excel's codes, which each program writes with its reader's own separators.

https://support.microsoft.com/office/5026bbd6-04bc-48cd-bf33-80f18b4eae68
"""

from __future__ import annotations

import re

# What stands before the digits of a number and behind them, as people read it.
AROUND_DIGITS = re.compile(r"(\D*)\d(?:.*\d)?(\D*)", re.DOTALL)


def quote_in_format(text: str) -> str:
    """A text that stands beside a number as it is."""
    return '\\"'.join(f'"{part}"' if part else "" for part in text.split('"'))


def format_of_number(digits: int, *, grouping: bool, unit: str = "") -> str:
    """The code of numbers with so many digits after the point, thousands set apart or not, and a unit behind."""
    number = f"{'#,##0' if grouping else '0'}{'.' + '0' * digits if digits else ''}"
    return number + quote_in_format(f"\N{NO-BREAK SPACE}{unit}" if unit else "")


def format_like(shown: str, sign: str, digits: int) -> str:
    """The code of amounts that are shown as one without a minus is, with the sign of its currency."""
    found = AROUND_DIGITS.fullmatch(shown)
    before, after = found.groups() if found else ("", "")

    def mark(text: str) -> str:
        if sign not in text or "-" in sign or "]" in sign:
            return quote_in_format(text)
        return f"[${sign}]".join(map(quote_in_format, text.split(sign, 1)))

    return mark(before) + format_of_number(digits, grouping=True) + mark(after)
