"""Dates and durations."""

from __future__ import annotations

import re
from datetime import date, time, timedelta
from functools import lru_cache
from itertools import permutations

from babel import Locale
from babel.dates import format_date, format_time, get_date_format, get_month_names

from app.folding import fold
from app.records.kinds.kind import Cell, Definition, FieldKind, Json, fail
from app.records.kinds.numbers import number_key
from app.web.texts import _l, drop_unseen

ISO_DATE = re.compile(r"([0-9]{4})-([0-9]{1,2})-([0-9]{1,2})")
THREE_NUMBERS = re.compile(r"([0-9]{1,4})\s?[./ -]\s?([0-9]{1,2})\s?[./ -]\s?([0-9]{1,4})\.?")
EXAMPLE_DATE = "2026-01-31"
# How dates are shown, and else written with the names of their months; no date that is is longer.
SHOWN_FORMATS = ("medium", "long", "full")
LONGEST_SHOWN = 60
DURATION = re.compile(r"(-)?([0-9]{1,5}):([0-5][0-9])")


def make_date(year: int, month: int, day: int) -> date | None:
    """A date, or None where there is none such."""
    try:
        return date(year, month, day)
    except ValueError:
        return None


def order_of_date(locale: Locale) -> str:
    """In which order a locale writes year, month and day in numbers: `ymd`, `dmy` or `mdy`."""
    pattern = get_date_format("short", locale=locale).pattern.lower()
    return "".join(sorted("ymd", key=pattern.index))


@lru_cache(maxsize=4096)
def write_date(value: str, locale: Locale) -> str:
    """A stored date as a locale writes it."""
    return format_date(date.fromisoformat(value), format="medium", locale=locale)


@lru_cache(maxsize=4096)
def spell_date(value: str, locale: Locale) -> str:
    """A stored date in numbers, in the locale's own order, as `read_date` takes it."""
    pattern = get_date_format("short", locale=locale).pattern.lower()
    separator = next((each for each in pattern if each in "./-"), "-")
    year, month, day = value.split("-")
    parts = {
        "y": year,
        "m": month if "mm" in pattern else month.lstrip("0"),
        "d": day if "dd" in pattern else day.lstrip("0"),
    }
    spelled = separator.join(parts[each] for each in order_of_date(locale))
    return spelled if read_date(spelled, locale).isoformat() == value else value


def list_written(value: str, locale: Locale) -> list[str]:
    """A stored date as it is shown, in numbers as people write it, with and without zeros, and as programs write it."""
    spelled = spell_date(value, locale)
    short, long = re.sub(r"\b0+(?=\d)", "", spelled), re.sub(r"\b(\d)\b", r"0\1", spelled)
    return list(dict.fromkeys([value, write_date(value, locale), spelled, short, long]))


def join_words(text: str) -> str:
    """The words and numbers of a text as they are compared, whatever stands between them."""
    return re.sub(r"[\W_]+", " ", fold(drop_unseen(text))).strip()


@lru_cache(maxsize=128)
def list_months(locale: Locale) -> list[tuple[int, str]]:
    """The names that a locale has for each month, as they are compared."""
    named = (get_month_names(width, "format", locale) for width in ("wide", "abbreviated"))
    return [(month, join_words(name)) for names in named for month, name in names.items()]


def find_shown_date(text: str, locale: Locale) -> date | None:
    """The date that a locale shows so; None for another text. What might be one is shown, and compared."""
    words = join_words(text) if len(text) <= LONGEST_SHOWN else ""
    numbers = [int(each) for each in re.findall(r"[0-9]{1,4}", words)]
    if not 2 <= len(numbers) <= 3:
        return None
    months = {month for month, name in list_months(locale) if name in words} if len(numbers) == 2 else ()
    for year, month, day in (
        *((year, month, day) for year, day in permutations(numbers, 2) for month in months),
        *(permutations(numbers) if len(numbers) == 3 else ()),
    ):
        found = make_date(year, month, day)
        if found and words in (join_words(format_date(found, each, locale)) for each in SHOWN_FORMATS):
            return found
    return None


def find_shown_time(text: str, locale: Locale) -> str:
    """The time of day, as `14:05`, that a locale shows so; '' for another text."""
    words = join_words(text) if len(text) <= LONGEST_SHOWN else ""
    numbers = [int(each) for each in re.findall(r"[0-9]{1,2}", words)]
    if len(numbers) != 2 or numbers[1] > 59:
        return ""
    for hour in (numbers[0] % 12, numbers[0] % 12 + 12):
        found = time(hour, numbers[1])
        if words == join_words(format_time(found, "short", locale=locale)):
            return found.isoformat("minutes")
    return ""


