"""Yes or no, and choices. A value has the ids of choices: one may be called otherwise, and no record changes.

Forms name a choice by `#` and its id; people and programs by its name, whatever its case, width or form, and whatever
nobody sees in it. They say of a tick that it is set by a mark that is no word of any language.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cached_property

from markupsafe import Markup

from app.folding import fold
from app.records.kinds.kind import Cell, Definition, FieldChoice, FieldKind, Json, fail
from app.records.tables import read_word, write_word
from app.web.texts import _l, drop_unseen, keep_direction

# A name of a choice has fewer letters, in any form.
LONGEST_CHOICE = 1_000
# More choices than any field has: what names more is not looked through.
MOST_CHOICES_NAMED = 500
# Of a name that there is none of, so much is said.
MOST_OF_A_NAME = 60
CHOICE_REFERENCE = re.compile(r"#([0-9]{1,6})")


# What a form and a program say of a tick that is set, and what a page's own input sends of it.
TICKED = "#yes"
SENT_OF_A_TICK = ("yes", "on")
# What is not ticked comes after what is.
SORT_KEY_OF_NO = "~"


class YesNoKind(FieldKind):
    """Yes, or no, which is no value."""

    name = "yes_no"
    label = _l("Yes or no")
    control = "tick"
    shows_none = True
    is_searched = False
    can_be_unique = False

    def join(self, typed: Sequence[str], field: Definition) -> str:
        text = super().join(typed, field)
        return TICKED if text in SENT_OF_A_TICK else text

    def write(self, value: str, field: Definition) -> str:
        return TICKED if value else ""

    def describe_unread(self, text: str, field: Definition, kept: str = "") -> str:
        return self.describe(text, field) if text in ("", TICKED) else text

    def read(self, text: str, field: Definition) -> str:
        if text == TICKED:
            return "yes"
        word = read_word(text, field.language)
        if word is None:
            raise fail("Enter yes or no.")
        return "yes" if word else ""

    def describe(self, value: str, field: Definition) -> str:
        return write_word(bool(value), field.language)

    def sort_key(self, value: str, field: Definition) -> str:
        return value or SORT_KEY_OF_NO

    def cell(self, value: str, field: Definition) -> Cell:
        return bool(value)

    def to_json(self, value: str, field: Definition) -> Json:
        return bool(value)

    def from_json(self, given: Json, field: Definition) -> str:
        if isinstance(given, bool) or given is None:
            return self.write("yes" if given else "", field)
        return super().from_json(given, field)


class ChoiceIndex:
    """The choices of a field as they are looked for: by id, each with its place in their order, and by name."""

    def __init__(self, choices: Sequence[FieldChoice]) -> None:
        self.choices = choices
        self.places = {str(choice["id"]): (place, choice) for place, choice in enumerate(choices)}

    @cached_property
    def named(self) -> dict[str, list[FieldChoice]]:
        """The choices of each name, whatever its case, width or form, and what nobody sees in it."""
        named: dict[str, list[FieldChoice]] = {}
        for choice in self.choices:
            named.setdefault(fold(drop_unseen(choice["name"])), []).append(choice)
        return named

    @cached_property
    def have_commas(self) -> bool:
        """Whether any of the names has a comma, so that none separates them."""
        return any("," in choice["name"] for choice in self.choices)

    def count_most(self, between: str) -> int:
        """How many times the name that has most of it has something in it."""
        return max((choice["name"].count(between) for choice in self.choices), default=0)

    @cached_property
    def by_names(self) -> NamedChoices:
        """The same choices, as they are looked for by names alone."""
        return NamedChoices(self.choices)

    @cached_property
    def tags(self) -> dict[int, Markup]:
        """What pages show of each choice, by its id."""
        tag = Markup('<span class="tag" data-color="{}">{}</span>')
        return {
            choice["id"]: tag.format(choice["color"], keep_direction(choice["name"]))
            for _, choice in self.places.values()
        }

    def find(self, text: str) -> FieldChoice | None:
        """The choice that a form or a person means."""
        text = " ".join(text.split())
        if reference := CHOICE_REFERENCE.fullmatch(drop_unseen(text)):
            return self.places.get(reference[1].lstrip("0"), (0, None))[1]
        return self.find_name(text)

    def find_name(self, text: str) -> FieldChoice | None:
        """The choice of a name."""
        named = self.named.get(fold(drop_unseen(text)), ()) if len(text) <= LONGEST_CHOICE else ()
        return min(named, key=lambda choice: (choice["archived"], choice["name"] != text), default=None)


class NamedChoices(ChoiceIndex):
    """Choices as they are looked for by who knows no ids: `#3` is a name."""

    def find(self, text: str) -> FieldChoice | None:
        return self.find_name(" ".join(text.split()))


NO_CHOICES = ChoiceIndex(())


def index_of(field: Definition) -> ChoiceIndex:
    """The choices of a field as they are looked for, made once for those that it has."""
    if field.indexed.choices is not field.choices:
        field.indexed = ChoiceIndex(field.choices)
    return field.indexed


def split_names(text: str, between: str, index: ChoiceIndex) -> list[str]:
    """The names in a text with something between them, which one of them may have in it: the longest are found."""
    if index.find(text):
        return [text]
    parts = text.split(between, MOST_CHOICES_NAMED)
    longest = index.count_most(between) + 1
    names: list[str] = []
    while parts and longest > 1:
        tried = range(min(longest, len(parts)), 1, -1)
        taken = next((count for count in tried if index.find(between.join(parts[:count]))), 1)
        names.append(between.join(parts[:taken]))
        del parts[:taken]
    return names + parts


def split_choices(text: str, index: ChoiceIndex) -> list[str]:
    """What a text names, each once: one choice on a line, or several with semicolons between them, or with commas where
    no choice has one. Of more than there could be, what is too much is one that there is none of."""
    parts = list(dict.fromkeys(line.strip() for line in text.split("\n", MOST_CHOICES_NAMED)))
    for between in ";" if index.have_commas else ";,":
        split = (split_names(part, between, index) for part in parts)
        parts = list(dict.fromkeys(each for found in split for each in found))[: MOST_CHOICES_NAMED + 1]
    return list(dict.fromkeys(" ".join(each.split()) for each in parts if each.strip()))


def refer_to(name: str, index: NamedChoices) -> str:
    """The reference of the choice of a name, as forms have it; a name of none as it stands. Raises ValueError with a
    Text for one that would be read as a reference."""
    found = index.find(name)
    if found is None and CHOICE_REFERENCE.fullmatch(drop_unseen(" ".join(name.split()))):
        raise fail("There is no choice “%(name)s” here.", name=name[:MOST_OF_A_NAME])
    return f"#{found['id']}" if found else name


def read_choice(text: str, field: Definition, kept: str = "", *, several: bool = False) -> FieldChoice:
    """The choice of a text, if it can still be chosen, or is `kept`. Raises ValueError with a Text, which says how
    several are written where there may be."""
    choice = index_of(field).find(text)
    if choice is None:
        name = " ".join(text.split())[:MOST_OF_A_NAME]
        if CHOICE_REFERENCE.fullmatch(name):  # one that was there when a form was opened
            raise fail("Choose one from the list.")
        if several:
            raise fail("There is no choice “%(name)s” here. Separate several with semicolons.", name=name)
        raise fail("There is no choice “%(name)s” here.", name=name)
    if choice["archived"] and str(choice["id"]) not in kept.split():
        raise fail("“%(name)s” can no longer be chosen.", name=choice["name"])
    return choice


class ChoiceKind(FieldKind):
    """One of the choices."""

    name = "choice"
    label = _l("Choice")
    control = "choice"
    has_choices = True

    def chosen(self, value: str, field: Definition) -> list[FieldChoice]:
        """The choices of a value, in their order; one that is not there any more is left out."""
        places = index_of(field).places
        found = sorted((places[each] for each in value.split() if each in places), key=lambda each: each[0])
        return [choice for _, choice in found]

    def marked(self, text: str, field: Definition) -> set[int]:
        """The ids of the choices that a form has, also of those that can't be chosen any more."""
        found = map(index_of(field).find, split_choices(text, index_of(field)))
        return {choice["id"] for choice in found if choice}

    def read(self, text: str, field: Definition) -> str:
        return self.read_over(text, field, "")

    def read_over(self, text: str, field: Definition, before: str) -> str:
        return str(read_choice(text, field, before)["id"])

    def write(self, value: str, field: Definition) -> str:
        there = [str(choice["id"]) for choice in self.chosen(value, field)]
        gone = [each for each in value.split() if each not in there]
        return "\n".join(f"#{choice_id}" for choice_id in (*there, *gone))

    def list_entries(self, value: str) -> list[str]:
        return value.split()

    def describe(self, value: str, field: Definition) -> str:
        return "; ".join(choice["name"] for choice in self.chosen(value, field))

    def describe_unread(self, text: str, field: Definition, kept: str = "") -> str:
        """By name, also what can't be chosen any more."""
        index = index_of(field)
        found = [(index.find(each), each) for each in split_choices(text, index)]
        return "; ".join(choice["name"] if choice else each for choice, each in found)

    def show(self, value: str, field: Definition) -> Markup:
        tags = index_of(field).tags
        return Markup(" ".join(tags[choice["id"]] for choice in self.chosen(value, field)))  # noqa: S704  (tags are markup)

    def sort_key(self, value: str, field: Definition) -> str:
        places = index_of(field).places
        return "".join(f"{place:04d}" for place in sorted(places[each][0] for each in value.split() if each in places))

    def unique_key(self, value: str, field: Definition) -> str:
        return value

    def to_json(self, value: str, field: Definition) -> Json:
        return int(value) if value else None

    def from_json(self, given: Json, field: Definition) -> str:
        if isinstance(given, int) and not isinstance(given, bool):
            return f"#{given}"
        return self.from_name(super().from_json(given, field), field)

    def from_name(self, text: str, field: Definition) -> str:
        return refer_to(text, index_of(field).by_names)


class ChoicesKind(ChoiceKind):
    """Several of the choices."""

    name = "choices"
    label = _l("Several choices")
    control = "choices"
    can_be_unique = False

    def join(self, typed: Sequence[str], field: Definition) -> str:
        return "\n".join(each for each in typed if each)

    def read_over(self, text: str, field: Definition, before: str) -> str:
        chosen = {read_choice(each, field, before, several=True)["id"] for each in split_choices(text, index_of(field))}
        return " ".join(map(str, sorted(chosen)))

    def cell(self, value: str, field: Definition) -> Cell:
        return "\n".join(choice["name"] for choice in self.chosen(value, field)) or None

    def to_json(self, value: str, field: Definition) -> Json:
        return [int(each) for each in value.split()]

    def from_name(self, text: str, field: Definition) -> str:
        index = index_of(field).by_names
        return "\n".join(refer_to(each, index) for each in split_choices(text, index))

    def from_json(self, given: Json, field: Definition) -> str:
        if isinstance(given, list):
            return "\n".join(super(ChoicesKind, self).from_json(each, field) for each in given)
        return super().from_json(given, field)
