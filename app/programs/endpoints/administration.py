"""What admins choose for everybody, the tokens of the workspace, and handing it over."""

from __future__ import annotations

from typing import Any

from litestar import Response
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.program_tokens import EVERY_TOKEN, end_token, get_token, list_tokens_before
from app.accounts.rights import require
from app.database import Tenant, Transaction
from app.programs.answering import TAGGED
from app.programs.endpoints.people import LARGEST_ID, PERSON, find_one
from app.programs.lists import DEFAULT_LIMIT, After, Limit, page_rows, read_cursor
from app.programs.people_shapes import MemberShape, shape_member
from app.programs.record_shapes import list_named
from app.programs.records import IfAsSeen, as_forms_have_it, check_seen
from app.programs.routes import ListPart, adds, changes, reads, removes
from app.programs.shapes import shape_person
from app.programs.wish_shapes import SettingsChange, SettingsShape, TokenShape, shape_token
from app.tenants.members import hand_over_ownership
from app.tenants.workspaces import change_settings
from app.web.forms import Form


def shape_settings(tenant: Tenant) -> SettingsShape:
    """The settings of a workspace, for programs."""
    return SettingsShape(tenant.name, tenant.language, tenant.locale, tenant.color, tenant.session_days)


@reads("/settings", scope="admin")
async def show_settings_to_program(transaction: Transaction, member: Member) -> SettingsShape:
    """What admins have chosen for everybody."""
    require(member, "change", "settings")
    return shape_settings(transaction.tenant)


@changes("/settings", scope="admin", answers=(412, 428))
async def change_settings_by_program(
    transaction: Transaction, member: Member, data: SettingsChange, if_match: IfAsSeen = None
) -> Response[SettingsShape]:
    """Choose something else for everybody. Sessions that run last as long as is chosen, too."""
    require(member, "change", "settings")
    tenant = transaction.tenant
    check_seen(if_match, shape_settings(tenant))
    wanted = {**list_named(shape_settings(tenant)), **list_named(data)}
    form = Form([("name", as_forms_have_it(wanted["name"]))])
    wanted["name"] = form.name("name", kept=tenant.name)
    form.check()
    await change_settings(transaction, member, **wanted)
    return Response(shape_settings(tenant), headers=TAGGED)


@reads("/tokens", scope="admin")
async def list_tokens_for_programs(
    transaction: Transaction, member: Member, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[TokenShape]:
    """All tokens of the workspace that work, the newest first; for admins. What their programs show, nobody sees."""
    require(member, "end", "tokens")
    before = (read_cursor(next, int) or [EVERY_TOKEN])[0]
    rows = await list_tokens_before(transaction, before, limit + 1)
    return page_rows(rows, limit, lambda row: shape_token(row[0], shape_person(row[1])), lambda row: (row[0].id,))


@removes("/tokens/{token_id:int}", scope="admin")
async def end_token_by_program(transaction: Transaction, member: Member, token_id: int) -> None:
    """End a token of anybody's: its streams end, and what it holds is free. Nobody makes one so."""
    require(member, "end", "tokens")
    if not 0 < token_id <= LARGEST_ID:
        raise NotFoundException
    await end_token(transaction, *await get_token(transaction, token_id))


@adds(PERSON + "/owner", scope="admin", status_code=200)
async def hand_workspace_over(
    request: AnyRequest, transaction: Transaction, member: Member, member_id: int
) -> MemberShape:
    """Hand the workspace over, as its owner: one is an admin then, and only the new owner can give it back."""
    person = await find_one(transaction, member, member_id)
    await hand_over_ownership(transaction, member, person)
    return shape_member(person)


endpoints: list[Any] = [
    show_settings_to_program,
    change_settings_by_program,
    list_tokens_for_programs,
    end_token_by_program,
    hand_workspace_over,
]
