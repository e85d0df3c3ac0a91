"""The webhooks of the workspace, for admins: the list, and a new one."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.form_answers import find_answer, keep_answer
from app.accounts.members import Member
from app.accounts.reauthentication import dangerous
from app.accounts.rights import require
from app.accounts.shell import notice, render_page
from app.accounts.tabs import tab
from app.database import Transaction
from app.settings import Settings
from app.tenants.places import name_places
from app.web.forms import Form, Invalid
from app.web.texts import _l
from app.webhooks.forms import read_wanted_webhook
from app.webhooks.webhooks import WEBHOOK_FAMILIES, list_webhooks, make_webhook

tab("settings", _l("Webhooks"), "/settings/webhooks", icon="send", order=45, right=("manage", "webhooks"))
notice(
    "webhook-made",
    _l("The webhook was already created, and its secret is shown only once. If you did not store it, create another."),
)


async def render_webhooks(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    form: Form | None = None,
    *,
    secret: str = "",
    status: int = 200,
) -> Response[str]:
    """The webhooks, and the form of a new one; the secret of the one that was just made, this once."""
    listed = await list_webhooks(transaction)
    return await render_page(
        request,
        transaction,
        member,
        "webhooks/webhooks.html",
        status=status,
        listed=listed,
        named=await name_places(transaction, member, [webhook for webhook, _, _ in listed]),
        form=form or Form(),
        families={f"{family}.*": label for family, label in WEBHOOK_FAMILIES.items()},
        secret=secret,
    )


@get("/settings/webhooks")
async def show_webhooks(request: AnyRequest, transaction: Transaction, member: Member) -> Response[str]:
    """Where what happens is sent to."""
    require(member, "manage", "webhooks")
    return await render_webhooks(request, transaction, member)


@post(
    "/settings/webhooks",
    **dangerous(_l("You are about to create a webhook, which sends what you can read to another server.")),
)
async def add_webhook(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form, settings: Settings
) -> Response[Any]:
    """Make a webhook, and show its secret, this once."""
    require(member, "manage", "webhooks")
    try:
        if answer := await find_answer(request, transaction, member, form):
            return answer
        wanted = await read_wanted_webhook(transaction, member, form)
        _, secret = await make_webhook(transaction, settings, member, wanted)
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_webhooks(request, transaction, member, form, status=invalid.status)
    await keep_answer(request, transaction, member, form, "/settings/webhooks?done=webhook-made")
    return await render_webhooks(request, transaction, member, secret=secret)


handlers = [show_webhooks, add_webhook]
