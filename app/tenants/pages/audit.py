"""The audit log, for admins: who did what, when and from where."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import unquote_plus, urlencode

from litestar import Response, get
from sqlalchemy import ColumnElement, bindparam, select

from app.accounts.access import AnyRequest
from app.accounts.audit import AuditedSubject, AuditEntry, find_audited_subjects, names_subjects
from app.accounts.choosing import Chosen, list_persons, read_chosen, select_persons
from app.accounts.members import Member, find_member_names
from app.accounts.rights import require
from app.accounts.shell import render_page
from app.database import PreparedSelect, Transaction, now
from app.tenants.roles import ROLES
from app.tenants.workspaces import SESSION_LENGTHS
from app.web.forms import Form, number_of
from app.web.texts import LANGUAGES, Text, _l

AUDIT_PAGE_SIZE = 50
SPANS = {"1": _l("Last day"), "7": _l("Last 7 days"), "30": _l("Last 30 days"), "365": _l("Last year")}

# What each kind of entry says; a new kind needs a line here.
SENTENCES = {
    "session.started": _l("signed in as"),
    "session.refused": _l("was refused at sign-in as"),
    "session.shut-out": _l("was shut out after too many wrong tries as"),
    "session.all-ended": _l("ended all other sessions of"),
    "token.made": _l("made a token of"),
    "token.used": _l("used for the first time a token of"),
    "token.ended": _l("ended a token of"),
    "password.changed": _l("changed the password of"),
    "password.reset": _l("set a new password by mail for"),
    "member.joined": _l("joined as"),
    "member.role": _l("changed the role of"),
    "member.suspended": _l("suspended the account of"),
    "member.restored": _l("let in again"),
    "member.removed": _l("removed"),
    "member.left": _l("left the workspace"),
    "mail.confirmed": _l("confirmed the address"),
    "invitation.made": _l("invited"),
    "invitation.resent": _l("sent again the invitation of"),
    "invitation.revoked": _l("revoked the invitation of"),
    "announcement.made": _l("announced"),
    "announcement.withdrawn": _l("withdrew the announcement"),
    "edit.taken-over": _l("took over the editing of"),
    "record.deleted": _l("put into the bin"),
    "record.restored": _l("took out of the bin"),
    "records.imported": _l("imported records into"),
    "records.exported": _l("exported records of"),
    "collection.added": _l("added the collection"),
    "collection.changed": _l("changed the collection"),
    "field.added": _l("added the field"),
    "collection.archived": _l("archived the collection"),
    "collection.opened": _l("opened again the collection"),
    "collection.deleted": _l("deleted the collection"),
    "collection.restored": _l("restored the collection"),
    "field.limited": _l("changed who may change the field"),
    "field.removed": _l("removed the field"),
    "collection.permissions": _l("changed who may do what in the collection"),
    "collection.guest-admitted": _l("opened a collection to"),
    "collection.guest-dismissed": _l("closed a collection to"),
    "field.kind-changed": _l("changed the kind of the field"),
    "field.restored": _l("restored the field"),
    "room.archived": _l("archived the room"),
    "room.opened": _l("opened again the room"),
    "room.member-removed": _l("took out of a room"),
    "room.member-returned": _l("brought back into a room"),
    "message.deleted": _l("deleted a message of"),
    "message.restored": _l("restored a deleted message"),
    "webhook.made": _l("made a webhook to"),
    "webhook.enabled": _l("switched on the webhook to"),
    "webhook.disabled": _l("switched off the webhook to"),
    "webhook.rotated": _l("gave another secret to the webhook to"),
    "webhook.skipped": _l("left out an event of the webhook to"),
    "webhook.replayed": _l("had events sent again by the webhook to"),
    "webhook.given-up": _l("disabled the webhook to"),
    "webhook.removed": _l("removed the webhook to"),
    "settings.changed": _l("changed the setting"),
    "workspace.suspended": _l("suspended the workspace"),
    "workspace.restored": _l("opened the workspace again"),
}

SETTINGS = {
    "name": _l("Name"),
    "language": _l("Language"),
    "session_days": _l("How long people stay signed in"),
    "logo": _l("Logo"),
}
# How many records a table has added and changed.
IMPORTED = re.compile(r"\+(?P<added>[0-9]+) ~(?P<changed>[0-9]+)")
# How many records were exported, in which format, and with which query of their list.
EXPORTED = re.compile(r"(?P<count>[0-9]+) (?P<format>[a-z]+)(?: (?P<query>.+))?")


def sentence_of(entry: AuditEntry) -> Text | str:
    """What an entry says was done."""
    return SENTENCES.get(entry.what, entry.what)


ENTRY_CRITERIA: dict[str, ColumnElement[bool]] = {
    "nobody": AuditEntry.member_id.is_(None),
    "actor_id": AuditEntry.member_id == bindparam("actor_id"),
    "what": AuditEntry.what == bindparam("what"),
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
    elif number_of(who) or chosen.people:
        wanted["actor_id"] = chosen.ids[0] if chosen.ids else number_of(who)
    if what in SENTENCES:
        wanted["what"] = what
    if days in SPANS:
        wanted["begin"] = begin_of(int(days))
    if number_of(before):
        wanted["before"] = number_of(before)
    entries = await transaction.column(select_entries(tuple(wanted)), **wanted)
    actors = {entry.member_id for entry in entries if entry.member_id is not None}
    names = await find_member_names(transaction, actors)
    return await render_page(
        request,
        transaction,
        member,
        "tenants/audit.html",
        entries=entries[:AUDIT_PAGE_SIZE],
        older="/audit?" + urlencode(asked | {"before": entries[AUDIT_PAGE_SIZE - 1].id})
        if len(entries) > AUDIT_PAGE_SIZE
        else "",
        chosen=chosen,
        names=names,
        sentences=SENTENCES,
        sentence_of=sentence_of,
        subjects=await find_audited_subjects(transaction, entries),
        value_of=value_of,
        spans=SPANS,
        form=form,
    )


FIND_AUDITED_ACTOR = select_persons(lambda: [Member.id == bindparam("member_id")])
LIST_AUDITED_ACTORS = select_persons(lambda: [Member.removed_at.is_(None)])


async def find_actor(transaction: Transaction, form: Form) -> Chosen:
    """Whose entries are asked for: also somebody's who has left, by their number."""
    if not form["who"].strip() or form["nobody"]:
        return Chosen()
    if number := number_of(form["who"]):
        return Chosen(await list_persons(transaction, FIND_AUDITED_ACTOR, member_id=number))
    return read_chosen(form, "who", await list_persons(transaction, LIST_AUDITED_ACTORS))


