"""Forms of what several people may change: who saves over what somebody else has saved since is shown both first.

What has a version says it in its form. What has none is known by digests of what its form was made with, one for each
field, as programs know it by its ETag. So what was not touched on a page is not what somebody says there: it stays as
it is saved by now, and only what both have changed is asked about. The mark belongs to what was typed: a page that is
loaded anew and gives that back has it, too.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence

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


def digest_of_field(values: Sequence[str]) -> str:
    """What is known of what a field was made with. A browser writes the ends of lines its own way, and what is not
    ticked is not sent."""
    said = sorted(value.replace("\r\n", "\n") for value in values if value)
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:12]


def mark_of(saved: Pairs) -> str:
    """The mark of what a form is made with: the digest of each of its fields."""
    return write_mark({name: digest_of_field(values) for name, values in Form(list(saved)).values.items()})


def write_mark(digests: Mapping[str, str]) -> str:
    """A mark as a form has it."""
    return " ".join(f"{name}.{digest}" for name, digest in digests.items())


def read_mark(form: Form) -> dict[str, str]:
    """The digests in the mark of a form; none in one of before there was one for each field."""
    parts = (part.rpartition(".") for part in form[SEEN_STATE].split(" "))
    return {name: digest for name, _, digest in parts if name}


def show_as_saved(saved: Pairs) -> Form:
    """The form of what is saved."""
    return Form([*saved, (SEEN_STATE, mark_of(saved))])


def compare_said(say: Say, yours: Form, saved: Form) -> list[FormDifference]:
    """What two forms say differently."""
    pairs = zip(say(yours), say(saved), strict=True)
    return [FormDifference(label, mine, theirs) for (label, mine), (_, theirs) in pairs if mine != theirs]


def take_saved(form: Form, saved: Pairs) -> None:
    """Take what is saved now for each field of a form that is as its page had it: nobody has touched it there. To be
    called before anything of the form is read. A form without a mark, as on a page from before there were marks, gets
    that of what is saved."""
    if not form[SEEN_STATE]:
        form.values[SEEN_STATE] = [mark_of(saved)]
    now, seen = Form(list(saved)).values, read_mark(form)
    untouched = digest_of_field([])
    for name in {**now, **seen}:
        if seen and digest_of_field(form.values.get(name, [])) == seen.get(name, untouched):
            form.values[name] = list(now.get(name, [""]))
            seen[name] = digest_of_field(form.values[name])
    if seen:
        form.values[SEEN_STATE] = [write_mark(seen)]


def refuse_unseen(form: Form, saved: Pairs, say: Say) -> None:
    """Raise ChangedSince where a form would save over what its page has not shown: a field that was touched there, and
    changed by somebody else as well. The form has both sides then, and the mark of what is saved now: sent again, it is
    saved. One that says what is saved anyway may go on."""
    take_saved(form, saved)
    theirs, seen = Form(list(saved)), read_mark(form)
    alone = Form(list(saved))
    for name in {**theirs.values, **seen}:
        if digest_of_field(theirs.values.get(name, [])) != seen.get(name, digest_of_field([])):
            alone.values[name] = form.values.get(name, [""])
    if not seen:  # nobody knows what such a page had
        alone = form
    said = zip(say(form), say(alone), say(theirs), strict=True)
    form.differences = [
        FormDifference(label, yours, now)
        for (label, yours), (_, both), (_, now) in said
        if both != now and yours != now
    ]
    form.values[SEEN_STATE] = [mark_of(saved)]
    if form.differences:
        raise ChangedSince(**{"": _l("This has been changed since you opened it. Nothing has been saved yet.")})
