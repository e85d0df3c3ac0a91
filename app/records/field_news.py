"""What is said in open forms when the fields of their collection change, before anything is saved or loaded anew."""

from __future__ import annotations

from collections.abc import Iterator

from app.records.facts import (
    FieldAdded,
    FieldDescribed,
    FieldKindChanged,
    FieldLimited,
    FieldRemoved,
    FieldRestored,
    FieldsChanged,
)
from app.records.kinds import FIELD_KINDS
from app.web.texts import Text, _l


def list_news(fact: FieldsChanged) -> list[Text]:
    """What has changed, in words; nothing of what no form shows."""
    match fact:
        case FieldRemoved(label=label):
            return [_l("“%(label)s” was removed.", label=label)]
        case FieldAdded(label=label):
            return [_l("“%(label)s” was added.", label=label)]
        case FieldRestored(label=label):
            return [_l("“%(label)s” was restored.", label=label)]
        case FieldKindChanged(label=label):
            kinds = {"before": FIELD_KINDS[fact.before].label, "after": FIELD_KINDS[fact.after].label}
            return [_l("The type of “%(label)s” changed from %(before)s to %(after)s.", label=label, **kinds)]
        case FieldLimited(label=label):
            return [_l("Who can edit “%(label)s” has changed.", label=label)]
        case FieldDescribed(label=label):
            return list(describe_rules(fact, label))
    return []


def describe_rules(fact: FieldDescribed, label: str) -> Iterator[Text]:
    """What else than its kind has changed of a field."""
    if fact.before != label:
        yield _l("“%(before)s” was renamed to “%(label)s”.", before=fact.before, label=label)
    if fact.required is not None:
        now = _l("“%(label)s” is now required.", label=label)
        yield now if fact.required else _l("“%(label)s” is no longer required.", label=label)
    if fact.unique is not None:
        now = _l("“%(label)s” must now be unique.", label=label)
        yield now if fact.unique else _l("“%(label)s” no longer has to be unique.", label=label)
    if fact.choices_changed:
        yield _l("The choices of “%(label)s” were changed.", label=label)
