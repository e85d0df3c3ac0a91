"""Records that are imported as they were exported as JSON: from this collection, or from one of anywhere.

What is of this collection is known by ids: its fields, its choices, and its records by their numbers. What is of
another one is known by keys and names, and its records are added, the oldest first. People are known by their ids in
the same workspace, and by their addresses elsewhere. A workspace is the same that has the same id and was made at the
same moment.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from functools import partial
from typing import Any

from msgspec import Struct

from app.database import Transaction
from app.folding import fold
from app.records.collections import Collection
from app.records.exports import describe_origin
from app.records.fields import MOST_FIELDS, Field, Fields
from app.records.import_lines import NO_FIELD, Line, ReadCell, why_left_out
from app.records.json_files import JsonFile, JsonRecord, TooLong, as_dict, as_list, as_text
from app.records.kinds import FIELD_KINDS
from app.records.kinds.choices import index_of
from app.records.kinds.kind import LONGEST_VALUE, Json, fail
from app.web.forms import Invalid
from app.web.texts import Text, _l

MOST_OF_A_VALUE = 500
# More than work in any workspace.
MOST_PEOPLE = 10_000
# How many of the names that no field has are said.
MOST_SAID = MOST_FIELDS


class FileField(Struct, frozen=True):
    """A field as a file has it, and the one here that it is."""

    field: Field
    kind_name: str = ""
    choices: Mapping[int, str] | None = None
    is_this: bool = False

    @property
    def has_choices(self) -> bool:
        """Whether its values are choices."""
        return self.kind_name in FIELD_KINDS and FIELD_KINDS[self.kind_name].has_choices

    @property
    def names_people(self) -> bool:
        """Whether its values are people."""
        return self.kind_name in FIELD_KINDS and FIELD_KINDS[self.kind_name].names_people


class JsonSource:
    """The records of a file. What no field here is called by is left out."""

    def __init__(self, fields: Fields, file: JsonFile, origin: Mapping[str, Any]) -> None:
        self.file = file
        workspace, collection = as_dict(file.said.get("workspace")), as_dict(file.said.get("collection"))
        self.is_here = workspace == origin["workspace"]
        own = origin["collection"]
        self.is_same = self.is_here and all(collection.get(each) == own[each] for each in ("id", "created_at"))
        people = as_list(file.said.get("people"))
        if len(people) > MOST_PEOPLE:
            raise Invalid(table=_l("At most %(limit)d people at a time.", limit=MOST_PEOPLE))
        self.people = {
            each["id"]: (as_text(each.get("name")), as_text(each.get("address")))
            for each in map(as_dict, people)
            if isinstance(each.get("id"), int)
        }
        self.by_address = {
            email.lower(): member_id
            for field in fields
            for member_id, _, email, can_be in field.people.rows.values()
            if email and can_be
        }
        self.columns: dict[str, FileField] = {}
        self.left_out: list[tuple[str, Text]] = []
        self.empty_columns: list[str] = []
        self.match_fields(fields, as_list(collection.get("fields")))
        self.lines = [self.make_line(record) for record in file.records]
        self.takes_times = any(
            not time.endswith("Z")  # as an export has it, which says the zone of each
            for key, column in self.columns.items()
            if column.field.kind.tells_time and column.field.kind.is_typed
            for record in file.records
            if (time := as_text(as_dict(as_dict(record.value).get("values")).get(key)))
        )
        if not self.is_same:
            self.lines.sort(key=lambda line: number_said(line.said.value))

    def match_fields(self, fields: Fields, said: Sequence[Any]) -> None:
        """Find the field of each name that the values of the file may have. Raises Invalid where two are one."""
        by_id = {field.id: field for field in fields} if self.is_same else {}
        by_label = {fold(field.label): field for field in fields}
        by_key = {field.key: field for field in fields}
        for each in map(as_dict, said):
            key, name, field_id = as_text(each.get("key")), as_text(each.get("name"))[:200], each.get("id")
            field = by_id.get(field_id) if isinstance(field_id, int) else None
            field = field or by_key.get(key) or by_label.get(fold(name))
            if field is None:
                self.leave_out(name or key, NO_FIELD)
                continue
            if key in self.columns or field in [column.field for column in self.columns.values()]:
                raise Invalid(table=_l("The field “%(name)s” appears twice.", name=field.label))
            choices = {
                choice["id"]: as_text(choice.get("name"))[:LONGEST_VALUE]
                for choice in map(as_dict, as_list(each.get("choices")))
                if isinstance(choice.get("id"), int)
            }
            kind_name = as_text(each.get("kind"))
            self.columns[key] = FileField(field, kind_name, choices, self.is_same and field.id == field_id)
        known = {as_text(as_dict(each).get("key")) for each in said}
        here = {column.field.key for column in self.columns.values()}
        for record in self.file.records:
            for key in as_dict(as_dict(record.value).get("values")):
                if key not in known:
                    known.add(key)
                    if key in by_key and key not in here:
                        self.columns[key] = FileField(by_key[key])
                    else:
                        self.leave_out(as_text(key), NO_FIELD)
        for column in self.columns.values():
            if reason := why_left_out(column.field):
                self.left_out.append((column.field.label, reason))

    def leave_out(self, name: str, reason: Text) -> None:
        """Note what is not taken: of more than a collection has fields the first, and that there are others."""
        if len(self.left_out) <= MOST_SAID:
            self.left_out.append((name[:60] if len(self.left_out) < MOST_SAID else "…", reason))

    def make_line(self, record: JsonRecord) -> Line:
        """The line of a record."""
        said = as_dict(record.value)
        number, version = said.get("number"), said.get("version")
        version = version if self.is_same and isinstance(version, int) else 0
        place = _l("Item %(item)d", item=record.at)
        if number is not None:
            place = _l("Item %(item)d, number %(number)s", item=record.at, number=str(number)[:40])
        cells = [as_cell(value) for value in as_dict(said.get("values")).values()]
        line = Line(record.at, place, list(filter(None, cells)) or [record.text[:200]], version=version, said=record)
        if not isinstance(said.get("values"), dict):
            line.errors.append(("", _l("This is not a record: it has no “values”.")))
        if self.is_same and number is not None:
            line.number = str(number)[:40] or "?"
        return line

    def cells(self, line: Line) -> Iterator[tuple[Field, ReadCell]]:
        """The values of a record."""
        values = as_dict(as_dict(line.said.value).get("values"))
        for key, column in self.columns.items():
            if key in values and column.field.kind.is_typed:
                yield column.field, partial(self.read, column, values[key])

    def read(self, column: FileField, given: Json, before: str) -> str:
        """The value of what a file has. Raises ValueError with a Text. What is as an export gives it is not touched,
        and not judged."""
        field = column.field
        if column.is_this and before and given == field.kind.to_json(before, field):
            return before
        parts = given if isinstance(given, list) else [given]
        if len(parts) > MOST_OF_A_VALUE or any(isinstance(each, list) for each in parts):
            raise fail("This is not of the right type.")
        if any(isinstance(each, float) for each in parts):
            raise fail("This number has more digits than a field can hold.")
        if any(isinstance(each, str) and len(each) > LONGEST_VALUE for each in parts):
            raise fail("At most %(limit)d characters.", limit=LONGEST_VALUE)
        text = as_text(self.text_of(column, given, [each for each in parts if each is not None]))
        return field.read(text, before)

    def text_of(self, column: FileField, given: Json, parts: Sequence[Any]) -> str:
        """What a file has, as one would type it here. Raises ValueError with a Text."""
        field = column.field
        if column.has_choices and not (column.is_this and field.kind.has_choices):
            return "\n".join(self.choice_here(column, each) for each in parts)
        if column.names_people and not (self.is_here and field.kind.names_people):
            return "\n".join(self.person_here(field, each) for each in parts)
        if field.kind.has_choices or field.kind.names_people:
            return "\n".join(field.kind.from_json(self.as_name(column, each), field) for each in parts)
        return field.kind.from_json(given, field)

    def as_name(self, column: FileField, given: Json) -> Json:
        """A number of a file as a name, where it is no choice's or person's there."""
        is_number = isinstance(given, int | Decimal) and not isinstance(given, bool)
        is_id = column.has_choices if column.field.kind.has_choices else column.names_people
        return str(given) if is_number and column.kind_name and not is_id else given

    def choice_here(self, column: FileField, given: object) -> str:
        """A choice of another field, as one would choose it here: by its name."""
        name = (column.choices or {}).get(given) if isinstance(given, int) else as_text(given)
        if not name or isinstance(given, bool):
            raise fail("There is no such choice in the file.")
        if not column.field.kind.has_choices:
            return name
        found = index_of(column.field).find_name(name)
        if found is None:
            raise fail("There is no choice “%(name)s” here.", name=name[:60])
        return f"#{found['id']}"

    def person_here(self, field: Field, given: object) -> str:
        """Somebody of another workspace, as one would choose them here: by their address, or by name where they have
        none."""
        if isinstance(given, int) and given not in self.people:
            raise fail("There is no such person in the file.")
        name, address = self.people[given] if isinstance(given, int) else (as_text(given), "")
        if not field.kind.names_people or not address:
            return name
        found = self.by_address.get(address.lower())
        if found is None:
            raise fail("No one here has the address %(address)s.", address=address[:100])
        return f"#{found}"

    def write(self, lines: Sequence[Line]) -> str:
        """Some of the records, with all that the file says beside them."""
        said = ",\n".join(f"{json.dumps(name)}: {write_again(value)}" for name, value in self.file.said.items())
        records = ",\n".join(line.said.text for line in lines)
        return f'{{{said}{"," if said else ""}\n"records": [\n{records}\n]}}\n'


def as_cell(value: object) -> str:
    """A value of a file, as one knows the record by it."""
    is_plain = isinstance(value, str | TooLong)
    said = str(value) if is_plain else "" if value is None else json.dumps(value, default=str)
    return as_text(said)[:200]


def number_said(value: object) -> int:
    """The number of a record in a file; 0 where it has none."""
    number = as_dict(value).get("number")
    return number if isinstance(number, int) else 0


def write_again(value: object) -> str:
    """What a file says beside its records."""
    return json.dumps(without_too_long(value), ensure_ascii=False, default=str)


def without_too_long(value: object) -> object:
    """What was said, without numbers that no field holds."""
    if isinstance(value, dict):
        return {name: without_too_long(each) for name, each in value.items()}
    if isinstance(value, list):
        return [without_too_long(each) for each in value]
    return None if isinstance(value, float) else value


async def open_json(transaction: Transaction, collection: Collection, fields: Fields, file: JsonFile) -> JsonSource:
    """The records of a file. Raises Invalid."""
    origin = describe_origin(transaction.tenant, collection)
    return await asyncio.to_thread(JsonSource, fields, file, origin)
