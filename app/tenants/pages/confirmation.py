"""Pages that confirm the address of an owner: the link of the mail, and asking for another one."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest, begin, write_signed_in
from app.accounts.members import Member
from app.accounts.passwords import GuessingLimit, MailLimit
from app.accounts.rights import require
from app.accounts.shell import notice, render_plain
from app.accounts.tokens import find_token, use_token
from app.database import Database, Tenant, Transaction
from app.settings import Settings
from app.tenants.confirmation import confirm_mail, is_confirmed, mail_confirmation
from app.tenants.links import check_link
from app.web.forms import Form
from app.web.redirects import see_other
from app.web.texts import _l

notice("mail-confirmed", _l("Address confirmed. You can now invite others by email."))
notice("confirmation-sent", _l("The email with the link is on its way."))


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
    async with begin(request, writes=True) as transaction:
        member = await use_token(transaction, token, "confirm")
        if member is None:
            return render_confirm(tenant, token, works=False)
        confirm_mail(transaction, member)
    return see_other("/members?done=mail-confirmed")


@post("/account/confirm-mail", opt={"writes": False})
async def send_again(
    request: AnyRequest,
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
            write_signed_in(request) as (writing, owner),
        ):
            require(owner, "confirm", "owner's address")
            await mail_confirmation(writing, owner)
    return see_other("/members?done=confirmation-sent")


handlers = [show_confirm, confirm, send_again]
