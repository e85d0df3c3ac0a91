"""What is told of records: to admins, to who follows or added one; and to who is asked to hand over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import ColumnElement, exists, select

from app.accounts.members import Member
from app.database import Transaction
from app.notifications.kinds import Kind, Place, Subject, register_kind, register_subject
from app.notifications.notifications import Occasion, notify, notify_all
from app.notifications.preferences import read_followers
from app.records.collections import Field, find_collections
from app.records.history import compare
from app.records.records import Record, find_makers, title_of
from app.web.texts import _l

WHAT = {
    "": _l("%(actor)s changed %(title)s: %(fields)s"),
    "deleted": _l("%(actor)s deleted %(title)s"),
    "restored": _l("%(actor)s restored %(title)s from the bin"),
}
MANY = _l("%(count)d changes to %(title)s")

register_kind(
    Kind(
        "record-asked",
        label=_l("Somebody asks you to hand over what you edit"),
        why=_l("You were editing this."),
        one={"": _l("%(actor)s asks to edit %(title)s")},
        many=_l("You were asked %(count)d times to hand over %(title)s"),
        icon="pencil",
        mail="never",
    )
)
for name, label, why, icon in (
    ("record-followed", _l("Changes of records you follow"), _l("You follow this record."), "eye"),
    ("record-added", _l("Changes of records you added"), _l("You added this record."), "pencil"),
):
    register_kind(Kind(name, label=label, why=why, one=WHAT, many=MANY, icon=icon))
register_kind(
    Kind(
        "record-admin",
        label=_l("Changes of all records, for admins"),
        why=_l("Admins are told of all changes."),
        one=WHAT,
        many=MANY,
        icon="history",
        role="admin",
    )
)


def is_there(member_id: Any, subject_id: Any) -> ColumnElement[bool]:
    """Everybody in the workspace may see a record, also in the bin."""
    return exists().where(Record.id == subject_id)


async def find_places(transaction: Transaction, ids: Sequence[int]) -> dict[int, Place]:
    """Where records are seen."""
    records = (await transaction.scalars(select(Record).where(Record.id.in_(ids)))).all()
    kept = await find_collections(transaction, {record.collection_id for record in records})
    return {
        record.id: Place(
            title_of(kept[record.collection_id][1], record.values) or str(record.number),
            f"/c/{kept[record.collection_id][0].slug}/{record.number}",
        )
        for record in records
    }


def message_or_record(place: Place, number: int) -> str:
    """The record, or what was said of it."""
    return f"{place.address}#discussion" if number else place.address


register_subject(Subject("record", "book", is_there, find_places, message_or_record, followable=True))


def notify_change(
    transaction: Transaction,
    fields: list[Field],
    record: Record,
    author: Member,
    what: str,
    before: Mapping[str, str],
) -> None:
    """Tell those who follow a record, who added it, and the admins, what has become of it; each once."""
    labels = ", ".join(change.field.label for change in compare(fields, before, record.values))[:300]
    transaction.gather(tell_changes, Notice(record.id, author, what, labels))


@dataclass(frozen=True, slots=True, eq=False)
class Notice:
    """What is told of a record: what was done to it, and the labels of the fields that differ."""

    record_id: int
    author: Member
    what: str
    labels: str


async def tell_changes(transaction: Transaction, changes: Sequence[Notice]) -> None:
    """Notify of what became of records, in as many statements for many as for one."""
    chosen = await read_followers(transaction, "record", {change.record_id for change in changes})
    makers = await find_makers(transaction, chosen)
    for author in {change.author: None for change in changes}:
        by_author = [change for change in changes if change.author is author]
        told: list[set[int]] = [set() for _ in by_author]
        for kind, find in (("record-followed", followers), ("record-added", maker_of), ("record-admin", admins)):
            occasions = [
                Occasion(
                    ("record", change.record_id),
                    find(chosen[change.record_id], makers[change.record_id]),
                    without=frozenset(before),
                    details={"what": change.what, "fields": change.labels},
                )
                for change, before in zip(by_author, told, strict=True)
            ]
            concerned = await notify_all(transaction, occasions, kind=kind, by=author)
            told = [before | ids for before, ids in zip(told, concerned, strict=True)]


def followers(chosen: Mapping[int, bool], maker: int | None) -> list[int]:
    """Those who follow a record."""
    return [member_id for member_id, following in chosen.items() if following]


def maker_of(chosen: Mapping[int, bool], maker: int | None) -> list[int]:
    """Who added a record, unless they don't want to follow it."""
    return [] if maker is None or not chosen.get(maker, True) else [maker]


def admins(chosen: Mapping[int, bool], maker: int | None) -> str:
    """All admins."""
    return "admin"


async def notify_asked(transaction: Transaction, record: Record, member: Member) -> None:
    """Tell who edits a record that somebody asks for it."""
    if record.lock_member_id is not None:
        to = [record.lock_member_id]
        await notify(transaction, kind="record-asked", subject=("record", record.id), to=to, by=member)
