"""How the member of a token is seen by others, and the workspace: names and pictures."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litestar import Response

from app.accounts.access import AnyRequest, write_signed_in
from app.accounts.members import Member
from app.accounts.rights import require
from app.database import Transaction
from app.files.small_pictures import pictures_of
from app.files.uploads import StoredFile
from app.programs.endpoints.administration import shape_settings
from app.programs.people_shapes import MemberShape, ProfileChange, shape_member
from app.programs.problems import Problem
from app.programs.record_shapes import list_named
from app.programs.records import as_forms_have_it
from app.programs.routes import brings, changes, reads, removes
from app.programs.transfers import store_picture_once
from app.programs.wish_shapes import SettingsShape
from app.settings import Settings
from app.tenants.limits import RenamingLimit
from app.tenants.members import rename_member
from app.tenants.pictures import change_logo, change_picture
from app.web.calls import retry_after
from app.web.forms import Form

PROFILE = "/profile"
PICTURE = PROFILE + "/picture"
LOGO = "/settings/logo"


@reads(PROFILE, scope="people:read")
async def show_profile(member: Member) -> MemberShape:
    """The member for whom the token acts."""
    return shape_member(member)


@changes(PROFILE, scope="people:write", writes=False)
async def change_profile(
    request: AnyRequest, transaction: Transaction, member: Member, data: ProfileChange
) -> MemberShape:
    """Change the name that others see: ten times an hour, as on the page."""
    wanted = list_named(data)
    name = member.name
    if "name" in wanted:
        form = Form([("name", as_forms_have_it(wanted["name"]))])
        name = form.name("name", kept=member.name)
        form.check()
    if name == member.name:
        return shape_member(member)
    if wait := await RenamingLimit(request.app.state.windows).count(member):
        detail = "The name was changed several times already. Try again later."
        raise Problem("too-many-requests", detail, headers=retry_after(wait))
    async with write_signed_in(request) as (writing, person):
        rename_member(writing, person, name)
        return shape_member(person)


@brings(PICTURE, scope="people:write", status_code=200)
async def save_picture_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, settings: Settings
) -> Response[MemberShape]:
    """Be shown with a picture, which is the body of the request: PNG, JPEG, GIF or WebP, up to 8 MB."""

    async def keep(writing: Transaction, person: Member, stored: StoredFile, directory: Path) -> MemberShape:
        await change_picture(writing, person, stored.key, directory)
        return shape_member(person)

    return await store_picture_once(request, transaction, settings, keep, square=True)


@removes(PICTURE, scope="people:write")
async def remove_picture_by_program(transaction: Transaction, member: Member, settings: Settings) -> None:
    """Be shown with initials again."""
    if member.picture is not None:
        await change_picture(transaction, member, None, pictures_of(settings, transaction.tenant))


@brings(LOGO, scope="admin", status_code=200)
async def save_logo_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, settings: Settings
) -> Response[SettingsShape]:
    """Give the workspace a logo, which is the body of the request: PNG, JPEG, GIF or WebP, up to 8 MB."""
    require(member, "change", "settings")

    async def keep(writing: Transaction, admin: Member, stored: StoredFile, directory: Path) -> SettingsShape:
        await change_logo(writing, admin, stored.key, directory)
        return shape_settings(writing.tenant)

    return await store_picture_once(request, transaction, settings, keep, square=False)


@removes(LOGO, scope="admin")
async def remove_logo_by_program(transaction: Transaction, member: Member, settings: Settings) -> None:
    """Show the program's own logo again."""
    require(member, "change", "settings")
    await change_logo(transaction, member, None, pictures_of(settings, transaction.tenant))


endpoints: list[Any] = [
    show_profile,
    change_profile,
    save_picture_by_program,
    remove_picture_by_program,
    save_logo_by_program,
    remove_logo_by_program,
]
