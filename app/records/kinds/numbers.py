"""Numbers: whole ones and decimals, which are typed and shown as the workspace's locale writes them."""

from __future__ import annotations

import re
import struct
import unicodedata
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from typing import Any, NoReturn

from babel import Locale
from babel.numbers import NumberFormatError, format_decimal, parse_decimal

from app.records.kinds.affixes import MINUS, refuse_others, without_affixes
from app.records.kinds.kind import Cell, Definition, FieldKind, Json, fail
from app.records.kinds.sheet_formats import format_of_number
from app.web.forms import Invalid, clean_line
from app.web.texts import _l

MOST_WHOLE_DIGITS = 15
MOST_DIGITS = 10
MOST_UNIT = 12
# What numbers are written with: no exponents, which nobody types on purpose. No number is as long as this many letters.
WRITTEN = re.compile(r"[+-]?[0-9.,'\u2019\u066b\u066c\s]+")
LONGEST_NUMBER = 100
# As programs write them, of any length that a text has.
IN_JSON = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
# Within a number, whatever the locale: spaces of all widths between groups of three.
SPACES = re.compile(r"(?<=\d)[\s\u202f\u2009](?=\d{3}(?!\d))")


def spell_digits(text: str) -> str:
    """A text with digits of any script as those of ASCII, and without the spaces between groups."""
    return "".join(str(unicodedata.decimal(each, each)) for each in SPACES.sub("", MINUS.sub("-", text.strip())))


def is_written(digits: str) -> bool:
    """Whether a text has nothing but what numbers are written with."""
    return bool(WRITTEN.fullmatch(digits)) and any(map(str.isdigit, digits))


def read_number(text: str, locale: Locale, most: int = MOST_DIGITS, example: str = "1234.5") -> Decimal:
    """A number as a locale writes it, with or without groups. Raises ValueError with a Text.

    What is written as another locale would, such as 1.5 where a point separates thousands, is refused with what it may
    mean; and where one of that has more than so many digits after the point, with how many there may be. Of what is no
    number an `example` is given.
    """
    if len(text) > LONGEST_NUMBER:
        raise fail("At most %(limit)d characters; this has %(count)d.", limit=LONGEST_NUMBER, count=len(text))
    digits = spell_digits(text)
    try:
        if not is_written(digits):
            raise NumberFormatError(digits)
        number = parse_decimal(digits, locale=locale, strict=True)
    except InvalidOperation as error:  # decimals have a precision, which has more digits than fields hold
        raise fail("At most %(limit)d digits.", limit=MOST_WHOLE_DIGITS) from error
    except NumberFormatError as error:
        readings = list(dict.fromkeys(error.suggestions or ()))
        read = {each: parse_decimal(each, locale=locale) for each in readings}
        begins = re.match(r"[+-]?0+[^0-9]", digits)  # what begins so is less than 1, and no group
        suggestions = [each for each in readings if not (begins and abs(read[each]) >= 1)]
        fitting = [each for each in suggestions if count_digits(read[each]) <= most]
        if fitting != suggestions and (not fitting or not ("." in digits and "," in digits)):
            refuse_digits(most)  # of a text with one kind of sign the other readings are less likely meant
        suggestions = fitting
        if len(suggestions) > 1:
            raise fail(
                "Did you mean %(one)s or %(other)s? Enter it that way.", one=suggestions[0], other=suggestions[1]
            ) from error
        if suggestions:
            raise fail("Did you mean %(one)s? Enter it that way.", one=suggestions[0]) from error
        shown = format_decimal(Decimal(example), locale=locale)
        raise fail("Enter a number, such as %(example)s.", example=shown) from error
    return limit_whole_digits(number)


def limit_whole_digits(number: Decimal) -> Decimal:
    """A number that has no more digits before the point than fields hold. Raises ValueError with a Text."""
    if not number.is_finite() or abs(number) >= 10**MOST_WHOLE_DIGITS:
        raise fail("At most %(limit)d digits.", limit=MOST_WHOLE_DIGITS)
    return number


