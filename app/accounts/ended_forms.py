"""Forms that end something, sent again as their answer was lost, lead to where they led the first time.

Such a form has a key, as one that makes something has (`form_answers.py`). What it has ended is not there any more, so
what was sent with its key is looked for before anything else is asked: by the page that asks first, for all of those
(`reauthentication.py`), and by the others themselves. A form without a key, such as a program's, is told that it is
gone.
"""

from __future__ import annotations

from litestar.response import Redirect

from app.accounts.access import AnyRequest
from app.accounts.form_answers import FIND_ANSWER, FormAnswer, fingerprint_form, key_of
from app.accounts.members import Member
from app.database import Transaction
from app.web.bodies import provide_form
from app.web.forms import FORM_KEY
from app.web.redirects import see_other


async def find_end(request: AnyRequest, transaction: Transaction, member: Member) -> Redirect | None:
    """Where the form of a request has led to, if it was sent before and has ended something."""
    form = await provide_form(request)
    if not form[FORM_KEY]:
        return None
    found = await transaction.find(FIND_ANSWER, member_id=member.id, key=key_of(request, form))
    return see_other(found[0].address) if found and found[0].sent == fingerprint_form(form) else None


async def keep_end(request: AnyRequest, transaction: Transaction, member: Member, led: Redirect) -> Redirect:
    """Lead to where the form of a request leads, now and when it is sent again."""
    form = await provide_form(request)
    if form[FORM_KEY]:
        key, sent = key_of(request, form), fingerprint_form(form)
        await transaction.insert(FormAnswer(member_id=member.id, key=key, sent=sent, address=led.url))
    return led
