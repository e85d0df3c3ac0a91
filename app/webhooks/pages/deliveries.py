"""A webhook, for admins: what it has sent, and what can be done with it."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect

from app.accounts.access import AnyRequest
from app.accounts.ended_forms import keep_end
from app.accounts.members import Member
from app.accounts.questions import Question, asked, asks_first
from app.accounts.reauthentication import dangerous
from app.accounts.rights import require
from app.accounts.shell import notice, render_page
from app.database import Transaction
from app.settings import Settings
from app.tenants.places import name_places
from app.web.forms import Form, Invalid, number_of
from app.web.redirects import see_other
from app.web.texts import _l
from app.webhooks.changes import (
    ask_to_send,
    remove_webhook,
    replay_from,
    rotate_webhook_secret,
    set_webhook_enabled,
    skip_fact,
)
from app.webhooks.deliveries import WEBHOOK_DELIVERIES, get_delivered_cursor, list_readable_deliveries
from app.webhooks.webhooks import get_webhook

notice("webhook-enabled", _l("Webhook turned on. It continues where it stopped."))
notice("webhook-disabled", _l("Webhook turned off."))
notice("webhook-asked", _l("Sending. It will appear in the list in a moment."))
notice("webhook-skipped", _l("Event skipped. The next ones are being sent."))
notice("webhook-replayed", _l("Sending again from that event on."))
notice("webhook-removed", _l("Webhook deleted."))


async def render_webhook(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    webhook_id: int,
    form: Form | None = None,
    *,
    page: str = "",
    secret: str = "",
    status: int = 200,
) -> Response[str]:
    """A webhook and what it has sent; its secret where it was just made, this once."""
    webhook, turn, maker = await get_webhook(transaction, webhook_id)
    deliveries = await WEBHOOK_DELIVERIES.read_page(transaction, webhook_id, page)
    return await render_page(
        request,
        transaction,
        member,
        "webhooks/webhook.html",
        status=status,
        webhook=webhook,
        turn=turn,
        maker=maker,
        named=(await name_places(transaction, member, [webhook]))[webhook.id],
        deliveries=deliveries,
        readable=await list_readable_deliveries(transaction, member, deliveries),
        newest=transaction.tenant.cursor,
        form=form or Form(),
        secret=secret,
    )


def see_webhook(webhook_id: int, done: str) -> Redirect:
    """Lead to a webhook's page, which says what was done."""
    return see_other(f"/settings/webhooks/{webhook_id}?done={done}")


@get("/settings/webhooks/{webhook_id:int}")
async def show_webhook(
    request: AnyRequest, transaction: Transaction, member: Member, webhook_id: int, page: str = ""
) -> Response[str]:
    """What a webhook has sent, and what was answered."""
    require(member, "manage", "webhooks")
    return await render_webhook(request, transaction, member, webhook_id, page=page)


@post(
    "/settings/webhooks/{webhook_id:int}/secret",
    **dangerous(_l("You are about to create another secret for this webhook.")),
)
async def rotate_secret(
    request: AnyRequest, transaction: Transaction, member: Member, settings: Settings, webhook_id: int
) -> Response[str]:
    """Give it another secret, and show that, this once."""
    require(member, "manage", "webhooks")
    secret = await rotate_webhook_secret(transaction, settings, webhook_id)
    return await render_webhook(request, transaction, member, webhook_id, secret=secret)


@post("/settings/webhooks/{webhook_id:int}/enable")
async def enable_webhook(
    request: AnyRequest, transaction: Transaction, member: Member, webhook_id: int
) -> Response[Any]:
    """Switch it on again."""
    require(member, "manage", "webhooks")
    try:
        await set_webhook_enabled(transaction, webhook_id, enabled=True)
    except Invalid as invalid:
        return await refuse(request, transaction, member, webhook_id, invalid)
    return see_webhook(webhook_id, "webhook-enabled")


