"""What is said in open forms when the fields of their collection change, before anything is saved or loaded anew.

A page tells what is still true (js/field-news.js): of each piece of news it gets what was so `before`, and `after`.
"""

from __future__ import annotations

from collections.abc import Iterator

from msgspec import Struct

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


class FieldNews(Struct, frozen=True):
    """What has changed, in words: `what` of a field, which was so before, and is so after it; '' where nobody can tell
    whether that was so already. Told to some `roles` alone, or to all where there are none."""

    said: Text
    what: str
    before: str = ""
    after: str = ""
    roles: tuple[str, ...] = ()


def list_news(fact: FieldsChanged) -> list[FieldNews]:
    """What has changed; nothing of what no form shows."""
    if fact.computed:
        return []
    match fact:
        case FieldRemoved(label=label):
            return [FieldNews(_l("“%(label)s” was removed.", label=label), "there", "yes", "no")]
        case FieldAdded(label=label):
            return [FieldNews(_l("“%(label)s” was added.", label=label), "there", "no", "yes")]
        case FieldRestored(label=label):
            return [FieldNews(_l("“%(label)s” was restored.", label=label), "there", "no", "yes")]
        case FieldKindChanged(label=label):
            kinds = {"before": FIELD_KINDS[fact.before].label, "after": FIELD_KINDS[fact.after].label}
            said = _l("The type of “%(label)s” changed from %(before)s to %(after)s.", label=label, **kinds)
            return [FieldNews(said, "kind", fact.before, fact.after)]
        case FieldLimited(label=label):
            return list(describe_limits(fact, label))
        case FieldDescribed(label=label):
            return list(describe_rules(fact, label))
    return []


def describe_limits(fact: FieldLimited, label: str) -> Iterator[FieldNews]:
    """Who can change the values of a field no more, or again; each role is told what is about itself."""
    now, before = (tuple(filter(None, roles.split(", "))) for roles in (fact.roles, fact.were))
    if limited := tuple(role for role in now if role not in before):
        yield FieldNews(_l("You can no longer edit “%(label)s”.", label=label), "rights", "yes", "no", limited)
    if freed := tuple(role for role in before if role not in now):
        yield FieldNews(_l("You can now edit “%(label)s”.", label=label), "rights", "no", "yes", freed)


def describe_rules(fact: FieldDescribed, label: str) -> Iterator[FieldNews]:
    """What else than its kind has changed of a field."""
    if fact.before != label:
        said = _l("“%(before)s” was renamed to “%(label)s”.", before=fact.before, label=label)
        yield FieldNews(said, "label", fact.before, label)
    if fact.required is not None:
        now = _l("“%(label)s” is now required.", label=label)
        said = now if fact.required else _l("“%(label)s” is no longer required.", label=label)
        yield FieldNews(said, "required", *as_changed(fact.required))
    if fact.unique is not None:
        now = _l("“%(label)s” must now be unique.", label=label)
        said = now if fact.unique else _l("“%(label)s” no longer has to be unique.", label=label)
        yield FieldNews(said, "unique", *as_changed(fact.unique))
    if fact.choices_changed:
        yield FieldNews(_l("The choices of “%(label)s” were changed.", label=label), "choices")


def as_changed(now: bool) -> tuple[str, str]:
    """What a rule that is so now was before, and is after."""
    return ("no", "yes") if now else ("yes", "no")