@names_subjects("session", "password", "member", "mail", "invitation", "message", "room")
async def name_members(transaction: Transaction, subjects: Collection[str]) -> dict[str, AuditedSubject]:
    """Members by their addresses; whoever has left is called by theirs."""
    addresses = [subject for subject in subjects if "@" in subject]
    if not addresses:
        return {}
    found = await transaction.rows(LIST_BY_ADDRESSES, addresses=addresses)
    return {email: AuditedSubject(name, more=email) for email, name in found if email}


@names_subjects("settings", "workspace")
async def name_settings(transaction: Transaction, subjects: Collection[str]) -> dict[str, AuditedSubject]:
    """Settings as their form calls them; the workspace by its name."""
    named = {key: AuditedSubject(label) for key, label in SETTINGS.items()}
    return {transaction.tenant.slug: AuditedSubject(transaction.tenant.name)} | named


def value_of(entry: AuditEntry, value: str) -> Text | str:
    """What was before, or after; a role, a setting and what was imported and exported in words."""
    if entry.what == "records.imported" and (counts := IMPORTED.fullmatch(value)):
        return _l("%(added)s added, %(changed)s changed", **counts.groupdict())
    if entry.what == "records.exported" and (found := EXPORTED.fullmatch(value)):
        values = {"count": found["count"], "format": found["format"].upper()}
        if query := unquote_plus(found["query"] or ""):
            return _l("%(count)s as %(format)s: %(query)s", query=query, **values)
        return _l("%(count)s as %(format)s", **values)
    if entry.what == "settings.changed":
        if entry.subject == "language":
            return LANGUAGES.get(value, value)
        if entry.subject == "session_days" and value.isdecimal():
            return SESSION_LENGTHS.get(int(value), value)
    return ROLES.get(value, value) if entry.what.startswith(("member.", "invitation.")) else value


def begin_of(days: int) -> datetime:
    """The moment so many days ago."""
    return now() - timedelta(days=days)


handlers = [show_audit]