async def refuse(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    webhook_id: int,
    invalid: Invalid,
    form: Form | None = None,
) -> Response[str]:
    """The page, with what won't do."""
    form = form or Form()
    form.errors = invalid.errors
    return await render_webhook(request, transaction, member, webhook_id, form, status=invalid.status)


@post("/settings/webhooks/{webhook_id:int}/disable")
async def disable_webhook(transaction: Transaction, member: Member, webhook_id: int) -> Response[Any]:
    """Switch it off."""
    require(member, "manage", "webhooks")
    await set_webhook_enabled(transaction, webhook_id, enabled=False)
    return see_webhook(webhook_id, "webhook-disabled")


@post("/settings/webhooks/{webhook_id:int}/test")
async def send_test(request: AnyRequest, transaction: Transaction, member: Member, webhook_id: int) -> Response[Any]:
    """Send a test."""
    require(member, "manage", "webhooks")
    try:
        await ask_to_send(transaction, webhook_id, "test")
    except Invalid as invalid:
        return await refuse(request, transaction, member, webhook_id, invalid)
    return see_webhook(webhook_id, "webhook-asked")


@post("/settings/webhooks/{webhook_id:int}/again")
async def send_delivery_again(
    request: AnyRequest, transaction: Transaction, member: Member, webhook_id: int, form: Form
) -> Response[Any]:
    """Send something once more, with the rights of now."""
    require(member, "manage", "webhooks")
    try:
        cursor = await get_delivered_cursor(transaction, webhook_id, form.number("delivery"))
        await ask_to_send(transaction, webhook_id, "again", cursor)
    except Invalid as invalid:
        return await refuse(request, transaction, member, webhook_id, invalid)
    return see_webhook(webhook_id, "webhook-asked")


@post("/settings/webhooks/{webhook_id:int}/skip")
async def skip_event(transaction: Transaction, member: Member, webhook_id: int, form: Form) -> Response[Any]:
    """Go on behind what can't be sent."""
    require(member, "manage", "webhooks")
    await skip_fact(transaction, webhook_id, form.number("cursor"))
    return see_webhook(webhook_id, "webhook-skipped")


@post("/settings/webhooks/{webhook_id:int}/replay")
async def replay(
    request: AnyRequest, transaction: Transaction, member: Member, webhook_id: int, form: Form
) -> Response[Any]:
    """Send all again from an event on."""
    require(member, "manage", "webhooks")
    try:
        if (typed := form["from"].strip()) and not number_of(typed):
            raise Invalid(**{"from": _l("Enter an event number.")})
        await replay_from(transaction, webhook_id, number_of(typed))
    except Invalid as invalid:
        return await refuse(request, transaction, member, webhook_id, invalid, form)
    return see_webhook(webhook_id, "webhook-replayed")


async def describe_removal(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What removing a webhook does."""
    require(member, "manage", "webhooks")
    webhook, _, _ = await get_webhook(transaction, request.path_params["webhook_id"])
    return Question(
        what=_l("Delete the webhook to %(host)s?", host=webhook.host),
        consequences=[
            _l("Nothing more will be sent there, and its deliveries will no longer be shown."),
            _l("This can't be undone: a new one has another secret."),
        ],
        button=_l("Delete webhook"),
        back=f"/settings/webhooks/{webhook.id}",
    )


@post("/settings/webhooks/{webhook_id:int}/remove", **asked(describe_removal))
async def end_webhook(request: AnyRequest, transaction: Transaction, member: Member, webhook_id: int) -> Response[Any]:
    """Remove it."""
    require(member, "manage", "webhooks")
    await remove_webhook(transaction, webhook_id)
    return await keep_end(request, transaction, member, see_other("/settings/webhooks?done=webhook-removed"))


handlers = [
    show_webhook,
    rotate_secret,
    enable_webhook,
    disable_webhook,
    send_test,
    send_delivery_again,
    skip_event,
    replay,
    asks_first("/settings/webhooks/{webhook_id:int}/remove", describe_removal),
    end_webhook,
]
