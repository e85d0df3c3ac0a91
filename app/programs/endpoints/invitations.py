"""Invitations: by mail, and links that some people may use."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from litestar import Response
from litestar.exceptions import NotFoundException
from sqlalchemy import bindparam, select

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.passwords import MailLimit
from app.accounts.rights import require
from app.accounts.token_forms import NARROWINGS
from app.database import PreparedSelect, Transaction
from app.programs.endpoints.people import LARGEST_ID
from app.programs.kept_answers import write_once
from app.programs.lists import DEFAULT_LIMIT, After, Limit, page_rows, read_cursor
from app.programs.people_shapes import (
    InvitationShape,
    MadeLink,
    NewInvitation,
    NewLink,
    shape_invitation,
)
from app.programs.problems import Problem
from app.programs.routes import ListPart, adds, reads, removes
from app.settings import Settings
from app.tenants.invitations import (
    Invitation,
    get_invitation,
    invite_by_mail,
    is_open,
    make_link,
    renew_invitation,
    revoke_invitation,
)
from app.tenants.invited import INVITABLE
from app.tenants.pages.invitations import mail_invitation
from app.tenants.roles import GUEST
from app.web.mail_addresses import account_address, read_mail_address

INVITATION = "/invitations/{invitation_id:int}"
PLACES: tuple[Literal["collection", "room"], ...] = ("collection", "room")
LIST_INVITATIONS_BEFORE = PreparedSelect(
    lambda: (
        select(Invitation)
        .where(is_open(), Invitation.id < bindparam("before"))
        .order_by(Invitation.id.desc())
        .limit(bindparam("most"))
    )
)


async def find_open(transaction: Transaction, member: Member, invitation_id: int) -> Invitation:
    """An invitation that works, for who may invite. Raises a 404 problem."""
    require(member, "invite", "members")
    if not 0 < invitation_id <= LARGEST_ID:
        raise NotFoundException
    return await get_invitation(transaction, invitation_id)


async def name_invited_to(
    transaction: Transaction, member: Member, role: str, collections: Sequence[str], rooms: Sequence[str]
) -> list[str]:
    """The names of what a guest is let into, such as `room-7`. Raises a 422 problem for what the member could not
    invite to, or the token is not for, for nothing at all, and for who is no guest."""
    given = {"collections": collections, "rooms": rooms}
    if role != GUEST:
        if errors := {name: "Only guests are let into some things." for name, slugs in given.items() if slugs}:
            raise Problem("invalid", errors=errors)
        return []
    names, errors = [], {}
    for (place, slugs), kind in zip(given.items(), PLACES, strict=True):
        found = await NARROWINGS[place].find(transaction, member, slugs) if slugs else {}
        things = await INVITABLE[kind].list_things(transaction, member) if found else ()
        may_invite_to = {each.id for each in things if member.grant.reaches([(kind, each.id)])}
        missing = [slug for slug in slugs if found.get(slug) not in may_invite_to]
        if missing:
            errors[place] = f"There is no “{missing[0]}” here that you may invite to."
        names += [f"{kind}-{found[slug]}" for slug in slugs if slug not in missing]
    if not names and not errors:
        errors["collections"] = "A guest sees nothing but what you invite them to: name something."
    if errors:
        raise Problem("invalid", errors=errors)
    return list(dict.fromkeys(names))


@reads("/invitations", scope="people:write")
async def list_invitations_for_programs(
    transaction: Transaction, member: Member, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[InvitationShape]:
    """The invitations that work, the newest first; for admins."""
    require(member, "invite", "members")
    before = (read_cursor(next, int) or [LARGEST_ID])[0]
    rows = await transaction.column(LIST_INVITATIONS_BEFORE, before=before, most=limit + 1)
    return page_rows(rows, limit, shape_invitation, lambda each: (each.id,))


@adds("/invitations", scope="people:write", writes=False)
async def invite_by_program(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    mailing: MailLimit,
    data: NewInvitation,
) -> Response[InvitationShape]:
    """Invite an address: it is mailed a link that works once, for seven days. An earlier one of it works no more."""
    require(member, "invite", "members")
    try:
        email = account_address(read_mail_address(data.email.strip().lower()))
    except ValueError as error:
        raise Problem("invalid", errors={"email": "This does not look like an email address."}) from error

    async def invite(writing: Transaction, actor: Member) -> InvitationShape:
        invited_to = await name_invited_to(writing, actor, data.role, data.collections, data.rooms)
        invitation, secret = await invite_by_mail(writing, settings, actor, email, data.role, invited_to)
        mail_invitation(writing, actor, invitation, secret)
        return shape_invitation(invitation)

    async with mailing.counting(email, transaction.tenant.id):
        return (await write_once(request, 201, invite))[0]


@adds("/invitations/links", scope="people:write", secret=True)
async def make_link_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, settings: Settings, data: NewLink
) -> MadeLink:
    """Make a link that some people may use. It lets in whoever has it, and is shown this once."""
    require(member, "invite", "members")
    invited_to = await name_invited_to(transaction, member, data.role, data.collections, data.rooms)
    invitation, secret = await make_link(transaction, member, data.role, data.uses, data.days, invited_to)
    link = settings.workspace_url(transaction.tenant.slug, f"/join?token={secret}")
    return MadeLink(link, shape_invitation(invitation))


@adds(INVITATION + "/renew", scope="people:write", status_code=200, writes=False)
async def renew_by_program(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    mailing: MailLimit,
    invitation_id: int,
) -> Response[InvitationShape]:
    """Mail an invitation again, with a new link and seven days more. One that is a link can't be: make another."""
    invitation = await find_open(transaction, member, invitation_id)
    if not invitation.email:
        raise Problem("conflict", "A link is not mailed. Make another one.")
    require(member, "change", invitation)

    async def renew(writing: Transaction, actor: Member) -> InvitationShape:
        renewed = await find_open(writing, actor, invitation_id)
        secret = await renew_invitation(writing, settings, actor, renewed)
        mail_invitation(writing, actor, renewed, secret)
        return shape_invitation(renewed)

    async with mailing.counting(invitation.email, transaction.tenant.id):
        return (await write_once(request, 200, renew))[0]


@removes(INVITATION, scope="people:write")
async def revoke_by_program(transaction: Transaction, member: Member, invitation_id: int) -> None:
    """Let an invitation work no more. Who came in by it stays."""
    await revoke_invitation(transaction, member, await find_open(transaction, member, invitation_id))


endpoints: list[Any] = [
    list_invitations_for_programs,
    invite_by_program,
    make_link_by_program,
    renew_by_program,
    revoke_by_program,
]
