"""Kinds of field, by name. A new one is a class in a file of its own, and its place in this list."""

from __future__ import annotations

from app.records.kinds.choices import ChoiceKind, ChoicesKind, YesNoKind
from app.records.kinds.computed import (
    ChangedAtKind,
    ChangedByKind,
    CreatedAtKind,
    CreatedByKind,
    RecordNumberKind,
)
from app.records.kinds.contacts import EmailKind, LinkKind, PhoneKind
from app.records.kinds.dates import DateKind, DurationKind
from app.records.kinds.files import FilesKind
from app.records.kinds.kind import FieldKind
from app.records.kinds.moments import MomentKind
from app.records.kinds.money import MoneyKind
from app.records.kinds.numbers import DecimalKind, WholeNumberKind
from app.records.kinds.people import PersonKind
from app.records.kinds.ratings import RatingKind
from app.records.kinds.texts import LongTextKind, TextKind

FIELD_KINDS: dict[str, FieldKind] = {
    kind.name: kind
    for kind in (
        TextKind(),
        LongTextKind(),
        WholeNumberKind(),
        DecimalKind(),
        MoneyKind(),
        YesNoKind(),
        ChoiceKind(),
        ChoicesKind(),
        DateKind(),
        MomentKind(),
        DurationKind(),
        EmailKind(),
        PhoneKind(),
        LinkKind(),
        PersonKind(),
        FilesKind(),
        RatingKind(),
        RecordNumberKind(),
        CreatedAtKind(),
        CreatedByKind(),
        ChangedAtKind(),
        ChangedByKind(),
    )
}
