"""Forms of webhooks: what is said of one, and what its places are called."""

from __future__ import annotations

from collections.abc import Collection

from app.accounts.members import Member
from app.accounts.token_forms import NARROWINGS, list_words, read_narrowing
from app.database import Transaction
from app.live.channels import list_allowed
from app.web.forms import Form, Invalid
from app.web.outgoing import LONGEST_ADDRESS
from app.webhooks.webhooks import WantedWebhook, Webhook


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


async def name_places(transaction: Transaction, member: Member, webhooks: Collection[Webhook]) -> dict[int, list[str]]:
    """The names of the places that webhooks are narrowed to, by the webhooks' ids; of those that the member who looks
    may not see, that they are there."""
    named: dict[int, list[str]] = {webhook.id: [] for webhook in webhooks}
    for kind, narrowing in NARROWINGS.items():
        wanted: dict[int, list[int]] = {webhook.id: getattr(webhook, kind) or [] for webhook in webhooks}
        ids = {each for places in wanted.values() for each in places}
        names = await narrowing.name(transaction, ids) if ids else {}
        channels = [f"{kind.removesuffix('s')}.{each}" for each in sorted(names)]
        seen = {int(name.partition(".")[2]) for name in await list_allowed(transaction, member, channels)}
        for webhook_id, places in wanted.items():
            named[webhook_id] += [names[each] if each in seen else "…" for each in places if each in names]
    return named
