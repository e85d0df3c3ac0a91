"""Pages of invitations that admins send."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest, write_signed_in
from app.accounts.ended_forms import find_end, keep_end
from app.accounts.form_answers import find_answer, keep_answer
from app.accounts.members import Member
from app.accounts.passwords import MailLimit, TooManyTries
from app.accounts.questions import Question, asked, asks_first
from app.accounts.quick_switcher import leads_to
from app.accounts.reauthentication import dangerous, raises_role
from app.accounts.rights import may, require
from app.accounts.shell import notice, render_page
from app.database import Transaction
from app.mail.outbox import Content, composer, put_mail
from app.mail.rendering import Face, render_mail
from app.settings import Settings
from app.tenants.confirmation import is_confirmed
from app.tenants.invitations import (
    Invitation,
    find_invitation,
    get_invitation,
    invite_by_mail,
    make_link,
    page_invitations,
    renew_invitation,
    revoke_invitation,
)
from app.tenants.invited import describe_invited_to, read_names
from app.tenants.member_list import render_members
from app.tenants.roles import ROLES
from app.web.bodies import provide_form
from app.web.forms import Form, Invalid, number_of
from app.web.paging import PAGE_SIZE
from app.web.redirects import see_other
from app.web.texts import _l, _ln, translations


async def find_address(transaction: Transaction, member: Member, about: str) -> str | None:
    """The address that an invitation is for, to those who may see invitations."""
    if not may(member, "invite", "members"):
        return None
    invitation = await transaction.get(Invitation, number_of(about))
    return invitation.email if invitation else None


notice(
    "invitation-sent",
    _l("The invitation is on its way."),
    named=_l("The invitation for %(name)s is on its way."),
    find=find_address,
)
notice(
    "link-made",
    _l("The link was already created, and is shown only once. If you did not store it, revoke it and create another."),
)
notice(
    "invitation-revoked",
    _l("The invitation no longer works."),
    named=_l("The invitation for %(name)s no longer works."),
    find=find_address,
)


async def describe_inviting(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What inviting somebody does."""
    require(member, "invite", "members")
    form = await provide_form(request)
    owner, email = form["role"] == "owner", form["email"].strip()[:254]
    if email:
        what = _l("Invite %(email)s as an admin?", email=email)
        if owner:
            what = _l("Invite %(email)s as an owner?", email=email)
    else:
        what = _l("Create a link for owners?") if owner else _l("Create a link for admins?")
    return Question(what=what, consequences=[], button=_l("Continue"), back="/members")


INVITING = dangerous(
    _l("You are about to invite someone with the rights of an admin or owner."),
    when=raises_role,
    describe=describe_inviting,
)


def mail_invitation(transaction: Transaction, actor: Member, invitation: Invitation, token: str) -> None:
    """Mail the link, with this transaction."""
    put_mail(
        transaction,
        composer="invitation",
        useless_after=invitation.expires_at,
        token=token,
        actor=actor.id,
    )


@composer("invitation")
async def write_invitation(transaction: Transaction, settings: Settings, payload: dict[str, Any]) -> Content | None:
    """The mail with the link, while the link works: not when it was used, revoked or sent again meanwhile."""
    tenant = transaction.tenant
    invitation = await find_invitation(transaction, payload["token"])
    if invitation is None or not invitation.email:
        return None
    actor = await transaction.get_one(Member, payload["actor"])
    face = Face(actor.id, actor.name, actor.picture)
    subject = translations(tenant.language).gettext("%(name)s invites you to %(workspace)s")
    return render_mail(
        settings,
        tenant,
        "tenants/invitation_mail",
        receiver=invitation.email,
        subject=subject % {"name": actor.name, "workspace": tenant.name},
        actor=actor,
        face=face,
        faces=[face],
        link=settings.workspace_url(tenant.slug, f"/join?token={payload['token']}"),
    )


@post("/members/invitations", **(INVITING | {"opt": {**INVITING["opt"], "writes": False}}))
async def send_invitation(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    mailing: MailLimit,
    form: Form,
) -> Response[Any]:
    """Invite an address."""
    require(member, "invite", "members")
    email = form.email("email")
    try:
        if answer := await find_answer(request, transaction, member, form):
            return answer
        form.check()
        async with (
            mailing.counting(email, transaction.tenant.id),
            write_signed_in(request) as (writing, actor),
        ):
            if answer := await find_answer(request, writing, actor, form):  # sent twice at once
                return answer
            invited_to = await read_names(writing, actor, form)
            form.check()
            invitation, token = await invite_by_mail(writing, settings, actor, email, form["role"], invited_to)
            mail_invitation(writing, actor, invitation, token)
            return await keep_answer(
                request, writing, actor, form, f"/members?done=invitation-sent&about={invitation.id}"
            )
    except (Invalid, TooManyTries) as refusal:
        return await refuse_mail(request, transaction, member, form, refusal)


