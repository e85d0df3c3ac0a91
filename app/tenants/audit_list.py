"""Lists of the audit log: what is narrowed down by whom, what and when, and said as people read it."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import cache
from typing import Any
from urllib.parse import urlencode

from markupsafe import Markup
from msgspec import Struct
from sqlalchemy import ColumnElement, bindparam, func, select

from app.accounts.audit import AuditedSubject, AuditEntry, find_audited_places, find_audited_subjects
from app.accounts.choosing import Chosen, list_persons, read_chosen, select_persons, sought_id
from app.accounts.members import Member, find_member_names
from app.database import PreparedSelect, Transaction, check_holds_no_writer, now
from app.tenants.audit_sentences import GROUPS, SENTENCES, name_actor, say_entry, say_run
from app.web.forms import Form
from app.web.texts import Text, _l

SPANS = {"1": _l("Last day"), "7": _l("Last 7 days"), "30": _l("Last 30 days"), "365": _l("Last year")}
# What tells a name from others of its kind.
BESIDE = re.compile(r" <small[^>]*>(.*?)</small>")
ENTRY_CRITERIA: dict[str, ColumnElement[bool]] = {
    "nobody": AuditEntry.member_id.is_(None),
    "actor_id": AuditEntry.member_id == bindparam("actor_id"),
    "what": AuditEntry.what == bindparam("what"),
    "group": AuditEntry.what.startswith(bindparam("group")),
    "begin": AuditEntry.at > bindparam("begin"),
    "before": AuditEntry.id < bindparam("before"),
}
FIND_AUDITED_ACTOR = select_persons(lambda: [Member.id == bindparam("member_id")])
LIST_AUDITED_ACTORS = select_persons(lambda: [Member.removed_at.is_(None)])


class AuditView(Struct, frozen=True):
    """What is asked for of the log: `form` has it as its page does, `wanted` as the database is asked."""

    form: Form
    chosen: Chosen
    wanted: Mapping[str, Any]

    @property
    def query(self) -> str:
        """What its address says."""
        return urlencode([(name, value) for name in ("who", "nobody", "what", "days") if (value := self.form[name])])

    def address(self, path: str = "", **more: int) -> str:
        """Where it is shown, or what is done with it."""
        query = "&".join(filter(None, (self.query, urlencode(more))))
        return f"/audit{path}?{query}" if query else f"/audit{path}"


async def read_audit_view(transaction: Transaction, who: str, nobody: str, what: str, days: str) -> AuditView:
    """What the address of a page or an export asks for."""
    form = Form([("who", who), ("nobody", "1" if nobody or who == "0" else ""), ("what", what), ("days", days)])
    chosen = await find_actor(transaction, form)
    wanted: dict[str, Any] = {}
    if form["nobody"]:
        wanted["nobody"] = None
    elif sought_id(who) or chosen.people:
        wanted["actor_id"] = chosen.ids[0] if chosen.ids else sought_id(who)
    if what in SENTENCES:
        wanted["what"] = what
    elif what in GROUPS:
        wanted["group"] = f"{what}."
    if days in SPANS:
        wanted["begin"] = begin_of(int(days))
    return AuditView(form, chosen, wanted)


def begin_of(days: int) -> datetime:
    """The moment so many days ago."""
    return now() - timedelta(days=days)


async def find_actor(transaction: Transaction, form: Form) -> Chosen:
    """Whose entries are asked for: also somebody's who has left, by their id."""
    if not form["who"].strip() or form["nobody"]:
        return Chosen()
    if id_ := sought_id(form["who"]):
        return Chosen(await list_persons(transaction, FIND_AUDITED_ACTOR, member_id=id_))
    return read_chosen(form, "who", await list_persons(transaction, LIST_AUDITED_ACTORS), by_parts=True)


@cache
def select_entries(criteria: tuple[str, ...]) -> PreparedSelect[AuditEntry]:
    """The select of the newest entries that meet criteria."""
    return PreparedSelect(
        lambda: (
            select(AuditEntry)
            .where(*(ENTRY_CRITERIA[each] for each in criteria))
            .order_by(AuditEntry.id.desc())
            .limit(bindparam("most"))
        )
    )


@cache
def select_count_of_entries(criteria: tuple[str, ...]) -> PreparedSelect[int, int | None]:
    """The select of how many entries meet criteria, and of the id of the newest."""
    return PreparedSelect(
        lambda: select(func.count(), func.max(AuditEntry.id)).where(*(ENTRY_CRITERIA[each] for each in criteria))
    )


async def list_audited(
    transaction: Transaction, view: AuditView, *, before: int = 0, most: int
) -> Sequence[AuditEntry]:
    """The newest entries of a view; those before an entry, where its id is given."""
    wanted = {**view.wanted, **({"before": before} if before else {})}
    return await transaction.column(select_entries(tuple(wanted)), **wanted, most=most)


async def count_entries(transaction: Transaction, view: AuditView) -> tuple[int, int]:
    """How many entries a view has, and the id of the newest (0: none), since more may come. Raises HoldsWriter in a
    writing transaction, as a log may be long."""
    check_holds_no_writer()
    ((count, newest),) = await transaction.rows(select_count_of_entries(tuple(view.wanted)), **view.wanted)
    return count, newest or 0


class SaidEntries(Struct, frozen=True):
    """What it takes to say entries in the words of a workspace, to one of its members."""

    names: dict[int, str]
    subjects: dict[int, AuditedSubject]
    places: Mapping[int, Mapping[str, Text | str]]
    language: str

    def say(self, entry: AuditEntry) -> Markup:
        """What an entry says."""
        return say_entry(entry, self.names, self.subjects[entry.id], self.language, self.places.get(entry.id, {}))

    def write(self, entry: AuditEntry) -> str:
        """What an entry says, as plain text."""
        return Markup(BESIDE.sub(r" (\1)", self.say(entry))).striptags()  # noqa: S704  (safe HTML, less of it)

    def say_together(self, run: Sequence[AuditEntry]) -> Markup:
        """What entries after each other say together."""
        places = self.places.get(run[0].id, {})
        return say_run(run, self.names, self.subjects, self.language, places) if run[1:] else self.say(run[0])

    def name_actor(self, entry: AuditEntry) -> str:
        """Who did it."""
        name = name_actor(entry, self.names)
        return name.translate(self.language) if isinstance(name, Text) else name


async def find_said(transaction: Transaction, member: Member, entries: Sequence[AuditEntry]) -> SaidEntries:
    """What is named in entries, as a member is told it."""
    actors = {entry.member_id for entry in entries if entry.member_id is not None}
    return SaidEntries(
        await find_member_names(transaction, actors),
        await find_audited_subjects(transaction, entries),
        await find_audited_places(transaction, member.id, entries),
        transaction.tenant.language,
    )
