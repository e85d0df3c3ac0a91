"""Finding one's workspaces by one's address: they are told by mail, to whoever reads it, and to nobody else."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from sqlalchemy import bindparam, select

from app.accounts.members import Member
from app.database import PreparedSelect, Tenant, Transaction, now
from app.jobs.jobs import ClaimedJob, job
from app.mail.outbox import Content, Urgency, composer, put_mail
from app.settings import Settings
from app.web.colors import USUAL_COLOR, WORKSPACE_COLORS
from app.web.languages import read_language
from app.web.templates import render
from app.web.texts import translations

# Of more workspaces the mail tells the first by name.
MOST_TOLD = 50
USELESS_AFTER = timedelta(hours=6)

LIST_WORKSPACES_OF = PreparedSelect(
    lambda: (
        select(Member.tenant_id)
        .where(Member.email == bindparam("email"), Member.removed_at.is_(None), ~Member.bot)
        .order_by(Member.tenant_id)
        .limit(MOST_TOLD)
    )
)
LIST_OPEN_WORKSPACES = PreparedSelect(
    lambda: (
        select(Tenant.name, Tenant.slug)
        .where(Tenant.id.in_(bindparam("ids")), Tenant.suspended_at.is_(None))
        .order_by(Tenant.name, Tenant.id)
    )
)


@job("workspaces of an address")
async def mail_workspaces(work: ClaimedJob) -> None:
    """Mail an address in which workspaces it is, if it is in any. Asking takes the same time in any case."""
    async with work.database.count() as counting:
        ids = await counting.column(LIST_WORKSPACES_OF, email=work.payload["email"])
    async with work.finishing() as transaction:
        if ids:
            put_mail(
                transaction,
                composer="workspaces of an address",
                urgency=Urgency.AT_ONCE,
                useless_after=now() + USELESS_AFTER,
                central=True,
                workspaces=list(ids),
                **work.payload,
            )


@composer("workspaces of an address")
async def write_workspaces_mail(
    transaction: Transaction, settings: Settings, payload: dict[str, Any]
) -> Content | None:
    """The mail that lists them, of those that are open."""
    found = await transaction.rows(LIST_OPEN_WORKSPACES, ids=payload["workspaces"])
    if not found:
        return None
    language = read_language(payload["language"])
    subject = translations(language).gettext("Your workspaces on Mutirão")
    shown = {
        "tenant": None,
        "color": WORKSPACE_COLORS[USUAL_COLOR],
        "logo": "",
        "subject": subject,
        "home": settings.base_url,
        "workspaces": [(name, settings.workspace_url(slug)) for name, slug in found],
    }
    text, html = (render(language, f"tenants/workspaces_mail.{ending}", **shown) for ending in ("txt", "html"))
    return Content(payload["email"], subject, text, html)