async def refuse_mail(
    request: AnyRequest, transaction: Transaction, member: Member, form: Form, refusal: Invalid | TooManyTries
) -> Response[str]:
    """The list of members, with the reason why nothing was mailed where the address was typed."""
    form.errors = refusal.errors if isinstance(refusal, Invalid) else {"email": refusal.text}
    status = refusal.status if isinstance(refusal, Invalid) else refusal.status_code
    answer = await render_members(request, transaction, member, mail_form=form, status=status)
    if isinstance(refusal, TooManyTries):
        answer.headers.update(refusal.headers or {})
    return answer


@post("/members/links", **INVITING)
async def add_link(
    request: AnyRequest, transaction: Transaction, member: Member, settings: Settings, form: Form
) -> Response[Any]:
    """Make a link for some people, and show it, this once."""
    require(member, "invite", "members")
    try:
        if answer := await find_answer(request, transaction, member, form):
            return answer
        invited_to = await read_names(transaction, member, form)
        form.check()
        uses, days = number_of(form["uses"]), number_of(form["days"])
        _, token = await make_link(transaction, member, form["role"], uses, days, invited_to)
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_members(request, transaction, member, link_form=form, status=invalid.status)
    await keep_answer(request, transaction, member, form, "/members?done=link-made")
    link = settings.workspace_url(transaction.tenant.slug, f"/join?token={token}")
    return await render_members(request, transaction, member, link=link)


@post("/members/invitations/{invitation_id:int}/resend", opt={"writes": False})
async def resend(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    mailing: MailLimit,
    invitation_id: int,
) -> Response[Any]:
    """Mail an invitation again, with a new link."""
    require(member, "invite", "members")
    if done := await find_end(request, transaction, member):
        return done
    invitation = await get_invitation(transaction, invitation_id)
    led = see_other(f"/members?done=invitation-sent&about={invitation_id}")
    if invitation.email:
        try:
            require(member, "change", invitation)
            async with (
                mailing.counting(invitation.email, transaction.tenant.id),
                write_signed_in(request) as (writing, actor),
            ):
                renewed = await get_invitation(writing, invitation_id)
                token = await renew_invitation(writing, settings, actor, renewed)
                mail_invitation(writing, actor, renewed, token)
                await keep_end(request, writing, actor, led)
        except (Invalid, TooManyTries) as refusal:
            typed = Form([("email", invitation.email), ("role", invitation.role)])
            return await refuse_mail(request, transaction, member, typed, refusal)
    return led


async def describe_revocation(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What revoking an invitation does."""
    require(member, "invite", "members")
    invitation = await get_invitation(transaction, request.path_params["invitation_id"])
    require(member, "change", invitation)
    what = _l("Revoke the link?")
    if invitation.email:
        what = _l("Revoke the invitation for %(email)s?", email=invitation.email)
    left = _ln(
        "The link will no longer work: %(count)d person can still join with it.",
        "The link will no longer work: %(count)d people can still join with it.",
        max(0, invitation.most_uses - invitation.uses),
    )
    return Question(
        what=what,
        consequences=[left, _l("Anyone who has it needs a new one. People who joined with it stay.")],
        button=_l("Revoke"),
        back="/members",
    )


@post("/members/invitations/{invitation_id:int}/revoke", **asked(describe_revocation))
async def revoke(request: AnyRequest, transaction: Transaction, member: Member, invitation_id: int) -> Response[Any]:
    """Let an invitation work no more."""
    require(member, "invite", "members")
    await revoke_invitation(transaction, member, await get_invitation(transaction, invitation_id))
    led = see_other(f"/members?done=invitation-revoked&about={invitation_id}")
    return await keep_end(request, transaction, member, led)


leads_to(
    "pages",
    _l("Pending invitations"),
    "/members/invitations",
    icon="users",
    order=42,
    right=("invite", "members"),
)


@get("/members/invitations")
async def show_invitations(
    request: AnyRequest, transaction: Transaction, member: Member, page: str = ""
) -> Response[str]:
    """All invitations that are open, for admins."""
    require(member, "invite", "members")
    invitations = await page_invitations(transaction, page, size=PAGE_SIZE)
    return await render_page(
        request,
        transaction,
        member,
        "tenants/invitations.html",
        invitations=invitations,
        named=await describe_invited_to(transaction, member, [each.invited_to for each in invitations.items]),
        may_change=lambda invitation: may(member, "change", invitation),
        may_mail=is_confirmed(transaction.tenant, request.app.state.settings),
        roles=ROLES,
    )


handlers = [
    show_invitations,
    send_invitation,
    add_link,
    resend,
    asks_first("/members/invitations/{invitation_id:int}/revoke", describe_revocation),
    revoke,
]
