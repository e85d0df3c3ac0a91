"""Fields and their values as tests speak of them: by keys, and by the names of choices."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from babel import Locale

from app.records.definitions import name_choices
from app.records.fields import Field


def make_field(kind_name: str, *, locale: str = "en", choices: Iterable[str] = (), **options: Any) -> Field:
    """A field that no collection has."""
    field = Field(id=1, key="it", label="It", kind_name=kind_name, choices=name_choices(list(choices)), options=options)
    field.locale = Locale.parse(locale)
    return field


def by_key(fields: Iterable[Field], values: Mapping[str, Any]) -> dict[str, Any]:
    """What is known by the refs of fields, by their keys; what a choice has, by its name."""

    def name(field: Field) -> Any:
        value = values[field.ref]
        return field.describe(value) if field.kind.has_choices and isinstance(value, str) else value

    return {field.key: name(field) for field in fields if field.ref in values}
