"""Confirming the address that a workspace was made with, before it may send mails to strangers.

Whoever signs up may have typed anybody's address. Where mails really go out (`SMTP_URL`), the owner shows first that
mail to it is read; links to copy need no such proof.
"""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post
from litestar.response import Redirect

from app.accounts.access import AnyRequest, begin, write_signed_in
from app.accounts.members import Member
from app.accounts.passwords import GuessingLimit, MailLimit
from app.accounts.rights import may, require
from app.accounts.shell import notice, render_plain
from app.accounts.tokens import TOKEN_LIFETIME, find_token, make_token, use_token
from app.database import Database, Tenant, Transaction, now
from app.mail.letters import write_letter
from app.mail.outbox import Content, composer, put_mail
from app.settings import Settings
from app.tenants.facts import MailConfirmed
from app.tenants.links import check_link
from app.web.forms import Form, Invalid
from app.web.texts import _l, translations

notice("mail-confirmed", _l("The address is confirmed. You can invite others by mail now."))
notice("confirmation-sent", _l("The mail with the link is on its way."))


def is_confirmed(tenant: Tenant, settings: Settings) -> bool:
    """Whether the workspace may invite by mail."""
    return tenant.mail_confirmed_at is not None or not settings.smtp_url


def check_confirmed(tenant: Tenant, settings: Settings) -> None:
    """Raise Invalid while the workspace may not invite by mail."""
    if not is_confirmed(tenant, settings):
        raise Invalid(email=_l("An owner has to confirm their own address first. Until then, invite by a link."))


async def mail_confirmation(transaction: Transaction, member: Member) -> None:
    """Mail the link, with this transaction; an earlier one works no more."""
    put_mail(
        transaction,
        composer="confirmation",
        useless_after=now() + TOKEN_LIFETIME["confirm"],
        token=await make_token(transaction, member, "confirm"),
    )


@composer("confirmation")
async def write_confirmation(transaction: Transaction, settings: Settings, payload: dict[str, Any]) -> Content | None:
    """The mail with the link, while the link works and is needed."""
    tenant = transaction.tenant
    member = await find_token(transaction, payload["token"], "confirm")
    if member is None or not member.email or tenant.mail_confirmed_at is not None:
        return None
    return write_letter(
        settings,
        tenant,
        "tenants/confirmation_mail",
        receiver=member.email,
        subject=translations(tenant.language).gettext("Confirm your address"),
        member=member,
        link=settings.workspace_url(tenant.slug, f"/confirm?token={payload['token']}"),
    )


def confirm_mail(transaction: Transaction, member: Member) -> None:
    """Note that an owner reads mail to their address. Of others it says nothing about the workspace."""
    if transaction.tenant.mail_confirmed_at is None and may(member, "confirm", "owner's address"):
        transaction.tenant.mail_confirmed_at = now()
        by = transaction.acting(member.id)
        transaction.note(MailConfirmed(by=by, member_id=member.id, email=member.email or ""))


def render_confirm(tenant: Tenant, token: str, *, works: bool) -> Response[str]:
    """The page that the link leads to."""
    status = 200 if works else 403
    return render_plain(tenant.language, "tenants/confirm.html", status=status, tenant=tenant, token=token, works=works)


@get("/confirm")
async def show_confirm(transaction: Transaction, token: str = "") -> Response[str]:
    """Ask for a press of the button: opening the link confirms nothing, as programs that look at mails open links."""
    member = await find_token(transaction, token[:100], "confirm")
    return render_confirm(transaction.tenant, token[:100], works=member is not None)


@post("/confirm")
async def confirm(request: AnyRequest, database: Database, guessing: GuessingLimit, form: Form) -> Response[Any]:
    """Confirm the address."""
    token = form["token"][:100]
    tenant, works = await check_link(request, database, guessing, token, "confirm")
    if not works:
        return render_confirm(tenant, token, works=False)
    async with begin(request, database, writes=True) as transaction:
        member = await use_token(transaction, token, "confirm")
        if member is None:
            return render_confirm(tenant, token, works=False)
        confirm_mail(transaction, member)
    return Redirect("/members?done=mail-confirmed", status_code=303)


@post("/account/confirm-mail", opt={"writes": False})
async def send_again(
    request: AnyRequest,
    database: Database,
    transaction: Transaction,
    member: Member,
    settings: Settings,
    mailing: MailLimit,
) -> Response[Any]:
    """Mail the link again, to an owner who asks for it."""
    require(member, "confirm", "owner's address")
    if member.email and not is_confirmed(transaction.tenant, settings):
        async with (
            mailing.counting(member.email, transaction.tenant.id),
            write_signed_in(request, database, settings) as (writing, owner),
        ):
            require(owner, "confirm", "owner's address")
            await mail_confirmation(writing, owner)
    return Redirect("/members?done=confirmation-sent", status_code=303)


handlers = [show_confirm, confirm, send_again]
