"""A value of one field as a value of another: what becomes of it when the kind of a field is changed.

As a rule it is read as if somebody typed it as people do: so it comes back as it was when it is changed back. Where
both kinds know more of each other, it is that: a number is another kind's number, and nobody wonders how it was meant.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from app.folding import fold
from app.records.choices import MOST_CHOICES, MOST_OF_A_CHOICE
from app.records.fields import Field
from app.records.kinds.choices import CHOICE_REFERENCE
from app.records.kinds.kind import fail
from app.records.kinds.moments import begin_day, date_of_moment, spell_moment
from app.records.kinds.numbers import NumberKind

# What a field keeps in its options of the zone in which times were converted: so they are converted for everybody.
CONVERTED_IN = "converted_in"
NUMBER_KINDS = {"whole_number", "decimal", "money", "rating"}


def convert(value: str, old: Field, new: Field) -> str:
    """The value of the new field that a value of the old one becomes. Raises ValueError with a Text when it can't.

    No value stays none, but where it says something, as 'No' does; and what says something never becomes nothing.
    """
    if not value and not old.kind.shows_none:
        return ""
    becomes = convert_said(value, old, new)
    if not becomes and not new.kind.shows_none:
        raise fail("It would be empty.")
    return becomes


def convert_said(value: str, old: Field, new: Field) -> str:
    """Likewise of what says something; '' where the new field has that for it."""
    if old.kind.has_choices and new.kind.has_choices:
        if new.kind_name == "choice" and len(value.split()) > 1:
            raise fail("It has several choices.")
        return value
    if new.kind_name == old.kind_name or (old.kind.tells_time and new.kind.name == "moment"):
        return value
    if new.kind.computed:
        return new.read(old.spell(value))
    if old.kind.names_people and new.kind.names_people:
        return new.read(old.write(value), value)
    if old.kind.tells_time or new.kind.tells_time:
        return convert_time(value, old, new, find_zone(old, new))
    if isinstance(old.kind, NumberKind) and isinstance(new.kind, NumberKind):
        return new.kind.keep(Decimal(value), new)
    try:
        return new.read(old.spell(value))
    except ValueError:
        if old.kind.has_choices or old.kind.shows_none or old.write(value) == old.spell(value):
            raise
        return new.read(old.write(value))


def find_zone(old: Field, new: Field) -> str:
    """The zone in which times are converted: the one that was kept, or that of the one who asks."""
    kept = new.options.get(CONVERTED_IN) or old.options.get(CONVERTED_IN)
    return str(kept or (new if new.kind.tells_time else old).zone)


def convert_time(value: str, old: Field, new: Field, zone: str) -> str:
    """The same where one of the kinds has times."""
    if new.kind_name == "date":
        return date_of_moment(value, zone)
    if old.kind_name == "date":
        return begin_day(value, zone)
    if old.kind.tells_time:
        return new.read(spell_moment(value, old.locale, zone))
    return new.read(new.kind.join([old.spell(value), f"@{zone}"], new))


def convert_if_can(value: str, old: Field, new: Field) -> str:
    """What a value becomes; '' where it can't become anything."""
    try:
        return convert(value, old, new)
    except ValueError:
        return ""


def is_kept_whole(value: str, becomes: str, old: Field, new: Field) -> bool:
    """Whether all that a value says is in what it becomes: people would type both alike, or it comes back as it was.

    A text is what people have typed: how it is written is not what it says.
    """
    if old.kind_name == "text" or convert_if_can(becomes, new, old) == value:
        return True
    is_text = old.kind.is_typed or bool(old.kind.computed)
    return is_text and old.spell(value) == new.spell(becomes)


def list_choice_names(old: Field, new: Field, values: Iterable[str]) -> list[str]:
    """The names of the choices that values make, in their order: each text is one. Those that can't be the name of a
    choice are left out. Raises ValueError with a Text when there are too many."""
    names: dict[str, str] = {}
    for value in values:
        text = " ".join(old.spell(value).split())
        for name in text.split(";") if new.kind_name == "choices" else [text]:
            name = name.strip()
            if name and len(name) <= MOST_OF_A_CHOICE and not CHOICE_REFERENCE.fullmatch(name):
                names.setdefault(fold(name), name)
        if len(names) > MOST_CHOICES:
            raise fail("There are more than %(number)d different texts: too many for choices.", number=MOST_CHOICES)
    return list(names.values())
