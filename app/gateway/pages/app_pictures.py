"""Pictures of bots, which are shown as those of people are."""

from __future__ import annotations

from typing import Any

from litestar import Response, post

from app.accounts.access import AnyRequest, provide_signed_in, write_signed_in
from app.accounts.members import Member
from app.accounts.rights import require
from app.database import Database, Transaction
from app.files.small_pictures import pictures_of
from app.gateway.app_showing import render_app
from app.gateway.apps import change_bot_picture, get_app
from app.settings import Settings
from app.tenants.pictures import PICTURE_LIMIT, dropped_unless_kept, take_picture
from app.web.forms import Form, Invalid
from app.web.redirects import see_other


@post("/settings/apps/{app_id:int}/picture", request_max_body_size=2 * PICTURE_LIMIT, opt={"streams": True})
async def save_bot_picture(
    request: AnyRequest, database: Database, transaction: Transaction, member: Member, settings: Settings, app_id: int
) -> Response[Any]:
    """Show a picture of an app's bot instead of initials."""
    require(member, "manage", "apps")
    await get_app(transaction, app_id)
    tenant = transaction.tenant
    directory = pictures_of(settings, tenant)
    try:
        key = await take_picture(request, transaction, directory, square=True)
    except Invalid as invalid:
        async with database.read(tenant.id) as reading:
            signed_in = await provide_signed_in(request, reading, settings)
            form = Form()
            form.errors = invalid.errors
            app, bot = await get_app(reading, app_id)
            return await render_app(request, reading, signed_in.member, app, bot, pictured=form, status=422)
    async with dropped_unless_kept(directory, key), write_signed_in(request) as (writing, admin):
        await change_bot_picture(writing, admin, *await get_app(writing, app_id), key, directory)
    return see_other(f"/settings/apps/{app_id}?done=app-changed")


@post("/settings/apps/{app_id:int}/picture/remove")
async def remove_bot_picture(
    transaction: Transaction, member: Member, settings: Settings, app_id: int
) -> Response[Any]:
    """Go back to initials."""
    require(member, "manage", "apps")
    directory = pictures_of(settings, transaction.tenant)
    await change_bot_picture(transaction, member, *await get_app(transaction, app_id), None, directory)
    return see_other(f"/settings/apps/{app_id}?done=app-changed")


handlers = [save_bot_picture, remove_bot_picture]