def refuse_digits(most: int) -> NoReturn:
    """Raise ValueError with a Text for a number of more digits after the point."""
    if most == 0:
        raise fail("Enter a whole number, without decimals.")
    raise fail("At most %(limit)d decimals.", limit=most)


def count_digits(number: Decimal) -> int:
    """How many digits a number has after the point: exactly, also where it has more of them than reckoning keeps."""
    return len(format(number, "f").partition(".")[2].rstrip("0"))


def store_number(number: Decimal) -> str:
    """A number as it is stored: no exponent, no zeros at the end, no negative zero."""
    return format(number.normalize(), "f") if number else "0"


def find_other_reading(number: Decimal, locale: Locale) -> str:
    """What else a number may mean that has three digits after its point: a thousand times it, as others write that."""
    return format_decimal(number * 1000, locale=locale) if count_digits(number) == 3 else ""


@lru_cache(maxsize=4096)
def write_number(value: str, locale: Locale, digits: int | None, grouping: bool) -> str:
    """A stored number as a locale writes it, with so many digits after the point; None for those that it has."""
    number = Decimal(value)
    count = count_digits(number) if digits is None else max(digits, count_digits(number))
    groups = "#,##,##0" if locale.decimal_formats[None].grouping == (3, 2) else "#,##0"  # as India's lakhs
    pattern = f"{groups if grouping else '0'}{'.' + '0' * count if count else ''}"
    return str(format_decimal(number, format=pattern, locale=locale, group_separator=grouping))


def number_key(value: str) -> str:
    """The sort key of a number: 16 hexadecimal digits in the order of the numbers.

    The bits of an IEEE 754 double sort as integers once the sign bit is turned, and all bits of negative ones.
    """
    (bits,) = struct.unpack(">Q", struct.pack(">d", float(value)))
    return f"{bits ^ (0xFFFFFFFFFFFFFFFF if bits >> 63 else 1 << 63):016x}"


