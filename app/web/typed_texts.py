"""What was typed into a form that came to nothing, as the page that says so shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from litestar import Request

from app.web.forms import Form
from app.web.typed_inputs import FormInput, find_inputs

# Of what was typed into more fields than this, an error page shows the rest as one text.
SHOWN_APART = 40
# What scripts put into forms by themselves, and what asks again for a password: no form of a template has these.
NOT_TYPED = re.compile(r"instead|sent-late|page-left|question-said|password-again|draft-changes|for-member|form-key")
# An input that no template has, such as one of a field of records.
UNKNOWN_INPUT = FormInput(is_typed=True)


class TypedText(NamedTuple):
    """What was typed into an input, and what its form called that, as far as it is known."""

    text: str
    label: str = ""


def list_typed(
    request: Request[Any, Any, Any], language: str, known: Mapping[str, TypedText] | None = None
) -> list[TypedText]:
    """What was typed into the form of a request, for the page that says why it came to nothing. Of some inputs it may
    be `known` what they are called, and how people read what they have. What was chosen or ticked, and what the page
    put there, is nothing that anybody has to type again."""
    form: Form | None = request.scope.get("state", {}).get("form")
    typed: list[TypedText] = []
    inputs = find_inputs(request.scope["path"], form.values) if form else {}
    for name, values in form.values.items() if form else ():
        if known and name in known:
            typed += [known[name]] if known[name].text.strip() else []
        elif (each := inputs.get(name, UNKNOWN_INPUT)).is_typed and not NOT_TYPED.fullmatch(name):
            label = each.label.translate(language) if each.label else ""
            typed += [TypedText(value, label) for value in values if value.strip()]
    return typed if len(typed) <= SHOWN_APART else [*typed[:SHOWN_APART], TypedText(join_typed(typed[SHOWN_APART:]))]


def join_typed(typed: Sequence[TypedText]) -> str:
    """Some of what was typed as one text."""
    return "\n".join(f"{label}: {text}" if label else text for text, label in typed)
