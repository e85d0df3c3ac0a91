"""Pages of members: who is here, and what admins do with whom."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.ended_forms import find_end, keep_end
from app.accounts.members import Member
from app.accounts.questions import Question, asked, asks_first
from app.accounts.quick_switcher import leads_to
from app.accounts.reauthentication import dangerous, raises_role
from app.accounts.rights import is_at_least, may, require
from app.accounts.shell import NOTICES, find_named_people, notice, render_page
from app.accounts.tabs import tab
from app.accounts.undo import TooLate, UndoState, lead_to, offer_undo, undoes
from app.database import Transaction
from app.tenants.invitations import roles_to_give
from app.tenants.member_list import render_members
from app.tenants.member_questions import describe_account_removal, describe_handing_over, describe_suspension
from app.tenants.members import (
    change_role,
    get_other,
    hand_over_ownership,
    remove_member,
    restore_member,
    suspend_member,
)
from app.tenants.roles import ROLES, kept_role, say_given_role
from app.web.bodies import provide_form
from app.web.forms import Form, Invalid
from app.web.redirects import see_other
from app.web.seen_forms import ChangedSince, refuse_unseen, show_as_saved
from app.web.texts import Text, _l

# Each with the name of the member, or without it where the address has none.
for key, text, named in (
    (
        "handed-over",
        _l("The workspace has a new owner. You are an admin now."),
        _l("%(name)s is the owner now, and you are an admin."),
    ),
    ("member-suspended", _l("Suspended."), _l("%(name)s is suspended.")),
    ("member-restored", _l("Access restored."), _l("%(name)s has access again.")),
    ("member-removed", _l("They are no longer a member."), _l("%(name)s is no longer a member.")),
    ("role-owner", _l("Role changed."), _l("%(name)s is now an owner.")),
    ("role-admin", _l("Role changed."), _l("%(name)s is now an admin.")),
    ("role-member", _l("Role changed."), _l("%(name)s is now a member.")),
    ("role-viewer", _l("Role changed."), _l("%(name)s is now a viewer.")),
    ("role-guest", _l("Role changed."), _l("%(name)s is now a guest.")),
):
    notice(key, text, named=named, find=find_named_people)


leads_to("pages", _l("People"), "/members", icon="users", order=40)
leads_to("acts", _l("Invite people"), "/members#invite", icon="users", order=40, right=("invite", "members"))
tab("settings", _l("People"), "/members", icon="users", order=20)


@get("/members")
async def show_member_list(
    request: AnyRequest, transaction: Transaction, member: Member, q: str = "", page: str = ""
) -> Response[str]:
    """Everybody with an account."""
    return await render_members(request, transaction, member, q=q, page=page)


@get("/members/{member_id:int}")
async def show_member(request: AnyRequest, transaction: Transaction, member: Member, member_id: int) -> Response[Any]:
    """Somebody, and what may be done with them: each with what it means."""
    return await render_member(request, transaction, member, await get_other(transaction, member, member_id))


async def render_member(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    person: Member,
    form: Form | None = None,
    *,
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
        may_manage=may(member, "manage", person),
        may_hand_over=may(member, "hand over to", person) and person.active,
        error=error,
        form=form or show_as_saved(kept_role(person)),
    )


async def render_refused(
    request: AnyRequest, transaction: Transaction, member: Member, person: Member, invalid: Invalid
) -> Response[str]:
    """The page of a member again, with the reason why nothing was done."""
    error = invalid.first
    return await render_member(request, transaction, member, person, error=error, status=422)


async def describe_role(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What giving somebody a role does."""
    person = await get_other(transaction, member, request.path_params["member_id"])
    require(member, "manage", person)
    what = _l("Make %(name)s an admin?", name=person.name)
    if (await provide_form(request))["role"] == "owner":
        what = _l("Make %(name)s an owner?", name=person.name)
    return Question(
        what=what,
        consequences=[],
        button=_l("Continue"),
        back=f"/members/{person.id}",
    )


