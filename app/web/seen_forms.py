"""Forms of what several people may change: who saves over what somebody else has saved since is shown both first.

What has a version says it in its form. What has none is known by a digest of what its form was made with, as programs
know it by its ETag. The mark belongs to what was typed: a page that is loaded anew and gives that back has it, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence

from app.web.forms import Form, FormDifference, Invalid
from app.web.texts import Text, _l

# The field with the mark of what was saved when the page of a form was made (`ui.seen` in templates/macros.html).
SEEN_STATE = "seen-state"

Pairs = Sequence[tuple[str, str]]
# What a form says, in words: the label of each part, and what people read there.
Say = Callable[[Form], Sequence[tuple[Text, str]]]


class ChangedSince(Invalid):
    """What is to be changed is not what the form's page had: somebody else has saved something, or the member
    themselves, in another tab say. Nothing was written."""

    status = 409


def mark_of(saved: Pairs) -> str:
    """The mark of what a form is made with."""
    return hashlib.sha256(json.dumps([list(pair) for pair in saved]).encode()).hexdigest()[:16]


def show_as_saved(saved: Pairs) -> Form:
    """The form of what is saved."""
    return Form([*saved, (SEEN_STATE, mark_of(saved))])


def compare_said(say: Say, yours: Form, saved: Form) -> list[FormDifference]:
    """What two forms say differently."""
    pairs = zip(say(yours), say(saved), strict=True)
    return [FormDifference(label, mine, theirs) for (label, mine), (_, theirs) in pairs if mine != theirs]


def give_mark(form: Form, saved: Pairs) -> None:
    """Give a form the mark of what is saved if it has none, as on a page from before there were marks: the page that
    asks again has it then. Called before anything of the form is refused."""
    if not form[SEEN_STATE]:
        form.values[SEEN_STATE] = [mark_of(saved)]


def refuse_unseen(form: Form, saved: Pairs, say: Say) -> None:
    """Raise ChangedSince where a form would save over what its page has not shown. The form has both sides then, and
    the mark of what is saved now: sent again, it is saved. One that says what is saved anyway may go on."""
    give_mark(form, saved)
    if form[SEEN_STATE] == mark_of(saved):
        return
    form.differences = compare_said(say, form, Form(list(saved)))
    form.values[SEEN_STATE] = [mark_of(saved)]
    if form.differences:
        raise ChangedSince(**{"": _l("This has been changed since you opened it. Nothing has been saved yet.")})
