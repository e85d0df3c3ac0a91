"""Pages of a workspace as a whole: home and settings."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect

from app.accounts.access import AnyRequest, require_role
from app.accounts.members import Member
from app.accounts.shell import notice, render_page
from app.database import Transaction
from app.tenants.workspaces import change_settings
from app.web.forms import Form, Invalid
from app.web.texts import LANGUAGES, _l

notice("settings", _l("The settings were saved."))


async def render_settings(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form, *, status: int = 200
) -> Response[str]:
    """The settings page."""
    return await render_page(
        request,
        transaction,
        member,
        "tenants/settings.html",
        status=status,
        form=form,
        languages=LANGUAGES,
    )


@get("/settings")
async def show_settings(request: AnyRequest, transaction: Transaction, member: Member) -> Response[str]:
    """Name and language of the workspace, for admins."""
    require_role(member, "admin")
    tenant = transaction.tenant
    form = Form([("name", tenant.name), ("language", tenant.language)])
    return await render_settings(request, transaction, member, form)


@post("/settings")
async def save_settings(request: AnyRequest, transaction: Transaction, member: Member, form: Form) -> Response[Any]:
    """Change name and language."""
    require_role(member, "admin")
    name = form.text("name", limit=80)
    try:
        form.check()
        await change_settings(transaction, name=name, language=form["language"])
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_settings(request, transaction, member, form, status=422)
    return Redirect("/settings?done=settings", status_code=303)


handlers = [show_settings, save_settings]