@post(
    "/members/{member_id:int}/role",
    **dangerous(
        _l("You are about to give someone the rights of an admin or owner."), when=raises_role, describe=describe_role
    ),
)
async def give_role(
    request: AnyRequest, transaction: Transaction, member: Member, member_id: int, form: Form
) -> Response[Any]:
    """Give somebody another role."""
    person = await get_other(transaction, member, member_id)
    before = person.role
    try:
        refuse_unseen(form, kept_role(person), lambda each: say_given_role(each, transaction.tenant.language))
        if not await change_role(transaction, member, person, form["role"]):
            return see_other(f"/members/{member_id}")
    except ChangedSince as changed:
        form.errors = changed.errors
        return await render_member(request, transaction, member, person, form, status=changed.status)
    except Invalid as invalid:
        return await render_refused(request, transaction, member, person, invalid)
    address = f"/members/{member_id}?done=role-{person.role}&about={member_id}"
    # Rights that were taken away are given again by the form, which asks for the password.
    if not is_at_least(person.role, before):
        return see_other(address)
    state = {"person": person.id, "name": person.name, "before": before, "after": person.role}
    return lead_to(address, await offer_undo(transaction, member, "member.role", **state))


def say_role(state: UndoState) -> Text:
    """Who has which role now."""
    said = NOTICES[f"role-{state['after']}"]
    name = state.get("name")
    return Text(said.named.message, {"name": name}) if said.named and name else said.text


@undoes("member.role", say_role)
async def give_role_before(request: AnyRequest, transaction: Transaction, member: Member, state: UndoState) -> str:
    """Give somebody the role again that they had."""
    person = await get_other(transaction, member, state["person"])
    if person.role != state["after"]:
        raise TooLate(_l("The role has changed since."))
    try:
        await change_role(transaction, member, person, state["before"])
    except Invalid as refusal:
        raise TooLate(refusal.first) from refusal
    return f"/members/{person.id}"


@post(
    "/members/{member_id:int}/owner",
    **dangerous(_l("You are about to transfer ownership."), describe=describe_handing_over),
)
async def make_owner(request: AnyRequest, transaction: Transaction, member: Member, member_id: int) -> Response[Any]:
    """Hand over the workspace."""
    person = await get_other(transaction, member, member_id)
    try:
        await hand_over_ownership(transaction, member, person)
    except Invalid as invalid:
        return await render_refused(request, transaction, member, person, invalid)
    return await keep_end(request, transaction, member, see_other(f"/members?done=handed-over&about={member_id}"))


@post("/members/{member_id:int}/suspend", **asked(describe_suspension))
async def keep_out(request: AnyRequest, transaction: Transaction, member: Member, member_id: int) -> Response[Any]:
    """Keep somebody out."""
    person = await get_other(transaction, member, member_id)
    try:
        await suspend_member(transaction, person, member)
    except Invalid as invalid:
        return await render_refused(request, transaction, member, person, invalid)
    return await keep_end(request, transaction, member, see_other(f"/members?done=member-suspended&about={member_id}"))


@post("/members/{member_id:int}/restore")
async def let_in_again(request: AnyRequest, transaction: Transaction, member: Member, member_id: int) -> Response[Any]:
    """Let somebody in again."""
    if done := await find_end(request, transaction, member):
        return done
    await restore_member(transaction, await get_other(transaction, member, member_id), member)
    return await keep_end(request, transaction, member, see_other(f"/members?done=member-restored&about={member_id}"))


@post(
    "/members/{member_id:int}/remove",
    **dangerous(_l("You are about to remove someone from the workspace."), describe=describe_account_removal),
)
async def remove_account(
    request: AnyRequest, transaction: Transaction, member: Member, member_id: int
) -> Response[Any]:
    """Take somebody's account away."""
    person = await get_other(transaction, member, member_id)
    try:
        await remove_member(transaction, person, member)
    except Invalid as invalid:
        return await render_refused(request, transaction, member, person, invalid)
    return await keep_end(request, transaction, member, see_other(f"/members?done=member-removed&about={member_id}"))


handlers = [
    show_member_list,
    show_member,
    give_role,
    asks_first("/members/{member_id:int}/owner", describe_handing_over, password=True),
    make_owner,
    asks_first("/members/{member_id:int}/suspend", describe_suspension),
    keep_out,
    let_in_again,
    asks_first("/members/{member_id:int}/remove", describe_account_removal, password=True),
    remove_account,
]
