"""The audit log: who did what to whom, and from where. Only ever added to."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from datetime import datetime

from msgspec import Struct
from sqlalchemy import ForeignKeyConstraint, Index, String, Text
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.programs import LONGEST_PROGRAM
from app.database import Base, Fact, Follower, Tenanted, Transaction, UtcDateTime, now
from app.web.texts import Text as Words


class AuditEntry(Tenanted, Base):
    """One thing that was done: `what` it was, to which `subject`, with what it was before and after;
    `program` is which one acted for the member, if one did (`accounts/programs.py`)."""

    __tablename__ = "audit_entry"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"]),
        Index("ix_audit_entry_tenant_id_id", "tenant_id", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int | None]
    program: Mapped[str | None] = mapped_column(String(LONGEST_PROGRAM))
    what: Mapped[str] = mapped_column(String(40))
    subject: Mapped[str] = mapped_column(String(254))
    before: Mapped[str] = mapped_column(Text, default="")
    after: Mapped[str] = mapped_column(Text, default="")
    address: Mapped[str] = mapped_column(String(45), default="")
    at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Entry(Struct, frozen=True):
    """What the audit log says of a fact: a kind that `tenants/audit_sentences.py` has a sentence for, and of what."""

    what: str
    subject: str
    before: str = ""
    after: str = ""


class Audited(Fact, frozen=True, kw_only=True):
    """A fact that is in the audit log."""

    @property
    def entry(self) -> Entry | None:
        """What the audit log says of it; None for one that it does not mention."""
        raise NotImplementedError


async def audit(transaction: Transaction, facts: Sequence[Audited]) -> None:
    """Write what was done into the audit log, all at once."""
    entries = [(fact.by, fact.entry) for fact in facts]
    rows = [
        {
            "member_id": by.member_id,
            "program": by.program,
            "what": entry.what,
            "subject": entry.subject,
            "before": entry.before,
            "after": entry.after,
            "address": by.address,
            "at": now(),
        }
        for by, entry in entries
        if entry is not None
    ]
    if rows:
        await transaction.insert_rows(AuditEntry, *rows)


class AuditedSubject(Struct, frozen=True):
    """What an entry is about, as people call it; with its address where it is still there, or what tells it from others
    of that name."""

    name: str | Words
    address: str = ""
    more: str = ""


NameSubjects = Callable[[Transaction, Collection[str]], Awaitable[dict[str, AuditedSubject]]]
NAMING: dict[str, NameSubjects] = {}


def names_subjects(*kinds: str) -> Callable[[NameSubjects], NameSubjects]:
    """Register the function that knows what the subjects of some kinds of entries are called, such as `record`."""

    def add(find: NameSubjects) -> NameSubjects:
        NAMING.update(dict.fromkeys(kinds, find))
        return find

    return add


async def find_audited_subjects(transaction: Transaction, entries: Sequence[AuditEntry]) -> dict[int, AuditedSubject]:
    """What entries are about, by their ids: as it is called now, or as it was written down where that is not known."""
    wanted: dict[NameSubjects, set[str]] = {}
    for entry in entries:
        if find := NAMING.get(entry.what.partition(".")[0]):
            wanted.setdefault(find, set()).add(entry.subject)
    found = {find: await find(transaction, subjects) for find, subjects in wanted.items()}
    named = {}
    for entry in entries:
        find = NAMING.get(entry.what.partition(".")[0])
        named[entry.id] = (found[find].get(entry.subject) if find else None) or AuditedSubject(entry.subject)
    return named


AuditedName = str | Words
NameAuditedPlaces = Callable[[Transaction, int, Collection[str]], Awaitable[dict[str, AuditedName]]]
# For each kind of entry that names a place of which only some people may learn the name: which part of it does, and
# who knows what it is called.
AUDITED_PLACES: dict[str, tuple[str, NameAuditedPlaces]] = {}


def names_audited_places(parts: Mapping[str, str]) -> Callable[[NameAuditedPlaces], NameAuditedPlaces]:
    """Register the function that knows what places are called for a member, by what entries keep of them: `parts` says
    of each kind of entry which part of it names one, `subject`, `before` or `after`."""

    def add(find: NameAuditedPlaces) -> NameAuditedPlaces:
        AUDITED_PLACES.update({what: (part, find) for what, part in parts.items()})
        return find

    return add


async def find_audited_places(
    transaction: Transaction, member_id: int, entries: Sequence[AuditEntry]
) -> dict[int, dict[str, AuditedName]]:
    """What places that entries name are called for a member: by the ids of entries, and the part that names one."""
    naming = [(entry, *AUDITED_PLACES[entry.what]) for entry in entries if entry.what in AUDITED_PLACES]
    parts = [(entry, part, find) for entry, part, find in naming if getattr(entry, part)]
    kept: dict[NameAuditedPlaces, set[str]] = {}
    for entry, part, find in parts:
        kept.setdefault(find, set()).add(getattr(entry, part))
    called = {find: await find(transaction, member_id, texts) for find, texts in kept.items()}
    return {entry.id: {part: called[find][getattr(entry, part)]} for entry, part, find in parts}


audited = Follower(audit, (Audited,))
