"""Asking whether an act is meant: one page, at an address of its own, which says what will happen and to how many.

The page has the button that does it, so it works without scripts; with them the same part of it is shown in a dialog
(`js/ask-first.js`). What needs the password again asks for it there, too (`reauthentication.py`). Where something else
would follow by the time that the button is pressed, it is asked once more.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import quote

from litestar import Response, get
from msgspec import Struct

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.sessions import SignedIn
from app.accounts.shell import render_page
from app.database import Transaction, now
from app.web.forms import FOR_MEMBER, FORM_KEY, Form, make_key
from app.web.texts import Text

# How long a password that was given counts, for what can't be taken back.
GOOD_FOR = timedelta(minutes=15)
# A name that no field of a record has: their keys have no hyphen.
FIELD = "password-again"
# What the page said, in the form of its button.
SAID = "question-said"


class Question(Struct, frozen=True):
    """What a page that asks says of an act: what it is, what follows from it as things are now, what its button says,
    and where cancelling leads. It is posted to its `action`, or to the page's own address, with its `fields`.

    Where something has to be done first, `first` says what, and where; then there is nothing to post.
    """

    what: Text
    consequences: Sequence[Text]
    button: Text
    back: str
    action: str = ""
    fields: Sequence[tuple[str, str]] = ()
    first: tuple[Text, str] | None = None

    @property
    def digest(self) -> str:
        """A digest of what it says."""
        words = [text.translate("en") for text in (self.what, *self.consequences)]
        return hashlib.sha256("\n".join(words).encode()).hexdigest()[:32]


# Gives the question of the act that a request is about. Raises what the act itself does for who may not.
Describe = Callable[[AnyRequest, Transaction, Member], Awaitable[Question]]


def asks_first(path: str, describe: Describe, *, password: bool = False) -> Any:
    """The route of the page that asks, at this path; with `password` for that too, when it was given long ago."""

    @get(path, opt={"asks": True})
    async def show_question(request: AnyRequest, transaction: Transaction, signed_in: SignedIn) -> Response[str]:
        """Ask whether the act is meant."""
        question = await describe(request, transaction, signed_in.member)
        return await render_question(
            request,
            transaction,
            signed_in,
            question,
            action=quote(question.action or request.scope["path"]),
            carried=[(FOR_MEMBER, str(signed_in.member.id)), *question.fields],
            password=password and is_old(signed_in),
        )

    return show_question


def asked(describe: Describe, **options: Any) -> dict[str, Any]:
    """For a route whose act is asked about first (`**asked(…)`): what was said has to be true when it is done."""
    return {"opt": {"asked": describe, **options}, "before_request": ask_again}


async def ask_again(request: AnyRequest) -> Response[Any] | None:
    """The page that asks before a route is gone on with (see `Reauthentication`)."""
    answer: Response[Any] | None = await request.app.state.reauthentication(request)
    return answer


def is_old(signed_in: SignedIn) -> bool:
    """Whether the password was given too long ago for what can't be taken back."""
    return now() - signed_in.session.password_at > GOOD_FOR


async def render_question(
    request: AnyRequest,
    transaction: Transaction,
    signed_in: SignedIn,
    question: Question,
    *,
    action: str,
    carried: Sequence[tuple[str, str]],
    password: bool,
    form: Form | None = None,
    changed: bool = False,
    status: int = 200,
) -> Response[str]:
    """The page that asks, with what its form carries; with `password` for that, too. It says when something else would
    follow by now than was said before (`changed`)."""
    return await render_page(
        request,
        transaction,
        signed_in.member,
        "accounts/question.html",
        status=status,
        question=question,
        action=action,
        carried=[*([] if FORM_KEY in dict(carried) else [(FORM_KEY, make_key())]), *carried, (SAID, question.digest)],
        changed=changed,
        password=FIELD if password else "",
        form=form or Form(),
    )
