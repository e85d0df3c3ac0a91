"""Confirming the address that a workspace was made with, before it may send mails to strangers.

Whoever signs up may have typed anybody's address. Where mails really go out (`SMTP_URL`), the owner shows first that
mail to it is read; links to copy need no such proof.
"""

from __future__ import annotations

from typing import Any

from app.accounts.members import Member
from app.accounts.rights import may
from app.accounts.tokens import TOKEN_LIFETIME, find_token, make_token
from app.database import Tenant, Transaction, now
from app.mail.outbox import Content, composer, put_mail
from app.mail.rendering import render_mail
from app.settings import Settings
from app.tenants.facts import MailConfirmed
from app.web.forms import Invalid
from app.web.texts import _l


def is_confirmed(tenant: Tenant, settings: Settings) -> bool:
    """Whether the workspace may invite by mail."""
    return tenant.mail_confirmed_at is not None or not settings.smtp_url


def check_confirmed(tenant: Tenant, settings: Settings) -> None:
    """Raise Invalid while the workspace may not invite by mail."""
    if not is_confirmed(tenant, settings):
        raise Invalid(email=_l("An owner has to confirm their own address first. Until then, invite by link."))


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
    return render_mail(
        settings,
        tenant,
        "tenants/confirmation_mail",
        receiver=member.email,
        subject=_l("Confirm your address for %(workspace)s", workspace=tenant.name).translate(tenant.language),
        member=member,
        link=settings.workspace_url(tenant.slug, f"/confirm?token={payload['token']}"),
    )


def confirm_mail(transaction: Transaction, member: Member) -> None:
    """Note that an owner reads mail to their address. Of others it says nothing about the workspace."""
    if transaction.tenant.mail_confirmed_at is None and may(member, "confirm", "owner's address"):
        transaction.tenant.mail_confirmed_at = now()
        by = transaction.acting(member.id)
        transaction.note(MailConfirmed(by=by, member_id=member.id, email=member.email or ""))
