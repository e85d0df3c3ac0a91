"""Yes or no, and choices. A value has the ids of choices: one may be called otherwise, and no record changes.

Forms name a choice by `#` and its id; people and programs by its name, whatever its case, width or form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from markupsafe import Markup

from app.records.kinds.kind import Cell, Definition, FieldChoice, FieldKind, Json, fail
from app.web.texts import _l, fold, keep_direction, translations

CHOICE_REFERENCE = re.compile(r"#([0-9]{1,6})")


class YesNoKind(FieldKind):
    """Yes, or no, which is no value."""

    name = "yes_no"
    label = _l("Yes or no")
    control = "tick"
    shows_none = True
    is_searched = False
    can_be_unique = False

    def read(self, text: str, field: Definition) -> str:
        return "yes" if text.strip().lower() in ("yes", "on", "true", "1") else ""

    def describe(self, value: str, field: Definition) -> str:
        language = str(field.locale)
        return translations(language).gettext("Yes") if value else translations(language).gettext("No")

    def sort_key(self, value: str, field: Definition) -> str:
        return value

    def cell(self, value: str, field: Definition) -> Cell:
        return bool(value)

    def to_json(self, value: str, field: Definition) -> Json:
        return bool(value)

    def from_json(self, given: Json, field: Definition) -> str:
        if isinstance(given, bool) or given is None:
            return "yes" if given else ""
        return super().from_json(given, field)


def find_choice(choices: Iterable[FieldChoice], text: str) -> FieldChoice | None:
    """The choice that a form or a person means."""
    reference = CHOICE_REFERENCE.fullmatch(text)
    if reference:
        return next((choice for choice in choices if choice["id"] == int(reference[1])), None)
    wanted = fold(text)
    named = [choice for choice in choices if fold(choice["name"]) == wanted]
    return min(named, key=lambda choice: (choice["archived"], choice["name"] != text), default=None)


def read_choice(text: str, field: Definition) -> FieldChoice:
    """The choice of a text, if it can still be chosen. Raises ValueError with a Text."""
    choice = find_choice(field.choices, " ".join(text.split()))
    if choice is None:
        raise fail("Choose one of the list.")
    if choice["archived"]:
        raise fail("“%(name)s” can't be chosen any more.", name=choice["name"])
    return choice


def split_line(text: str, field: Definition) -> list[str]:
    """What a line names: one choice, or several with semicolons between them."""
    one = find_choice(field.choices, " ".join(text.split()))
    return [each for each in ([text] if one else text.split(";")) if each.strip()]


class ChoiceKind(FieldKind):
    """One of the choices."""

    name = "choice"
    label = _l("Choice")
    control = "choice"
    has_choices = True

    def chosen(self, value: str, field: Definition) -> list[FieldChoice]:
        """The choices of a value, in their order; one that is not there any more is left out."""
        ids = value.split()
        return [choice for choice in field.choices if str(choice["id"]) in ids]

    def marked(self, text: str, field: Definition) -> set[int]:
        """The ids of the choices that a form has, also of those that can't be chosen any more."""
        found = (find_choice(field.choices, " ".join(each.split())) for each in text.split("\n") if each.strip())
        return {choice["id"] for choice in found if choice}

    def read(self, text: str, field: Definition) -> str:
        return str(read_choice(text, field)["id"])

    def write(self, value: str, field: Definition) -> str:
        there = [str(choice["id"]) for choice in self.chosen(value, field)]
        gone = [each for each in value.split() if each not in there]
        return "\n".join(f"#{choice_id}" for choice_id in (*there, *gone))

    def describe(self, value: str, field: Definition) -> str:
        return "; ".join(choice["name"] for choice in self.chosen(value, field))

    def describe_unread(self, text: str, field: Definition) -> str:
        """By name, also what can't be chosen any more."""
        typed = [" ".join(each.split()) for line in text.split("\n") for each in split_line(line, field)]
        found = [(find_choice(field.choices, each), each) for each in typed]
        return "; ".join(choice["name"] if choice else each for choice, each in found)

    def show(self, value: str, field: Definition) -> Markup:
        tag = Markup('<span class="tag" data-color="{}">{}</span>')
        return Markup(" ").join(
            tag.format(choice["color"], keep_direction(choice["name"])) for choice in self.chosen(value, field)
        )

    def search_text(self, value: str, field: Definition) -> str:
        return " ".join(choice["name"] for choice in self.chosen(value, field))

    def sort_key(self, value: str, field: Definition) -> str:
        places = {str(choice["id"]): place for place, choice in enumerate(field.choices)}
        return "".join(f"{place:04d}" for place in sorted(places[each] for each in value.split() if each in places))

    def unique_key(self, value: str, field: Definition) -> str:
        return value

    def to_json(self, value: str, field: Definition) -> Json:
        return int(value) if value else None

    def from_json(self, given: Json, field: Definition) -> str:
        return (
            f"#{given}" if isinstance(given, int) and not isinstance(given, bool) else super().from_json(given, field)
        )


class ChoicesKind(ChoiceKind):
    """Several of the choices."""

    name = "choices"
    label = _l("Several choices")
    control = "choices"
    can_be_unique = False

    def join(self, typed: Sequence[str], field: Definition) -> str:
        return "\n".join(each for each in typed if each)

    def read(self, text: str, field: Definition) -> str:
        chosen = {read_choice(each, field)["id"] for line in text.split("\n") for each in split_line(line, field)}
        return " ".join(map(str, sorted(chosen)))

    def cell(self, value: str, field: Definition) -> Cell:
        return "\n".join(choice["name"] for choice in self.chosen(value, field)) or None

    def to_json(self, value: str, field: Definition) -> Json:
        return [int(each) for each in value.split()]

    def from_json(self, given: Json, field: Definition) -> str:
        if isinstance(given, list):
            return "\n".join(ChoiceKind.from_json(self, each, field) for each in given)
        return super().from_json(given, field)
