"""The form of a field that others may have changed since it was opened: what was not touched in it is as it is saved by
now, each choice for itself, and of what both have changed both sides are shown first."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.accounts.members import Member
from app.folding import fold
from app.records.changed_fields import FieldChanged
from app.records.field_forms import compare_forms, list_choice_ids, read_field, say_field, write_field
from app.records.fields import Field
from app.web.forms import Form
from app.web.seen_forms import (
    SEEN_STATE,
    ChangedSince,
    digest_of_field,
    mark_of,
    read_mark,
    refuse_unseen,
    take_saved,
    write_mark,
)

# What a form has of each choice.
CHOICE_PARTS = ("name", "color", "place", "archived")
# What nothing is as it was with.
TOUCHED = "touched"


def name_parts(choice_id: int) -> list[str]:
    """What the inputs of a choice are called."""
    return [f"choice-{choice_id}-{part}" for part in CHOICE_PARTS]


def take_saved_field(form: Form, field: Field) -> dict[str, list[str]]:
    """Take what is saved now where a form is as its page had it, and what the form has no more then: what its page
    shows of choices that it removes. One without a mark stays as it is."""
    if not form[SEEN_STATE]:
        return {}
    saved, typed, ids = write_field(field), dict(form.values), list_choice_ids(form)
    if not field.kind.has_choices:  # any more: it is shown which there were
        take_saved(form, saved)
        form.values |= {name: typed[name] for each in ids for name in name_parts(each) if name in typed}
        return {}
    there, seen, now = {each["id"]: each for each in field.choices}, read_mark(form), Form(saved).values
    removed: dict[str, list[str]] = {}
    for each in ids:
        touched = [part for part in name_parts(each) if is_touched(form, part, seen)]
        if f"choice-{each}-removed" in form:
            drop_choice(form, each)
            shown = {part: (typed if part in touched else now).get(part, [""]) for part in name_parts(each)}
            removed |= shown if each in there else {}
        elif each not in there and touched and f"choice-{each}-name" in seen:
            seen |= dict.fromkeys(name_parts(each), TOUCHED)  # it is wanted otherwise, and gone
    form.values[SEEN_STATE] = [write_mark(seen)]
    added = {fold(there[each]["name"]) for each in there if f"choice-{each}-name" not in seen}
    take_saved(form, saved)
    seen = read_mark(form)
    for each in list_choice_ids(form):
        if each not in there and not form[f"choice-{each}-name"]:
            drop_choice(form, each)
            seen = {name: digest for name, digest in seen.items() if name not in name_parts(each)}
    form.values[SEEN_STATE] = [write_mark(seen)]
    if "choices" in form:
        lines = form["choices"].splitlines()
        form.values["choices"] = ["\n".join(line for line in lines if fold(" ".join(line.split())) not in added)]
    return removed


def is_touched(form: Form, name: str, seen: Mapping[str, str]) -> bool:
    """Whether a form is not as its page had it."""
    return digest_of_field(form.values.get(name, [])) != seen.get(name, digest_of_field([]))


def drop_choice(form: Form, choice_id: int) -> None:
    """Let a form say nothing of a choice."""
    for part in name_parts(choice_id):
        form.values.pop(part, None)


def read_seen_field(form: Form, field: Field, member: Member) -> dict[str, Any]:
    """What a form says of a field, after what is saved was taken. Raises FieldChanged where it would save over what its
    page has not shown."""
    if form[SEEN_STATE]:
        try:
            refuse_unseen(form, write_field(field), lambda each: say_field(each, field))
        except ChangedSince as changed:
            raise FieldChanged(field, member) from changed
    values = read_field(form)
    there = {choice["id"] for choice in field.choices}
    if "choices" in values:  # one that somebody else has removed is a new one of that name
        values["choices"] = [
            each if isinstance(each, str) or each["id"] in there else each["name"] for each in values["choices"]
        ]
    return values


def show_both(form: Form, field: Field, former: Field | None) -> bool:
    """Let a form that was refused be shown beside what is saved, and be saved when it is sent again; False where both
    say the same."""
    saved = Form(write_field(field))
    form.differences = form.differences or compare_forms(form, saved, field, former)
    form.values["version"], form.values[SEEN_STATE] = saved.values["version"], [mark_of(write_field(field))]
    return bool(form.differences)
