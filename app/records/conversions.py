"""A value of one field as a value of another: what becomes of it when the kind of a field is changed.

As a rule it is read as if somebody typed what is shown of it. Where both kinds know more of each other, it is that.
"""

from __future__ import annotations

from collections.abc import Iterable

from app.records.choices import MOST_CHOICES, MOST_OF_A_CHOICE
from app.records.fields import Field
from app.records.kinds.choices import CHOICE_REFERENCE
from app.records.kinds.kind import fail
from app.records.tables import read_word
from app.web.texts import fold

NUMBER_KINDS = {"whole_number", "decimal", "money", "rating"}
TEXT_KINDS = {"text", "long_text"}


def convert(value: str, old: Field, new: Field) -> str:
    """The value of the new field that a value of the old one becomes. Raises ValueError with a Text when it can't."""
    if not value:
        return ""
    if old.kind.has_choices and new.kind.has_choices:
        if new.kind_name == "choice" and len(value.split()) > 1:
            raise fail("It has several choices.")
        return value
    if new.kind_name == old.kind_name:
        return value
    if old.kind_name in NUMBER_KINDS and new.kind_name in TEXT_KINDS:
        return new.read(value)
    if new.kind_name == "yes_no":
        word = read_word(old.describe(value), str(new.locale))
        if word is None:
            raise fail("Write yes or no.")
        return "yes" if word else ""
    if old.kind_name in NUMBER_KINDS and new.kind_name in NUMBER_KINDS:
        return new.read(old.write(value))
    try:
        return new.read(old.describe(value))
    except ValueError:
        if old.kind.has_choices or old.write(value) == old.describe(value):
            raise
        return new.read(old.write(value))


def convert_if_can(value: str, old: Field, new: Field) -> str:
    """What a value becomes; '' where it can't become anything."""
    try:
        return convert(value, old, new)
    except ValueError:
        return ""


def list_choice_names(old: Field, new: Field, values: Iterable[str]) -> list[str]:
    """The names of the choices that values make, in their order: each text is one. Those that can't be the name of a
    choice are left out. Raises ValueError with a Text when there are too many."""
    names: dict[str, str] = {}
    for value in values:
        text = " ".join(old.describe(value).split())
        for name in text.split(";") if new.kind_name == "choices" else [text]:
            name = name.strip()
            if name and len(name) <= MOST_OF_A_CHOICE and not CHOICE_REFERENCE.fullmatch(name):
                names.setdefault(fold(name), name)
        if len(names) > MOST_CHOICES:
            raise fail("There are more than %(number)d different texts: too many for choices.", number=MOST_CHOICES)
    return list(names.values())
