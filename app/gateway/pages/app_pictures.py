"""Pictures of bots, which are shown as those of people are."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from litestar import Response, post

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.rights import require
from app.accounts.sessions import SignedIn
from app.database import Transaction
from app.files.small_pictures import pictures_of
from app.gateway.app_showing import render_app
from app.gateway.apps import get_app
from app.settings import Settings
from app.tenants.pictures import PICTURE_LIMIT, change_bot_picture, save_picture_of_form
from app.web.forms import Form
from app.web.redirects import see_other
from app.web.texts import Text


@post("/settings/apps/{app_id:int}/picture", request_max_body_size=2 * PICTURE_LIMIT, opt={"streams": True})
async def save_bot_picture(request: AnyRequest, transaction: Transaction, member: Member, app_id: int) -> Response[Any]:
    """Show a picture of an app's bot instead of initials."""
    require(member, "manage", "apps")
    await get_app(transaction, app_id)

    async def show(reading: Transaction, again: SignedIn, errors: Mapping[str, Text]) -> Response[str]:
        app, bot = await get_app(reading, app_id)
        return await render_app(request, reading, again.member, app, bot, pictured=Form(errors=errors), status=422)

    async def keep(writing: Transaction, admin: Member, key: str, directory: Path) -> None:
        _, bot = await get_app(writing, app_id)
        await change_bot_picture(writing, admin, bot, key, directory)

    refused = await save_picture_of_form(request, transaction, show, keep)
    return refused or see_other(f"/settings/apps/{app_id}?done=app-changed")


@post("/settings/apps/{app_id:int}/picture/remove")
async def remove_bot_picture(
    transaction: Transaction, member: Member, settings: Settings, app_id: int
) -> Response[Any]:
    """Go back to initials."""
    require(member, "manage", "apps")
    _, bot = await get_app(transaction, app_id)
    await change_bot_picture(transaction, member, bot, None, pictures_of(settings, transaction.tenant))
    return see_other(f"/settings/apps/{app_id}?done=app-changed")


handlers = [save_bot_picture, remove_bot_picture]
