"""What a field has been, one kind after another: to what an undo leads, and to what redoing that does.

A change of kind, undone or not, makes another field that `replaces` the one of before. One that undoes has what an
earlier one had, which it `restores`: it stands where that stood, so the next undo leads to what was before that one.
"""

from __future__ import annotations

from app.database import now
from app.records.fields import REMOVED_IS_KEPT_FOR, Field, Fields


def find_coming(fields: Fields, field: Field) -> Field | None:
    """The field that a field is becoming right now."""
    return next((each for each in fields.removed if each.replaces == field.id), None)


def find_first(fields: Fields, field: Field) -> Field:
    """The field that stood first where a field stands: what an undo restores, and what was restored then."""
    known = {each.id: each for each in (*fields.removed, *fields)}
    while older := known.get(field.restores or 0):
        field = older
    return field


def find_latest(fields: Fields, wanted: Field) -> Field | None:
    """The field that stood last where a field stands, with what was changed there, unless it was too long ago."""
    since, there = now() - REMOVED_IS_KEPT_FOR, {each.id for each in fields}
    first = find_first(fields, wanted)
    stood = [
        each
        for each in fields.removed
        if each.replaces not in there
        and each.removed_at is not None
        and each.removed_at > since
        and find_first(fields, each) is first
    ]
    return stood[-1] if stood else None


def find_replaced(fields: Fields, field: Field) -> Field | None:
    """What a field was before its kind was changed, if that can be undone still; of one that came back by an undo,
    before the change that made what it was then."""
    before = find_first(fields, field).replaces
    old = next((each for each in fields.removed if each.id == before), None)
    return find_latest(fields, old) if old is not None else None


def find_undone(fields: Fields, field: Field) -> Field | None:
    """What a field was before a change of its kind was undone, the one of which was undone last."""
    first, there = find_first(fields, field), {each.id for each in fields}
    known = {each.id: each for each in (*fields.removed, *fields)}
    undone = [
        each
        for each in fields.removed
        if each.restores is None
        and each.replaces in known
        and each.replaces not in there
        and find_first(fields, known[each.replaces]) is first
    ]
    return find_latest(fields, undone[-1]) if undone else None
