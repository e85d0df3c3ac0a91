"""What was typed into a form that came to nothing, as the page that says so shows it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from litestar import Request

from app.web.forms import FOR_MEMBER, FORM_KEY, Form

# Of what was typed into more fields than this, an error page shows the rest as one text.
SHOWN_APART = 40
# What pages put into forms by themselves, where it looks like that, and secrets.
NOT_TYPED = re.compile(
    rf"(?:{FOR_MEMBER}|{FORM_KEY}|key|reply|edits|instead|file|version|draft-version|draft-changes|seen|again"
    r"|draft-begun|to-place|removed-fields)=[\w-]*"
    r"|(?:lock-token|seen-lock|sent-late|page-left|question-said)=[\w-]*"
    r"|seen-state=[\w. -]*"
    r"|named=\{.*\}|(?:has-fields|seen-order)=[f0-9 ]*|number-formats=[A-Za-z_]*"
    r"|(?:password|new_password|password-again)=.*"
)


class TypedText(NamedTuple):
    """What was typed into an input, and what its form called that, as far as it is known."""

    text: str
    label: str = ""


def list_typed(request: Request[Any, Any, Any], known: Mapping[str, TypedText] | None = None) -> list[TypedText]:
    """What was typed into the form of a request, for the page that says why it came to nothing. Of some inputs it may
    be `known` what they are called, and how people read what they have."""
    named: Form | None = request.scope.get("state", {}).get("named")
    typed: list[TypedText] = []
    for name, values in named.values.items() if named else ():
        if known and name in known:
            typed += [known[name]] if known[name].text.strip() else []
            continue
        typed += [TypedText(value) for value in values if value.strip() and not NOT_TYPED.fullmatch(f"{name}={value}")]
    return typed if len(typed) <= SHOWN_APART else [*typed[:SHOWN_APART], TypedText(join_typed(typed[SHOWN_APART:]))]


def join_typed(typed: Sequence[TypedText]) -> str:
    """Some of what was typed as one text."""
    return "\n".join(f"{label}: {text}" if label else text for text, label in typed)
