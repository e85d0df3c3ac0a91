"""What was exported as JSON, read without trust: a file may have been made or changed by anybody."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

from msgspec import Struct, field

from app.web.forms import Invalid
from app.web.texts import _l

SPACE = re.compile(r"[ \t\n\r]*")
# How an object begins, and no table: a field's name in quotation marks would end with what separates it from others.
BEGINS = re.compile(r'\s*\{\s*["}]')
JSON_NUMBER = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,10})?")
LONGEST_WHOLE = 18
# What no text has: characters that are none, halves of some, and those that mark mentions (web/forms.py).
UNREADABLE = re.compile("[\0\ud800-\udfff\ufdd0-\ufdef]")
MOST_NESTED = 20
NESTED_TOO_DEEPLY = _l("This JSON is nested too deeply.")


class TooLong(float):
    """A number that no field holds: of no size that anything is reckoned with, and said as it stands in the file."""

    text = ""

    @classmethod
    def said(cls, text: str) -> TooLong:
        """The one that a text is."""
        made = cls("inf")
        made.text = text
        return made

    def __str__(self) -> str:
        return self.text


def is_json(text: str) -> bool:
    """Whether a text is JSON rather than a table."""
    return BEGINS.match(text.lstrip("\ufeff")) is not None


def as_text(given: object) -> str:
    """A text as forms have it; '' for what is none."""
    return UNREADABLE.sub("", given) if isinstance(given, str) else ""


def as_list(given: object) -> list[Any]:
    """A list; an empty one for what is none."""
    return given if isinstance(given, list) else []


def as_dict(given: object) -> dict[str, Any]:
    """An object; an empty one for what is none."""
    return given if isinstance(given, dict) else {}


class JsonRecord(Struct):
    """A record of a file: the line that it begins in, how it stands there, and what it is read as."""

    at: int
    text: str
    value: Any


class JsonFile(Struct):
    """What a file says: everything but its records, and those. `head` is how the text before them stands there."""

    said: dict[str, Any] = field(default_factory=dict)
    records: list[JsonRecord] = field(default_factory=list)


class NotRead(Exception):
    """The text can't be read on from a place."""

    def __init__(self, at: int) -> None:
        super().__init__(at)
        self.at = at


def join_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object, each of whose names comes once. Raises Invalid."""
    found = dict(pairs)
    if len(found) < len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise Invalid(table=_l("“%(name)s” appears twice.", name=as_text(twice)[:60]))
    return found


def refuse_constant(name: str) -> Any:
    """NaN and the infinities, which are no JSON. Raises Invalid."""
    raise Invalid(table=_l("%(name)s is not a number.", name=name))


def read_whole(text: str) -> int | float:
    """A whole number, if it is none of those that take long to be read."""
    return int(text) if len(text) <= LONGEST_WHOLE else TooLong.said(text)


def read_fraction(text: str) -> Decimal | float:
    """A number with digits after the point, exactly."""
    return Decimal(text) if JSON_NUMBER.fullmatch(text) else TooLong.said(text)


def check_nesting(value: Any) -> None:
    """Raise Invalid for what is nested deeper than anything of ours."""
    level = [value]
    for _ in range(MOST_NESTED):
        level = [
            each
            for outer in level
            if isinstance(outer, dict | list)
            for each in (outer.values() if isinstance(outer, dict) else outer)
        ]
        if not level:
            return
    raise Invalid(table=NESTED_TOO_DEEPLY)


JSON_DECODER = json.JSONDecoder(
    object_pairs_hook=join_once, parse_int=read_whole, parse_float=read_fraction, parse_constant=refuse_constant
)


class JsonReader:
    """A place in a text that is read from its beginning to its end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0

    def peek(self) -> str:
        """The next character that is no space; '' at the end."""
        space = SPACE.match(self.text, self.at)
        self.at = space.end() if space else self.at
        return self.text[self.at : self.at + 1]

    def take(self, *characters: str) -> str:
        """One of some characters, which has to be next."""
        found = self.peek()
        if found not in characters or not found:
            raise NotRead(self.at)
        self.at += 1
        return found

    def value(self) -> Any:
        """A value, whatever it is."""
        self.peek()
        try:
            found, self.at = JSON_DECODER.raw_decode(self.text, self.at)
        except json.JSONDecodeError as error:
            raise NotRead(error.pos) from error
        check_nesting(found)
        return found

    def items(self, end: str) -> Iterator[None]:
        """Stands before each item of an object or list, whose beginning was taken, until its end is."""
        if self.peek() == end:
            self.at += 1
            return
        yield
        while self.take(",", end) == ",":
            yield


def read_json_file(text: str, most: int) -> JsonFile:
    """Read what was exported as JSON, of at most so many records. Raises Invalid with what is wrong, and where.

    It takes as long as the text is, not longer: no number is read that has more digits than fields hold, and what is
    nested deeper than anything of ours is refused.
    """
    reader = JsonReader(text.lstrip("\ufeff"))
    try:
        found = read_members(reader, most)
        if reader.peek():
            raise NotRead(reader.at)
    except NotRead as error:
        line = reader.text.count("\n", 0, error.at) + 1
        place = error.at - reader.text.rfind("\n", 0, error.at)
        raise Invalid(
            table=_l(
                "This is not valid JSON: there is an error on line %(line)d, character %(place)d.",
                line=line,
                place=place,
            )
        ) from error
    except RecursionError as error:
        raise Invalid(table=NESTED_TOO_DEEPLY) from error
    if not found.records:
        raise Invalid(table=_l("This JSON has no “records”. Files exported from here do."))
    return found


def read_members(reader: JsonReader, most: int) -> JsonFile:
    """The object that a file is."""
    found, names = JsonFile(), set()
    reader.take("{")
    for _ in reader.items("}"):
        if reader.peek() != '"':
            raise NotRead(reader.at)
        name = reader.value()
        if name in names:
            join_once([(name, None), (name, None)])
        names.add(name)
        reader.take(":")
        if name == "records" and reader.peek() == "[":
            read_records(reader, found.records, most)
        else:
            found.said[name] = reader.value()
    return found


def read_records(reader: JsonReader, records: list[JsonRecord], most: int) -> None:
    """The records of a file, each with its place among them."""
    reader.take("[")
    for _ in reader.items("]"):
        if len(records) == most:
            raise Invalid(table=_l("At most %(limit)d records at a time.", limit=most))
        reader.peek()
        begin = reader.at
        value = reader.value()
        records.append(JsonRecord(len(records) + 1, reader.text[begin : reader.at], value))
