"""What an app's server was told, and what it answered."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.rights import require
from app.accounts.shell import notice, render_page
from app.database import Transaction
from app.gateway.app_deliveries import APP_DELIVERIES
from app.gateway.app_turns import ask_to_send_packet
from app.gateway.apps import get_app
from app.web.forms import Form, Invalid
from app.web.redirects import see_other
from app.web.texts import _l

notice("app-asked", _l("Sending. It will appear in the list in a moment."))


async def render_app_deliveries(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    app_id: int,
    form: Form | None = None,
    *,
    page: str = "",
    status: int = 200,
) -> Response[str]:
    """What an app's webhook has sent, the newest first."""
    app, bot = await get_app(transaction, app_id)
    deliveries = await APP_DELIVERIES.read_page(transaction, app.id, page)
    return await render_page(
        request,
        transaction,
        member,
        "gateway/app_deliveries.html",
        status=status,
        app=app,
        bot=bot,
        deliveries=deliveries,
        readable={each.id for each in deliveries.items},
        form=form or Form(),
    )


@get("/settings/apps/{app_id:int}/deliveries")
async def show_app_deliveries(
    request: AnyRequest, transaction: Transaction, member: Member, app_id: int, page: str = ""
) -> Response[str]:
    """What an app's webhook has sent, and what was answered."""
    require(member, "manage", "apps")
    return await render_app_deliveries(request, transaction, member, app_id, page=page)


@post("/settings/apps/{app_id:int}/deliveries/again")
async def send_app_delivery_again(
    request: AnyRequest, transaction: Transaction, member: Member, app_id: int, form: Form
) -> Response[Any]:
    """Send a packet once more, to where the webhook goes now."""
    require(member, "manage", "apps")
    app, _ = await get_app(transaction, app_id)
    delivery = await APP_DELIVERIES.get(transaction, app.id, form.number("delivery"))
    try:
        await ask_to_send_packet(transaction, app.id, delivery.id)
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_app_deliveries(request, transaction, member, app_id, form, status=invalid.status)
    return see_other(f"/settings/apps/{app.id}/deliveries?done=app-asked")


handlers = [show_app_deliveries, send_app_delivery_again]
