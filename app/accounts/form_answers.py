"""Forms that make something make it once, also when they are sent again because their answer was lost.

Such a form has a key, made with its page (`ui.once` in templates/macros.html). With what it makes, in the same
transaction, the server keeps where it led to. The same form sent again leads there, and makes nothing; another text
with the same key is refused with 409, stays on the page, and is told where the first one led to. The writers of a
workspace come one after another, so of two at once the second finds what the first has kept.

A form without a key, such as a program's, makes something each time.
"""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta

from litestar.response import Redirect
from sqlalchemy import ForeignKeyConstraint, String, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.jobs.sweeps import delete_by_keys, sweeps
from app.web.forms import FORM_KEY, Form, Invalid, number_of
from app.web.redirects import see_other
from app.web.texts import _l

# As long as a tab may send a form again whose answer it had not: as drafts are kept (editing/drafts.py).
FORM_ANSWER_KEPT_FOR = timedelta(days=30)
# What leads from a part of what a form makes to the next one.
END_OF_PART = "#"


class FormAnswer(Tenanted, Base):
    """Where a form led a member to, or a part of what it makes: to the place of the next one. `key` is a digest of its
    key and its address, `sent` one of what it held."""

    __tablename__ = "form_answer"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
    )

    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    sent: Mapped[str] = mapped_column(String(64))
    address: Mapped[str] = mapped_column(String(200))
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


@sweeps(FormAnswer)
async def delete_old_answers(transaction: Transaction, limit: int) -> int:
    """Delete where forms led to that nobody sends again by now."""
    return await delete_by_keys(transaction, FormAnswer, FormAnswer.made_at < now() - FORM_ANSWER_KEPT_FOR, limit=limit)


class MadeAlready(Invalid):
    """Something was made with this key, of another text than is sent now."""

    status = 409

    def __init__(self) -> None:
        super().__init__(**{"": _l("This was already created from what you sent the first time.")})


def digest_values(*parts: object) -> str:
    """A digest of some values."""
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def digest_key(path: str, key: str) -> str:
    """What is kept of a form's key, which is one of its address."""
    return digest_values(path, key)


def key_of(request: AnyRequest, form: Form) -> str:
    """The key of a form at its address."""
    return digest_key(request.scope["path"], form[FORM_KEY])


def fingerprint_form(form: Form) -> str:
    """A digest of what a form holds, without what its page has put there by itself: those names have a hyphen."""
    typed = {
        name: [value.replace("\r\n", "\n") for value in values]
        for name, values in form.values.items()
        if "-" not in name
    }
    return digest_values(sorted(typed.items()))


FIND_ANSWER = PreparedSelect(
    lambda: select(FormAnswer).where(FormAnswer.member_id == bindparam("member_id"), FormAnswer.key == bindparam("key"))
)


async def find_answer(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form, *, begun: str = ""
) -> Redirect | None:
    """The answer to a form that was sent before, or to one that goes on, as it does, with what was typed on the form
    whose key `begun` is (`digest_key`). Raises MadeAlready when it was another text; the form is told where that one
    led to, and has a new key on the page that says so."""
    if not form[FORM_KEY]:
        return None
    key = key_of(request, form)
    found = await transaction.find(FIND_ANSWER, member_id=member.id, key=key)
    if found is None and begun not in ("", key):
        found = await transaction.find(FIND_ANSWER, member_id=member.id, key=begun)
    if found is None:
        return None
    answer = found[0]
    if answer.sent == fingerprint_form(form):
        return see_other(answer.address)
    del form.values[FORM_KEY]
    form.made = answer.address
    raise MadeAlready


async def find_made_by(transaction: Transaction, member: Member, key: str) -> str:
    """Where what the form with this key (`digest_key`) has made is; '' when it has made nothing."""
    found = await transaction.find(FIND_ANSWER, member_id=member.id, key=key)
    return found[0].address if found else ""


async def keep_answer(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form, address: str, *, begun: str = ""
) -> Redirect:
    """Lead to what a form has made, now and when it is sent again, or another that goes on with what was typed on the
    form whose key `begun` is."""
    if form[FORM_KEY]:
        sent = fingerprint_form(form)
        for key in {key_of(request, form), begun} - {""}:
            await transaction.insert(FormAnswer(member_id=member.id, key=key, sent=sent, address=address))
        del form.values[FORM_KEY]
    return see_other(address)


def key_of_parts(request: AnyRequest, form: Form) -> str:
    """What the parts are known by of what a form makes in several transactions; '' for a form without a key.

    A form that is sent again goes on behind the parts that it has made, however much a part is by then.
    """
    return digest_values(key_of(request, form), fingerprint_form(form)) if form[FORM_KEY] else ""


async def find_end_of_part(transaction: Transaction, member: Member, parts: str, begin: int) -> int | None:
    """Where the part ended that was made from a place on; None where none was."""
    found = await transaction.find(FIND_ANSWER, member_id=member.id, key=digest_values(parts, begin)) if parts else None
    return number_of(found[0].address.removeprefix(END_OF_PART)) if found else None


async def keep_end_of_part(transaction: Transaction, member: Member, parts: str, begin: int, end: int) -> None:
    """Keep that a part is made, from a place on up to another one."""
    if parts:
        key, address = digest_values(parts, begin), f"{END_OF_PART}{end}"
        await transaction.insert(FormAnswer(member_id=member.id, key=key, sent=parts, address=address))