def read_date(text: str, locale: Locale) -> date:
    """A date as year-month-day, as browsers send it, in the locale's own order, or as the locale shows it. Raises
    ValueError with a Text.

    What is a date in another order alone, or has a year of two digits, is refused with what it may mean.
    """
    value = text.strip()
    if iso := ISO_DATE.fullmatch(value):
        found = make_date(*map(int, iso.groups()))
        if found:
            return found
        raise fail("There is no such date.")
    if numbers := THREE_NUMBERS.fullmatch(value):
        readings: list[str] = []
        is_shaped = False
        own = order_of_date(locale)
        for order in dict.fromkeys((own, "dmy", "mdy", "ymd")):
            part = dict(zip(order, numbers.groups(), strict=True))
            if len(part["d"]) > 2 or len(part["m"]) > 2 or len(part["y"]) not in (2, 4):
                continue
            is_shaped = is_shaped or order == own
            year = int(part["y"]) + (2000 if len(part["y"]) == 2 else 0)
            found = make_date(year, int(part["m"]), int(part["d"]))
            if found and order == own and len(part["y"]) == 4:
                return found
            if found and found.isoformat() not in readings:
                readings.append(found.isoformat())
        offered = [spell_date(reading, locale) for reading in readings]
        if len(offered) > 1:
            raise fail("Did you mean %(one)s or %(other)s? Enter it that way.", one=offered[0], other=offered[1])
        if offered:
            raise fail("Did you mean %(one)s? Enter it that way.", one=offered[0])
        if is_shaped:
            raise fail("There is no such date.")
    if shown := find_shown_date(value, locale):
        if shown.year >= 100:
            return shown
        one, other = (spell_date(f"{year:04}{shown:-%m-%d}", locale) for year in (2000 + shown.year, shown.year))
        raise fail("Did you mean %(one)s or %(other)s? Enter it that way.", one=one, other=other)
    raise fail("Enter a date, such as %(example)s.", example=spell_date(EXAMPLE_DATE, locale))


class DateKind(FieldKind):
    """A day."""

    name = "date"
    label = _l("Date")
    control = "date"
    is_localized = True
    breaks = False

    def read(self, text: str, field: Definition) -> str:
        return read_date(text, field.locale).isoformat()

    def describe(self, value: str, field: Definition) -> str:
        return write_date(value, field.locale)

    def spell(self, value: str, field: Definition) -> str:
        return spell_date(value, field.locale)

    def from_json(self, given: Json, field: Definition) -> str:
        """As a form has it. Programs write year, month and day, whatever the locale."""
        text = super().from_json(given, field).strip()
        if text and not ISO_DATE.fullmatch(text):
            raise fail("Enter a date in ISO format, such as %(example)s.", example=EXAMPLE_DATE)
        return text

    def search_text(self, value: str, field: Definition) -> str:
        return " ".join(list_written(value, field.locale))

    def sort_key(self, value: str, field: Definition) -> str:
        return value

    def cell(self, value: str, field: Definition) -> Cell:
        return date.fromisoformat(value)


class DurationKind(FieldKind):
    """Hours and minutes, stored as minutes."""

    name = "duration"
    label = _l("Duration")
    inputmode = "numeric"
    placeholder = "1:30"
    is_numeric = True

    def read(self, text: str, field: Definition) -> str:
        found = DURATION.fullmatch(text.strip().replace("\N{MINUS SIGN}", "-"))
        if not found:
            raise fail("Enter hours and minutes, such as 1:30.")
        minutes = int(found[2]) * 60 + int(found[3])
        return str(-minutes if found[1] else minutes)

    def write(self, value: str, field: Definition) -> str:
        hours, minutes = divmod(abs(int(value)), 60)
        return f"{'-' if value.startswith('-') else ''}{hours}:{minutes:02d}"

    def describe(self, value: str, field: Definition) -> str:
        return self.write(value, field)

    def cell(self, value: str, field: Definition) -> Cell:
        return timedelta(minutes=int(value))

    def to_json(self, value: str, field: Definition) -> Json:
        return int(value) if value else None

    def from_json(self, given: Json, field: Definition) -> str:
        if isinstance(given, int) and not isinstance(given, bool):
            return self.write(str(given), field)
        return super().from_json(given, field)

    def sort_key(self, value: str, field: Definition) -> str:
        return number_key(value)

    def unique_key(self, value: str, field: Definition) -> str:
        return value