class NumberKind(FieldKind):
    """What numbers have in common. Options: `grouping`, whether thousands are set apart; `digits` after the point, None
    for any; `unit`, which is written behind."""

    is_numeric = True
    is_localized = True
    # The digits where the field does not say.
    digits: int | None = None

    def digits_of(self, field: Definition) -> int | None:
        """How many digits the field's values have after the point."""
        digits: int | None = field.options.get("digits", self.digits)
        return digits

    def most_digits_of(self, field: Definition) -> int:
        """How many they have at most."""
        digits = self.digits_of(field)
        return MOST_DIGITS if digits is None else digits

    def example_of(self, field: Definition) -> str:
        """A number that the field takes, as programs write it."""
        return "1234.5" if self.most_digits_of(field) else "1234"

    def list_affixes(self, field: Definition) -> tuple[str, ...]:
        """What may stand before a number of the field, or behind it; the first is what people know it by."""
        unit = field.options.get("unit")
        return (unit,) if unit else ()

    def affixes(self, field: Definition) -> tuple[str, str]:
        return "", "".join(self.list_affixes(field)[:1])

    def take_number(self, text: str, field: Definition) -> str:
        """The number of a text, which may have the field's unit or currency beside it. Raises ValueError with a Text
        for another one."""
        if len(text) > LONGEST_NUMBER or is_written(spell_digits(text)):
            return text
        affixes = self.list_affixes(field)
        number = without_affixes(text, affixes)
        if affixes and not is_written(spell_digits(number)):
            refuse_others(text, affixes[0], field.locale, currencies="currency" in field.options)
        return number

    def read(self, text: str, field: Definition) -> str:
        most = self.most_digits_of(field)
        number = read_number(self.take_number(text, field), field.locale, most, self.example_of(field))
        if count_digits(number) > most:
            other = find_other_reading(number, field.locale)
            if most == 0 and other:
                raise fail("Did you mean %(other)s? A whole number has no decimals.", other=other)
            if other:
                one = write_number(store_number(Decimal(round(number, most))), field.locale, most, True)
                raise fail("Did you mean %(one)s or %(other)s? Enter it that way.", one=one, other=other)
        return self.keep(number, field)

    def keep(self, number: Decimal, field: Definition) -> str:
        """The value of a number that nobody has to read, as a field had it. Raises ValueError with a Text."""
        most = self.most_digits_of(field)
        if count_digits(number) > most:
            refuse_digits(most)
        return store_number(number)

    def write(self, value: str, field: Definition) -> str:
        return write_number(value, field.locale, self.digits_of(field), False)

    def describe(self, value: str, field: Definition) -> str:
        number = write_number(value, field.locale, self.digits_of(field), bool(field.options.get("grouping")))
        unit = field.options.get("unit")
        return f"{number}\N{NO-BREAK SPACE}{unit}" if unit else number

    def spell(self, value: str, field: Definition) -> str:
        return self.write(value, field)

    def search_text(self, value: str, field: Definition) -> str:
        """As it is shown, as a form has it, with and without groups, and as programs write it."""
        digits, locale = self.digits_of(field), field.locale
        plain, grouped = write_number(value, locale, digits, False), write_number(value, locale, digits, True)
        if value == plain == grouped and not self.list_affixes(field):
            return value
        return " ".join(dict.fromkeys([value, self.describe(value, field), plain, grouped]))

    def sort_key(self, value: str, field: Definition) -> str:
        return number_key(value)

    def unique_key(self, value: str, field: Definition) -> str:
        return value

    def from_json(self, given: Json | Decimal, field: Definition) -> str:
        """As a form has it. Programs write numbers in one way, whatever the locale: a point, and no groups."""
        if isinstance(given, int | Decimal) and not isinstance(given, bool):
            given = format(given, "f")
        if not (text := super().from_json(given, field).strip()):
            return ""
        if not IN_JSON.fullmatch(text):
            raise fail("Enter a plain number, such as %(example)s.", example=self.example_of(field))
        self.keep(limit_whole_digits(Decimal(text)), field)
        return write_number(text, field.locale, None, False)

    def quote_typed(self, text: str, field: Definition) -> str:
        return text

    def cell(self, value: str, field: Definition) -> Cell:
        return Decimal(value)

    def cell_format(self, value: str, field: Definition) -> str:
        digits, unit = self.digits_of(field), field.options.get("unit", "")
        grouping = bool(field.options.get("grouping"))
        if digits is None and not unit and not grouping:
            return ""
        return format_of_number(max(digits or 0, count_digits(Decimal(value))), grouping=grouping, unit=unit)

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        unit = clean_line(str(options.get("unit") or ""))
        if len(unit) > MOST_UNIT:
            raise Invalid(unit=_l("At most %(limit)d characters.", limit=MOST_UNIT))
        return {"grouping": bool(options.get("grouping")), **({"unit": unit} if unit else {})}


class WholeNumberKind(NumberKind):
    """A whole number of up to 15 digits, so that every machine holds it exactly."""

    name = "whole_number"
    label = _l("Whole number")
    inputmode = "numeric"
    digits = 0

    def to_json(self, value: str, field: Definition) -> Json:
        return int(value) if value else None


class DecimalKind(NumberKind):
    """A decimal. Programs get it as a text, so that no digit is lost."""

    name = "decimal"
    label = _l("Decimal number")
    inputmode = "decimal"

    def list_left_out(self, field: Definition) -> Sequence[str]:
        most = field.options.get("digits")
        return [] if most is None else [f"%.{'_' * (most + 1)}%"]

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        kept = dict(super().check_options(options))
        digits = str(options.get("digits") if options.get("digits") is not None else "").strip()
        if digits:
            if not digits.isascii() or not digits.isdigit() or int(digits) > MOST_DIGITS:
                raise Invalid(digits=_l("Enter a number from 0 to %(limit)d.", limit=MOST_DIGITS))
            kept["digits"] = int(digits)
        return kept
