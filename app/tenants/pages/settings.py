"""The settings of a workspace, for admins: name, language, formats, color, logo; and how long people stay signed in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.rights import require
from app.accounts.sessions import SignedIn
from app.accounts.shell import notice, render_page
from app.accounts.tabs import tab
from app.database import Tenant, Transaction
from app.files.small_pictures import pictures_of
from app.settings import Settings
from app.tenants.locales import AS_USUAL, list_locales
from app.tenants.pictures import PICTURE_LIMIT, change_logo, save_picture_of_form
from app.tenants.security import length_of
from app.tenants.workspaces import change_settings
from app.web.colors import WORKSPACE_COLORS
from app.web.forms import Form, Invalid, clean_line
from app.web.redirects import see_other
from app.web.seen_forms import refuse_unseen, show_as_saved, take_saved
from app.web.texts import LANGUAGES, Text, _l

notice("settings", _l("Settings saved."))

tab("settings", _l("General"), "/settings", icon="settings", order=10, right=("change", "settings"))


def say_settings(form: Form, tenant: Tenant) -> list[tuple[Text, str]]:
    """What a form says of the settings, as people read it; one of before 0.3 has no color, and changes none."""
    color = form["color"] or tenant.color
    locales = {"": AS_USUAL.translate(tenant.language), **list_locales(tenant.language)}
    return [
        (_l("Name"), clean_line(form["name"])),
        (_l("Language"), LANGUAGES.get(form["language"], form["language"])),
        (_l("Numbers and dates"), locales.get(form["locale"], form["locale"])),
        (_l("Color"), WORKSPACE_COLORS[color].label.translate(tenant.language) if color in WORKSPACE_COLORS else color),
    ]


def kept_settings(tenant: Tenant) -> list[tuple[str, str]]:
    """What the form of the settings shows."""
    kept = ("name", "language", "locale", "color")
    return [(setting, str(getattr(tenant, setting))) for setting in kept]


async def render_settings(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form | None = None, *, status: int = 200
) -> Response[str]:
    """The general settings, with what was typed."""
    tenant = transaction.tenant
    return await render_page(
        request,
        transaction,
        member,
        "tenants/settings.html",
        status=status,
        form=form or show_as_saved(kept_settings(tenant)),
        languages=LANGUAGES,
        locales=list_locales(tenant.language),
        colors=WORKSPACE_COLORS,
    )


@get("/settings")
async def show_settings_form(request: AnyRequest, transaction: Transaction, member: Member) -> Response[str]:
    """What admins choose for everybody."""
    require(member, "change", "settings")
    return await render_settings(request, transaction, member)


@post("/settings")
async def save_settings(request: AnyRequest, transaction: Transaction, member: Member, form: Form) -> Response[Any]:
    """Change name, language, color, and how numbers and dates are written."""
    require(member, "change", "settings")
    tenant = transaction.tenant
    take_saved(form, kept_settings(tenant))
    name = form.name("name", kept=tenant.name)
    try:
        form.check()
        refuse_unseen(form, kept_settings(tenant), lambda each: say_settings(each, tenant))
        await change_settings(
            transaction,
            member,
            name=name,
            language=form["language"],
            locale=form["locale"],
            color=form["color"] or tenant.color,
            session_days=length_of(form) or tenant.session_days,  # as pages of before 0.3 send it
        )
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_settings(request, transaction, member, form, status=invalid.status)
    return see_other("/settings?done=settings")


@post("/settings/logo", request_max_body_size=2 * PICTURE_LIMIT, opt={"streams": True})
async def save_logo(request: AnyRequest, transaction: Transaction, member: Member) -> Response[Any]:
    """Give the workspace a logo."""
    require(member, "change", "settings")

    async def show(reading: Transaction, again: SignedIn, errors: Mapping[str, Text]) -> Response[str]:
        form = show_as_saved(kept_settings(reading.tenant))
        form.errors = dict(errors)
        return await render_settings(request, reading, again.member, form, status=422)

    refused = await save_picture_of_form(request, transaction, show, change_logo, square=False)
    return refused or see_other("/settings?done=settings")


@post("/settings/logo/remove")
async def remove_logo(transaction: Transaction, member: Member, settings: Settings) -> Response[Any]:
    """Go back to the program's own logo."""
    require(member, "change", "settings")
    await change_logo(transaction, member, None, pictures_of(settings, transaction.tenant))
    return see_other("/settings?done=settings")


handlers = [show_settings_form, save_settings, save_logo, remove_logo]
