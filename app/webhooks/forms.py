"""Forms of webhooks: what is said of one."""

from __future__ import annotations

from app.accounts.members import Member
from app.accounts.token_forms import NARROWINGS, list_words, read_narrowing
from app.database import Transaction
from app.web.forms import Form, Invalid
from app.web.outgoing_addresses import LONGEST_ADDRESS
from app.webhooks.webhooks import WantedWebhook


async def read_wanted_webhook(transaction: Transaction, member: Member, form: Form) -> WantedWebhook:
    """What a form says of a webhook. Raises Invalid."""
    address = form.text("address", limit=LONGEST_ADDRESS)
    kinds = [*form.values.get("kinds", []), *list_words(form["exact-kinds"])]
    narrowed: dict[str, list[int] | None] = {}
    for kind in NARROWINGS:
        try:
            narrowed[kind] = await read_narrowing(transaction, member, kind, list_words(form[kind]))
        except Invalid as invalid:
            form.errors |= invalid.errors
    form.check()
    return WantedWebhook(address, kinds, narrowed.get("collections"), narrowed.get("rooms"))
