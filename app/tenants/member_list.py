"""The list of members, with the forms to invite more: what the pages of members and of invitations show."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from litestar import Response
from sqlalchemy import bindparam, func, select

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.rights import may
from app.accounts.sessions import Session
from app.accounts.shell import list_parts, render_page
from app.database import PreparedSelect, Transaction, now
from app.live.presence import list_readers
from app.tenants.confirmation import is_confirmed
from app.tenants.invitations import page_invitations, roles_to_give
from app.tenants.invited import describe_invited_to, read_invited_to
from app.tenants.members import list_members
from app.tenants.roles import ROLES
from app.web.forms import Form

COUNT_USES = PreparedSelect(
    lambda: (
        select(Session.member_id, func.count(), func.max(Session.seen_at))
        .where(Session.member_id.in_(bindparam("member_ids")), Session.expires_at > bindparam("moment", callable_=now))
        .group_by(Session.member_id)
    )
)


async def count_uses(transaction: Transaction, member_ids: Sequence[int]) -> dict[int, tuple[int, datetime]]:
    """In how many browsers members are signed in, and when they were last seen in one, by their ids."""
    found = await transaction.rows(COUNT_USES, member_ids=member_ids)
    return {member_id: (count, seen_at) for member_id, count, seen_at in found}


async def render_members(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    *,
    q: str = "",
    page: str = "",
    status: int = 200,
    **context: Any,
) -> Response[str]:
    """The list of members; for admins with the newest invitations that are open, and forms for new ones."""
    shown: dict[str, Any] = {"mail_form": Form([("role", "member")]), "link": "", "mailed": ""}
    shown["link_form"] = Form([("role", "member"), ("uses", "10"), ("days", "7")])
    shown |= context
    invitations, named, invited_to = None, {}, {}
    members = await list_members(transaction, member, q, page)
    may_invite = may(member, "invite", "members")
    if may_invite:
        invitations = await page_invitations(transaction)
        named = await describe_invited_to(transaction, member, [each.invited_to for each in invitations.items])
        forms: dict[str, Form] = {name: shown[name] for name in ("mail_form", "link_form")}
        # What was typed is read again to be shown; what was wrong with it is noted in the form already.
        invited_to = {name: await read_invited_to(transaction, member, form) for name, form in forms.items()}
    return await render_page(
        request,
        transaction,
        member,
        "tenants/members.html",
        status=status,
        members=members,
        used=await count_uses(transaction, [each.id for each in members.items]) if may_invite else None,
        here={person.id for person in list_readers(request, transaction, "tenant")["people"]},
        manageable=lambda person: may(member, "manage", person),
        invitations=invitations,
        named=named,
        invited_to=invited_to,
        may_change=lambda invitation: may(member, "change", invitation),
        may_mail=is_confirmed(transaction.tenant, request.app.state.settings),
        roles=ROLES,
        giveable=roles_to_give(member),
        parts=await list_parts("members", request, transaction, member, None),
        **shown,
    )
