"""Pages of members: who is here, and what admins do with whom."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect

from app.accounts.access import AnyRequest, require_role
from app.accounts.members import Member
from app.accounts.reauthentication import dangerous, raises_role
from app.accounts.shell import list_parts, notice, render_page
from app.database import Transaction
from app.live.presence import list_readers
from app.tenants.confirmation import is_confirmed
from app.tenants.invitations import may_change, page_invitations, roles_to_give
from app.tenants.members import (
    change_role,
    get_other,
    hand_over_ownership,
    list_members,
    may_manage,
    remove_member,
    restore_member,
    suspend_member,
)
from app.web.forms import Form, Invalid
from app.web.paging import PAGE_SIZE
from app.web.texts import Text, _l

ROLES = {"owner": _l("Owner"), "admin": _l("Admin"), "member": _l("Member")}

notice("member-role", _l("The role was changed."))
notice("handed-over", _l("The workspace has a new owner. You are an admin now."))
notice("member-suspended", _l("They are kept out."))
notice("member-restored", _l("They may come in again."))
notice("member-removed", _l("They are no longer a member."))


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
    return await render_page(
        request,
        transaction,
        member,
        "tenants/members.html",
        status=status,
        members=await list_members(transaction, q, page),
        here={person.id for person in list_readers(request, transaction, "tenant")["people"]},
        manageable=lambda person: may_manage(member, person),
        invitations=await page_invitations(transaction) if member.has_rank("admin") else None,
        may_change=lambda invitation: may_change(member, invitation),
        may_mail=is_confirmed(transaction.tenant, request.app.state.settings),
        roles=ROLES,
        giveable=roles_to_give(member),
        parts=await list_parts("members", request, transaction, member, None),
        **{**shown, **context},
    )


@get("/members")
async def show_members(
    request: AnyRequest, transaction: Transaction, member: Member, q: str = "", page: str = ""
) -> Response[str]:
    """Everybody with an account."""
    return await render_members(request, transaction, member, q=q, page=page)


@get("/members/invitations")
async def show_invitations(
    request: AnyRequest, transaction: Transaction, member: Member, page: str = ""
) -> Response[str]:
    """All invitations that are open, for admins."""
    require_role(member, "admin")
    return await render_page(
        request,
        transaction,
        member,
        "tenants/invitations.html",
        invitations=await page_invitations(transaction, page, size=PAGE_SIZE),
        may_change=lambda invitation: may_change(member, invitation),
        may_mail=is_confirmed(transaction.tenant, request.app.state.settings),
        roles=ROLES,
    )


@get("/members/{member_id:int}")
async def show_member(request: AnyRequest, transaction: Transaction, member: Member, member_id: int) -> Response[Any]:
    """Somebody, and what may be done with them: each with what it means."""
    return await render_member(request, transaction, member, await get_other(transaction, member_id))


async def render_member(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    person: Member,
    error: Text | None = None,
    status: int = 200,
) -> Response[str]:
    """The page of a member, with what did not do."""
    return await render_page(
        request,
        transaction,
        member,
        "tenants/member.html",
        status=status,
        person=person,
        roles=ROLES,
        giveable=roles_to_give(member),
        may_manage=may_manage(member, person),
        may_hand_over=member.role == "owner" and member.id != person.id and person.active,
        error=error,
    )


async def refuse(
    request: AnyRequest, transaction: Transaction, member: Member, person: Member, invalid: Invalid
) -> Response[str]:
    """The page of a member again, with the reason why nothing was done."""
    error = next(iter(invalid.errors.values()))
    return await render_member(request, transaction, member, person, error=error, status=422)


@post(
    "/members/{member_id:int}/role",
    opt=dangerous(_l("You are about to give somebody the rights of an admin or owner."), when=raises_role),
)
async def give_role(
    request: AnyRequest, transaction: Transaction, member: Member, member_id: int, form: Form
) -> Response[Any]:
    """Give somebody another role."""
    person = await get_other(transaction, member_id)
    try:
        await change_role(transaction, member, person, form["role"])
    except Invalid as invalid:
        return await refuse(request, transaction, member, person, invalid)
    return Redirect(f"/members/{member_id}?done=member-role", status_code=303)


@post("/members/{member_id:int}/owner", opt=dangerous(_l("You are about to hand over the workspace.")))
async def make_owner(request: AnyRequest, transaction: Transaction, member: Member, member_id: int) -> Response[Any]:
    """Hand over the workspace."""
    person = await get_other(transaction, member_id)
    try:
        await hand_over_ownership(transaction, member, person)
    except Invalid as invalid:
        return await refuse(request, transaction, member, person, invalid)
    return Redirect("/members?done=handed-over", status_code=303)


@post("/members/{member_id:int}/suspend")
async def suspend(request: AnyRequest, transaction: Transaction, member: Member, member_id: int) -> Response[Any]:
    """Keep somebody out."""
    person = await get_other(transaction, member_id)
    try:
        await suspend_member(transaction, person, member)
    except Invalid as invalid:
        return await refuse(request, transaction, member, person, invalid)
    return Redirect("/members?done=member-suspended", status_code=303)


@post("/members/{member_id:int}/restore")
async def restore(transaction: Transaction, member: Member, member_id: int) -> Response[Any]:
    """Let somebody in again."""
    await restore_member(transaction, await get_other(transaction, member_id), member)
    return Redirect("/members?done=member-restored", status_code=303)


@post("/members/{member_id:int}/remove", opt=dangerous(_l("You are about to take somebody's account away.")))
async def remove(request: AnyRequest, transaction: Transaction, member: Member, member_id: int) -> Response[Any]:
    """Take somebody's account away."""
    person = await get_other(transaction, member_id)
    try:
        await remove_member(transaction, person, member)
    except Invalid as invalid:
        return await refuse(request, transaction, member, person, invalid)
    return Redirect("/members?done=member-removed", status_code=303)


handlers = [show_invitations, show_members, show_member, give_role, make_owner, suspend, restore, remove]
