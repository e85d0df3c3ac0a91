"""Kinds of field: how a value is read from a form, shown, searched and sorted. Pure functions."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, InvalidOperation
from urllib.parse import urlsplit

from app.web.mail_addresses import read_mail_address
from app.web.texts import Text, _l, fold, is_blank, keep_direction

LINE_LIMIT = 500
LONG_TEXT_LIMIT = 20_000
SORT_KEY_LIMIT = 120
# Sorts after every text, by code points as by bytes of UTF-8: empty values come last.
LAST = "\U0010ffff"


@dataclass(frozen=True, slots=True)
class FieldKind:
    """A kind of field. `read` gives the value as it is stored ('' for none) or raises ValueError with a Text.

    `to_json` gives what programs get of a stored one: null for none, and decimals as texts, so that no digit is lost.
    """

    name: str
    label: Text
    read: Callable[[str, Sequence[str]], str]
    sort_key: Callable[[str], str]
    searchable: bool = True
    to_json: Callable[[str], str | int | None] = lambda value: value or None


def fail(message: str, **values: object) -> ValueError:
    """A ValueError that carries a text."""
    return ValueError(_l(message, **values))


def fold_key(value: str) -> str:
    """Sort key of a text."""
    return fold(value)[:SORT_KEY_LIMIT]


def number_key(value: str) -> str:
    """Sort key of a number: 16 hexadecimal digits in the order of the numbers.

    The bits of an IEEE 754 double sort as integers once the sign bit is turned, and all bits of negative ones.
    """
    (bits,) = struct.unpack(">Q", struct.pack(">d", float(value)))
    return f"{bits ^ (0xFFFFFFFFFFFFFFFF if bits >> 63 else 1 << 63):016x}"


def read_text_line(text: str, choices: Sequence[str]) -> str:
    """One line of text."""
    value = " ".join(keep_direction(text).split())
    if len(value) > LINE_LIMIT:
        raise fail("At most %(limit)d characters.", limit=LINE_LIMIT)
    return value


def read_text(text: str, choices: Sequence[str]) -> str:
    """Lines of text."""
    value = keep_direction(text).replace("\r\n", "\n").replace("\r", "\n").strip()
    if len(value) > LONG_TEXT_LIMIT:
        raise fail("At most %(limit)d characters.", limit=LONG_TEXT_LIMIT)
    return value


def read_whole_number(text: str, choices: Sequence[str]) -> str:
    """A whole number of up to 15 digits, so that every machine holds it exactly."""
    value = text.strip().replace("\N{MINUS SIGN}", "-")
    if not re.fullmatch(r"[+-]?[0-9]{1,15}", value):
        if not value:
            return ""
        raise fail("Write a whole number of up to 15 digits, such as 42.")
    return str(int(value))


def whole_number_to_json(value: str) -> int | None:
    """A whole number as one."""
    return int(value) if value else None


def read_decimal(text: str, choices: Sequence[str]) -> str:
    """A decimal with a point or a comma."""
    value = text.strip().replace("\N{MINUS SIGN}", "-").replace(",", ".")
    if not value:
        return ""
    try:
        number = Decimal(value) if re.fullmatch(r"[+-]?[0-9]{1,15}(\.[0-9]{1,10})?", value) else None
    except InvalidOperation:
        number = None
    if number is None:
        raise fail("Write a number with up to 10 decimals, such as 3.50.")
    return format(number if number else abs(number), "f")


def read_date(text: str, choices: Sequence[str]) -> str:
    """A date as browsers send it: 2026-01-31."""
    value = text.strip()
    if not value:
        return ""
    try:
        if not re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
            raise ValueError(value)
        return date.fromisoformat(value).isoformat()
    except ValueError as error:
        raise fail("Write a date as year-month-day, such as 2026-01-31.") from error


def read_yes_no(text: str, choices: Sequence[str]) -> str:
    """'yes' when the box is ticked, '' when not."""
    return "yes" if text.strip().lower() in ("yes", "on", "true", "1") else ""


def read_choice(text: str, choices: Sequence[str]) -> str:
    """One of the choices, or none."""
    value = " ".join(text.split())
    if value and value not in choices:
        raise fail("Choose one of the list.")
    return value


def read_email(text: str, choices: Sequence[str]) -> str:
    """An e-mail address."""
    value = read_text_line(text, choices)
    try:
        return read_mail_address(value) if value else ""
    except ValueError as error:
        raise fail("This does not look like an e-mail address.") from error


def read_link(text: str, choices: Sequence[str]) -> str:
    """An http or https address."""
    value = read_text_line(text, choices)
    if not value:
        return ""
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname or " " in value:
        raise fail("Write an address that starts with https:// or http://.")
    return value


FIELD_KINDS = {
    kind.name: kind
    for kind in (
        FieldKind("text", _l("Text"), read_text_line, fold_key),
        FieldKind("long_text", _l("Long text"), read_text, fold_key),
        FieldKind("whole_number", _l("Whole number"), read_whole_number, number_key, to_json=whole_number_to_json),
        FieldKind("decimal", _l("Decimal number"), read_decimal, number_key),
        FieldKind("date", _l("Date"), read_date, str),
        FieldKind("yes_no", _l("Yes or no"), read_yes_no, str, searchable=False, to_json=bool),
        FieldKind("choice", _l("Choice"), read_choice, fold_key),
        FieldKind("email", _l("E-mail"), read_email, fold_key),
        FieldKind("link", _l("Link"), read_link, fold_key),
    )
}


def read_value(kind: str, text: str, choices: Sequence[str], *, required: bool) -> str:
    """The value to store for what was typed into a field of a kind.

    Raises ValueError with a Text that says what is wrong with it.
    """
    value = FIELD_KINDS[kind].read(text, choices)
    if required and is_blank(value):
        raise ValueError(_l("This can't be empty."))
    return value


def sort_key_of(kind: str, value: str) -> str:
    """What a value of a kind is sorted by; an empty one comes last."""
    return (FIELD_KINDS[kind].sort_key(value) if value else "") or LAST
