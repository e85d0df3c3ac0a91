"""Links to set a new password, by mail to the address of an account."""

from __future__ import annotations

from typing import Any

from app.accounts.members import find_member
from app.accounts.tokens import TOKEN_LIFETIME, find_token, make_token
from app.database import Transaction, now
from app.jobs.jobs import ClaimedJob, job
from app.mail.outbox import Content, Urgency, composer, put_mail
from app.mail.rendering import render_mail
from app.settings import Settings
from app.web.texts import _l


@job("password link")
async def mail_password_link(work: ClaimedJob) -> None:
    """Mail a link to set a new password, if somebody has this address. Asking takes the same time in any case."""
    async with work.finishing() as transaction:
        tenant = transaction.tenant
        member = await find_member(transaction, work.payload["email"])
        if member is None or not member.active or tenant.suspended_at is not None:
            return
        put_mail(
            transaction,
            composer="password link",
            urgency=Urgency.AT_ONCE,
            useless_after=now() + TOKEN_LIFETIME["password"],
            token=await make_token(transaction, member, "password"),
        )


@composer("password link")
async def write_password_mail(transaction: Transaction, settings: Settings, payload: dict[str, Any]) -> Content | None:
    """The mail with the link, while the link works: an earlier one of the same person does not any more."""
    tenant = transaction.tenant
    member = await find_token(transaction, payload["token"], "password")
    if member is None or not member.email:
        return None
    return render_mail(
        settings,
        tenant,
        "tenants/password_mail",
        receiver=member.email,
        subject=_l("Set a new password for %(workspace)s", workspace=tenant.name).translate(tenant.language),
        member=member,
        link=settings.workspace_url(tenant.slug, f"/password?token={payload['token']}"),
    )
