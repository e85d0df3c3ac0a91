"""Fields and their values as tests speak of them: by keys, and by the names of choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from babel import Locale

from app.records.choices import name_choices
from app.records.fields import Field
from app.records.kinds.known_people import People
from app.records.records import Record

# The refs of the demo's books in acme.
TITLE, AUTHOR, YEAR, ISBN, LANGUAGE, STATUS, NOTES = (f"f{number}" for number in range(1, 8))

# Members whom no workspace has: two of one name, one who was removed, one whose name has a comma.
PEOPLE = People(
    [
        (1, "Ana Lima", "ana@acme.test", True),
        (2, "Bruno", "bruno@acme.test", True),
        (3, "Bruno", "b@acme.test", True),
        (4, "Zé <b>", None, False),
        (5, "Silva, Ana", "silva@acme.test", True),
    ]
)


def typed_of(record: Record, **others: str) -> dict[str, str]:
    """What the form of one of these books has, with other texts in some fields by their keys."""
    keys = ("title", "author", "year", "isbn", "language", "status", "notes")
    kept = {ref: f"#{value}" if ref == STATUS else value for ref, value in record.values.items()}
    return kept | {f"f{keys.index(key) + 1}": text for key, text in others.items()}


def make_field(kind_name: str, *, locale: str = "en", choices: Iterable[str] = (), **options: Any) -> Field:
    """A field that no collection has."""
    field = Field(id=1, key="it", label="It", kind_name=kind_name, choices=name_choices(list(choices)), options=options)
    field.help, field.default, field.read_only_for = "", "", []
    field.locale, field.language = Locale.parse(locale), locale
    field.people = PEOPLE
    return field


def by_key(fields: Iterable[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """What is known by the refs of fields, by their keys; what a choice has, by its name."""

    def name(field: Field) -> Any:
        value = values[field.ref]
        return field.describe(value) if field.kind.has_choices and isinstance(value, str) else value

    return {field.key: name(field) for field in fields if field.ref in values}
