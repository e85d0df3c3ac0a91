"""The audit log, for admins: who did what, when and from where."""

from __future__ import annotations

import re
from collections.abc import Collection

from litestar import Response, get
from sqlalchemy import bindparam, select

from app.accounts.access import AnyRequest
from app.accounts.audit import AuditedSubject, names_subjects
from app.accounts.days import group_by_day
from app.accounts.members import Member
from app.accounts.rights import require
from app.accounts.shell import render_page
from app.accounts.tabs import tab
from app.database import PreparedSelect, Transaction
from app.tenants.audit_list import SPANS, find_said, list_audited, read_audit_view
from app.tenants.audit_sentences import GROUPS, SENTENCES, find_runs
from app.web.forms import number_of
from app.web.texts import _l

tab("settings", _l("Audit log"), "/audit", icon="history", order=60, right=("read", "audit log"))

AUDIT_PAGE_SIZE = 50

SETTINGS = {
    "name": _l("Name"),
    "language": _l("Language"),
    "locale": _l("Numbers and dates"),
    "color": _l("Color"),
    "session_days": _l("How long people stay signed in"),
    "logo": _l("Logo"),
}
# What the log calls an invitation by a link.
LINK = re.compile(r"link [0-9]+")
LIST_BY_ADDRESSES = PreparedSelect(
    lambda: select(Member.email, Member.name).where(Member.email.in_(bindparam("addresses")))
)


@get("/audit")
async def show_audit(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    who: str = "",
    nobody: str = "",
    what: str = "",
    days: str = "",
    before: str = "",
) -> Response[str]:
    """The newest entries, of a person, of a kind, of a span; older ones by `before`."""
    require(member, "read", "audit log")
    view = await read_audit_view(transaction, who, nobody, what, days)
    entries = await list_audited(transaction, view, before=number_of(before), most=AUDIT_PAGE_SIZE + 1)
    shown = entries[:AUDIT_PAGE_SIZE]
    said = await find_said(transaction, member, shown)
    days_shown = [
        (day, [(run, said.say_together(run)) for run in find_runs(on_day)])
        for day, on_day in group_by_day(transaction, member, shown, lambda entry: entry.at)
    ]
    return await render_page(
        request,
        transaction,
        member,
        "tenants/audit.html",
        days_shown=days_shown,
        said=said,
        older=view.address(before=shown[-1].id) if len(entries) > len(shown) else "",
        export=view.address("/export.csv"),
        chosen=view.chosen,
        groups=GROUPS | ({what: _l("Only this type of entry")} if what in SENTENCES else {}),
        spans=SPANS,
        form=view.form,
    )


@names_subjects("session", "token", "password", "member", "mail", "message", "room")
async def name_members(transaction: Transaction, subjects: Collection[str]) -> dict[str, AuditedSubject]:
    """Members by their addresses; whoever has left is called by theirs."""
    addresses = [subject for subject in subjects if "@" in subject]
    if not addresses:
        return {}
    found = await transaction.rows(LIST_BY_ADDRESSES, addresses=addresses)
    return {email: AuditedSubject(name, more=email) for email, name in found if email}


@names_subjects("invitation")
async def name_invited(transaction: Transaction, subjects: Collection[str]) -> dict[str, AuditedSubject]:
    """Whom an invitation is for: a member by now, somebody at an address, or whoever has a link."""
    links = {each: AuditedSubject(_l("people by link")) for each in subjects if LINK.fullmatch(each)}
    return links | await name_members(transaction, subjects)


@names_subjects("settings", "workspace")
async def name_settings(transaction: Transaction, subjects: Collection[str]) -> dict[str, AuditedSubject]:
    """Settings as their form calls them; the workspace by its name."""
    named = {key: AuditedSubject(label) for key, label in SETTINGS.items()}
    return {transaction.tenant.slug: AuditedSubject(transaction.tenant.name)} | named


handlers = [show_audit]
