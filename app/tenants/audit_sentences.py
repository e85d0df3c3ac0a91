"""What the audit log says: a sentence for each kind of entry, with names, and links where there is something to see."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from itertools import groupby
from urllib.parse import unquote_plus

from markupsafe import Markup, escape

from app.accounts.audit import AuditedSubject, AuditEntry
from app.accounts.programs import name_with_program
from app.tenants.locales import AS_USUAL, name_locale
from app.tenants.roles import ROLES
from app.tenants.workspaces import SESSION_LENGTHS
from app.web.colors import WORKSPACE_COLORS
from app.web.texts import LANGUAGES, Text, _l, _ln, keep_direction, translations

# What each kind of entry says; a new kind needs a line here. What was before and after is said behind the sentence,
# where that does not name it.
SENTENCES = {
    "session.started": _l("%(actor)s signed in as %(subject)s"),
    "session.refused": _l("%(actor)s failed to sign in as %(subject)s"),
    "session.shut-out": _l("%(actor)s was locked out after too many wrong attempts as %(subject)s"),
    "session.all-ended": _l("%(actor)s ended all other sessions of %(subject)s"),
    "token.made": _l("%(actor)s created the token %(after)s for %(subject)s"),
    "token.used": _l("The token %(after)s of %(subject)s was used for the first time"),
    "token.ended": _l("%(actor)s revoked the token %(before)s of %(subject)s"),
    "password.changed": _l("%(actor)s changed the password of %(subject)s"),
    "password.reset": _l("%(actor)s set a new password by email for %(subject)s"),
    "member.joined": _l("%(actor)s added %(subject)s as %(after)s"),
    "member.role": _l("%(actor)s changed the role of %(subject)s from %(before)s to %(after)s"),
    "member.suspended": _l("%(actor)s suspended %(subject)s"),
    "member.restored": _l("%(actor)s restored the access of %(subject)s"),
    "member.removed": _l("%(actor)s removed %(subject)s"),
    "member.picture": _l("%(actor)s changed the picture of %(subject)s"),
    "member.picture-removed": _l("%(actor)s removed the picture of %(subject)s"),
    "member.left": _l("%(subject)s left the workspace"),
    "mail.confirmed": _l("%(actor)s confirmed the address of %(subject)s"),
    "invitation.made": _l("%(actor)s invited %(subject)s as %(after)s"),
    "invitation.resent": _l("%(actor)s sent the invitation of %(subject)s again"),
    "invitation.revoked": _l("%(actor)s revoked the invitation of %(subject)s"),
    "announcement.made": _l("%(actor)s announced %(subject)s"),
    "announcement.withdrawn": _l("%(actor)s withdrew the announcement %(subject)s"),
    "edit.taken-over": _l("%(actor)s took over the editing of %(subject)s from %(before)s"),
    "record.deleted": _l("%(actor)s deleted %(subject)s"),
    "record.restored": _l("%(actor)s restored %(subject)s from the trash"),
    "records.imported": _l("%(actor)s imported records into %(subject)s: %(after)s"),
    "records.exported": _l("%(actor)s exported records of %(subject)s: %(after)s"),
    "collection.added": _l("%(actor)s added the collection %(subject)s"),
    "collection.changed": _l("%(actor)s changed the collection %(subject)s"),
    "field.added": _l("%(actor)s added the field %(subject)s to %(before)s"),
    "collection.archived": _l("%(actor)s archived the collection %(subject)s"),
    "collection.opened": _l("%(actor)s reopened the collection %(subject)s"),
    "collection.deleted": _l("%(actor)s deleted the collection %(subject)s"),
    "collection.restored": _l("%(actor)s restored the collection %(subject)s"),
    "field.limited": _l("%(actor)s changed who may edit the field %(subject)s"),
    "field.removed": _l("%(actor)s removed the field %(subject)s from %(before)s"),
    "collection.permissions": _l("%(actor)s changed the permissions of %(subject)s"),
    "collection.guest-admitted": _l("%(actor)s gave %(subject)s access to a collection"),
    "collection.guest-dismissed": _l("%(actor)s removed the access of %(subject)s to a collection"),
    "field.kind-changed": _l("%(actor)s changed the type of the field %(subject)s"),
    "field.restored": _l("%(actor)s restored the field %(subject)s in %(before)s"),
    "app.made": _l("%(actor)s created the app %(subject)s"),
    "app.changed": _l("%(actor)s changed the app %(subject)s"),
    "app.secret-made": _l("%(actor)s created another secret for the app %(subject)s"),
    "app.secret-dropped": _l("%(actor)s revoked the old secret of the app %(subject)s"),
    "app.webhook-changed": _l("%(actor)s changed the webhook of the app %(subject)s"),
    "app.ended": _l("%(actor)s deleted the app %(subject)s"),
    "room.archived": _l("%(actor)s archived the room %(subject)s"),
    "incoming.made": _l("%(actor)s created the incoming webhook %(subject)s of the room %(after)s"),
    "incoming.ended": _l("%(actor)s revoked the incoming webhook %(subject)s of the room %(after)s"),
    "room.opened": _l("%(actor)s reopened the room %(subject)s"),
    "room.member-removed": _l("%(actor)s removed %(subject)s from %(before)s"),
    "room.member-returned": _l("%(actor)s brought %(subject)s back into %(after)s"),
    "message.deleted": _l("%(actor)s deleted a message from %(subject)s in %(before)s"),
    "message.restored": _l("%(actor)s restored a deleted message from %(subject)s in %(after)s"),
    "webhook.made": _l("%(actor)s created a webhook to %(subject)s"),
    "webhook.enabled": _l("%(actor)s turned on the webhook to %(subject)s"),
    "webhook.disabled": _l("%(actor)s turned off the webhook to %(subject)s"),
    "webhook.rotated": _l("%(actor)s created another secret for the webhook to %(subject)s"),
    "webhook.skipped": _l("%(actor)s skipped an event of the webhook to %(subject)s"),
    "webhook.replayed": _l("%(actor)s sent events of the webhook to %(subject)s again"),
    "webhook.given-up": _l("The webhook to %(subject)s was turned off after failing for too long"),
    "webhook.rights-lost": _l("The webhook to %(subject)s was turned off because its creator can no longer have one"),
    "webhook.gone": _l("The webhook to %(subject)s was turned off because its address no longer exists"),
    "webhook.removed": _l("%(actor)s deleted the webhook to %(subject)s"),
    "settings.changed": _l("%(actor)s changed the setting %(subject)s"),
    "workspace.suspended": _l("%(actor)s suspended the workspace"),
    "workspace.restored": _l("%(actor)s restored the workspace"),
    "audit.exported": _l("%(actor)s exported the audit log: %(after)s"),
}
# What people do to themselves.
OWN_SENTENCES = {
    "session.started": _l("%(actor)s signed in"),
    "session.all-ended": _l("%(actor)s signed out everywhere else"),
    "token.made": _l("%(actor)s created the token %(after)s"),
    "token.ended": _l("%(actor)s revoked the token %(before)s"),
    "password.changed": _l("%(actor)s changed their password"),
    "password.reset": _l("%(actor)s set a new password by email"),
    "member.joined": _l("%(actor)s joined as %(after)s"),
    "mail.confirmed": _l("%(actor)s confirmed their address"),
    "message.deleted": _l("%(actor)s deleted one of their own messages in %(before)s"),
    "message.restored": _l("%(actor)s restored one of their own deleted messages in %(after)s"),
}
# Of a place whose name the reader is not told: what it is called instead says what it is.
UNNAMED_SENTENCES = {
    "room.archived": _l("%(actor)s archived %(subject)s"),
    "room.opened": _l("%(actor)s reopened %(subject)s"),
    "incoming.made": _l("%(actor)s created the incoming webhook %(subject)s of %(after)s"),
    "incoming.ended": _l("%(actor)s revoked the incoming webhook %(subject)s of %(after)s"),
}
# By what the log is narrowed: what kinds of entries begin with.
GROUPS = {
    "session": _l("Sign-ins"),
    "password": _l("Passwords"),
    "token": _l("Tokens"),
    "member": _l("People"),
    "mail": _l("Addresses"),
    "invitation": _l("Invitations"),
    "announcement": _l("Announcements"),
    "app": _l("Apps"),
    "webhook": _l("Webhooks"),
    "edit": _l("Editing"),
    "record": _l("Records"),
    "records": _l("Imports and exports"),
    "collection": _l("Collections"),
    "field": _l("Fields"),
    "room": _l("Rooms"),
    "incoming": _l("Incoming webhooks"),
    "message": _l("Messages"),
    "settings": _l("Settings"),
    "workspace": _l("Workspace"),
    "audit": _l("Audit log"),
}
# How many records a table has added and changed.
IMPORTED = re.compile(r"\+(?P<added>[0-9]+) ~(?P<changed>[0-9]+)")
# How many records or entries were exported, in which format, and with which query of their list.
EXPORTS = ("records.exported", "audit.exported")
EXPORTED = re.compile(r"(?P<count>[0-9]+) (?P<format>[a-z]+)(?: (?P<query>.+))?")
NOBODYS = ("session.refused", "session.shut-out")


def name_actor(entry: AuditEntry, names: dict[int, str]) -> Text | str:
    """Who did it: a member, or somebody who is none."""
    if entry.member_id is not None:
        name = keep_direction(names[entry.member_id])
        return name_with_program(name, entry.program)
    return _l("Someone") if entry.what in NOBODYS else _l("The administrator of this installation")


def say_entry(
    entry: AuditEntry,
    names: dict[int, str],
    subject: AuditedSubject,
    language: str,
    called: Mapping[str, Text | str],
    *,
    together: Text | None = None,
) -> Markup:
    """What an entry says, as HTML; `called` is what its parts that name a place are called for its reader, and
    `together` what is said of its subject and others."""

    def say(value: Text | str) -> str:
        return value.translate(language) if isinstance(value, Text) else keep_direction(value)

    own = bool(subject.more) and entry.member_id is not None and subject.name == names[entry.member_id]
    unnamed = any(isinstance(each, Text) for each in called.values())
    others = OWN_SENTENCES if own else UNNAMED_SENTENCES if unnamed else {}
    found = others.get(entry.what) or SENTENCES.get(entry.what)
    sentence = translations(language).gettext(found.message) if found else f"%(actor)s: {entry.what} %(subject)s"
    whom = Markup('<a class="link" href="{}">{}</a>') if subject.address else Markup("<b>{1}</b>")
    values = {
        "actor": Markup("<b>{}</b>").format(say(name_actor(entry, names))),
        "subject": whom.format(subject.address, say(together or called.get("subject", subject.name))),
        **{
            key: Markup("<b>{}</b>").format(say(called.get(key) or value_of(entry, getattr(entry, key), language)))
            for key in ("before", "after")
        },
    }
    if subject.more and not own:
        values["subject"] += Markup(' <small class="muted">{}</small>').format(subject.more)
    said = escape(sentence) % values
    before, after = (
        say(called.get(key) or value_of(entry, value, language)) if f"%({key})s" not in sentence else ""
        for key, value in (("before", entry.before), ("after", entry.after))
    )
    if entry.what == "edit.taken-over":
        return said
    if before and not after and entry.what != "settings.changed":
        return said + Markup(" ({})").format(before)
    if before:
        said += Markup(": <del>{}</del>").format(before)
    if after:
        said += Markup(" → <ins>{}</ins>").format(after)
    return said


# From how many entries of a kind after each other one line says what they say together.
SHORTEST_RUN = 3


def find_runs(entries: Sequence[AuditEntry]) -> Iterator[list[AuditEntry]]:
    """Entries in their order: those together that say the same of something, or the same of several things."""

    def alike(entry: AuditEntry) -> tuple[object, ...]:
        return entry.member_id, entry.program, entry.what, entry.before, entry.after, entry.address

    for _, group in groupby(entries, key=alike):
        run = list(group)
        if len(run) < SHORTEST_RUN:
            yield from ([each] for each in run)
        else:
            yield run


def say_run(
    run: Sequence[AuditEntry],
    names: dict[int, str],
    subjects: Mapping[int, AuditedSubject],
    language: str,
    called: Mapping[str, Text | str],
) -> Markup:
    """What entries say together, as HTML: how many records it was, how many times it was done, or to whom else;
    `called` is what the parts of the newest that name a place are called for its reader."""
    newest = run[0]
    subject = subjects[newest.id]
    if len({each.subject for each in run}) == 1:
        times = _ln("%(count)d time", "%(count)d times", len(run)).translate(language)
        return say_entry(newest, names, subject, language, called) + Markup(" · {}").format(times)
    if newest.what.startswith("record."):
        together = _ln("%(count)d record", "%(count)d records", len(run))
    else:
        first = called.get("subject", subject.name)
        name = first.translate(language) if isinstance(first, Text) else first
        together = _ln("%(name)s and %(count)d other", "%(name)s and %(count)d others", len(run) - 1, name=name)
    return say_entry(newest, names, AuditedSubject(together), language, called, together=together)


def say_exported(what: str, count: int, form: str, query: str) -> Text:
    """How much was exported, and as what; that it was records the sentence around it says already."""
    if what == "audit.exported":
        if query:
            return _ln(
                "%(count)d entry as %(format)s: %(query)s",
                "%(count)d entries as %(format)s: %(query)s",
                count,
                format=form,
                query=query,
            )
        return _ln("%(count)d entry as %(format)s", "%(count)d entries as %(format)s", count, format=form)
    if query:
        return _l("%(count)s as %(format)s: %(query)s", count=count, format=form, query=query)
    return _l("%(count)s as %(format)s", count=count, format=form)


def value_of(entry: AuditEntry, value: str, language: str) -> Text | str:
    """What was before, or after; a role, a setting and what was imported and exported in words."""
    if entry.what == "records.imported" and (counts := IMPORTED.fullmatch(value)):
        return _l("%(added)s added, %(changed)s changed", **counts.groupdict())
    if entry.what in EXPORTS and (found := EXPORTED.fullmatch(value)):
        return say_exported(
            entry.what, int(found["count"]), found["format"].upper(), unquote_plus(found["query"] or "")
        )
    if entry.what == "settings.changed":
        if entry.subject == "language":
            return LANGUAGES.get(value, value)
        if entry.subject == "locale":
            return name_locale(value, language) if value else AS_USUAL
        if entry.subject == "color" and value in WORKSPACE_COLORS:
            return WORKSPACE_COLORS[value].label
        if entry.subject == "session_days" and value.isdecimal():
            return SESSION_LENGTHS.get(int(value), value)
    return ROLES.get(value, value) if entry.what.startswith(("member.", "invitation.")) else value
