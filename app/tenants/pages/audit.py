"""The audit log, for admins: who did what, when and from where."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from litestar import Response, get
from markupsafe import Markup
from sqlalchemy import ColumnElement, bindparam, select

from app.accounts.access import AnyRequest
from app.accounts.audit import AuditedSubject, AuditEntry, find_audited_places, find_audited_subjects, names_subjects
from app.accounts.choosing import Chosen, list_persons, read_chosen, select_persons, sought_id
from app.accounts.days import group_by_day
from app.accounts.members import Member, find_member_names
from app.accounts.rights import require
from app.accounts.shell import render_page
from app.accounts.tabs import tab
from app.database import PreparedSelect, Transaction, now
from app.tenants.audit_sentences import GROUPS, SENTENCES, find_runs, say_entry, say_run
from app.web.forms import Form, number_of
from app.web.texts import _l

tab("settings", _l("Audit log"), "/audit", icon="history", order=60, right=("read", "audit log"))

AUDIT_PAGE_SIZE = 50
SPANS = {"1": _l("Last day"), "7": _l("Last 7 days"), "30": _l("Last 30 days"), "365": _l("Last year")}

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
ENTRY_CRITERIA: dict[str, ColumnElement[bool]] = {
    "nobody": AuditEntry.member_id.is_(None),
    "actor_id": AuditEntry.member_id == bindparam("actor_id"),
    "what": AuditEntry.what == bindparam("what"),
    "group": AuditEntry.what.startswith(bindparam("group")),
    "begin": AuditEntry.at > bindparam("begin"),
    "before": AuditEntry.id < bindparam("before"),
}
LIST_BY_ADDRESSES = PreparedSelect(
    lambda: select(Member.email, Member.name).where(Member.email.in_(bindparam("addresses")))
)


@cache
def select_entries(criteria: tuple[str, ...]) -> PreparedSelect[AuditEntry]:
    """The select of a page of entries that meet criteria, and of one more."""
    return PreparedSelect(
        lambda: (
            select(AuditEntry)
            .where(*(ENTRY_CRITERIA[each] for each in criteria))
            .order_by(AuditEntry.id.desc())
            .limit(AUDIT_PAGE_SIZE + 1)
        )
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
    asked: dict[str, Any] = {"who": who, "nobody": "1" if nobody or who == "0" else "", "what": what, "days": days}
    form = Form(list(asked.items()))
    chosen = await find_actor(transaction, form)
    wanted: dict[str, Any] = {}
    if asked["nobody"]:
        wanted["nobody"] = None
    elif sought_id(who) or chosen.people:
        wanted["actor_id"] = chosen.ids[0] if chosen.ids else sought_id(who)
    if what in SENTENCES:
        wanted["what"] = what
    elif what in GROUPS:
        wanted["group"] = f"{what}."
    if days in SPANS:
        wanted["begin"] = begin_of(int(days))
    if number_of(before):
        wanted["before"] = number_of(before)
    entries = await transaction.column(select_entries(tuple(wanted)), **wanted)
    actors = {entry.member_id for entry in entries if entry.member_id is not None}
    names = await find_member_names(transaction, actors)
    shown = entries[:AUDIT_PAGE_SIZE]
    subjects = await find_audited_subjects(transaction, shown)
    language = transaction.tenant.language
    places = await find_audited_places(transaction, member.id, shown)
    said = {
        entry.id: say_entry(entry, names, subjects[entry.id], language, places.get(entry.id, {})) for entry in shown
    }

    def say_together(run: list[AuditEntry]) -> Markup:
        newest = run[0].id
        return say_run(run, names, subjects, language, places.get(newest, {})) if run[1:] else said[newest]

    days_shown = [
        (day, [(run, say_together(run)) for run in find_runs(on_day)])
        for day, on_day in group_by_day(transaction, member, shown, lambda entry: entry.at)
    ]
    return await render_page(
        request,
        transaction,
        member,
        "tenants/audit.html",
        days_shown=days_shown,
        said=said,
        older="/audit?" + urlencode(asked | {"before": entries[AUDIT_PAGE_SIZE - 1].id})
        if len(entries) > AUDIT_PAGE_SIZE
        else "",
        chosen=chosen,
        groups=GROUPS | ({what: _l("Only one type of entry")} if what in SENTENCES else {}),
        spans=SPANS,
        form=form,
    )


FIND_AUDITED_ACTOR = select_persons(lambda: [Member.id == bindparam("member_id")])
LIST_AUDITED_ACTORS = select_persons(lambda: [Member.removed_at.is_(None)])


async def find_actor(transaction: Transaction, form: Form) -> Chosen:
    """Whose entries are asked for: also somebody's who has left, by their id."""
    if not form["who"].strip() or form["nobody"]:
        return Chosen()
    if id_ := sought_id(form["who"]):
        return Chosen(await list_persons(transaction, FIND_AUDITED_ACTOR, member_id=id_))
    return read_chosen(form, "who", await list_persons(transaction, LIST_AUDITED_ACTORS), by_parts=True)


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


def begin_of(days: int) -> datetime:
    """The moment so many days ago."""
    return now() - timedelta(days=days)


handlers = [show_audit]
