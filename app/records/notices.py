"""What is told of records: to admins, to who follows or added one; and to who is asked to hand over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists, select

from app.accounts.members import Member
from app.database import Transaction
from app.notifications.kinds import Kind, Place, Subject, register_kind, register_subject
from app.notifications.notifications import notify
from app.notifications.preferences import read_followers
from app.records.collections import Field, find_collections
from app.records.history import compare
from app.records.records import Record, find_maker, title_of
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


async def notify_change(
    transaction: Transaction,
    fields: list[Field],
    record: Record,
    author: Member,
    what: str,
    before: Mapping[str, str],
) -> None:
    """Tell those who follow a record, who added it, and the admins, what has become of it; each once."""
    labels = ", ".join(change.field.label for change in compare(fields, before, record.values))[:300]
    subject = ("record", record.id)
    chosen = await read_followers(transaction, *subject)
    maker = await find_maker(transaction, record)
    makers = [] if maker is None or not chosen.get(maker, True) else [maker]
    details: dict[str, Any] = {"what": what, "fields": labels}
    told: set[int] = set()
    for kind, to in (
        ("record-followed", [each for each, following in chosen.items() if following]),
        ("record-added", makers),
        ("record-admin", "admin"),
    ):
        told |= await notify(transaction, kind=kind, subject=subject, to=to, by=author, without=told, details=details)


async def notify_asked(transaction: Transaction, record: Record, member: Member) -> None:
    """Tell who edits a record that somebody asks for it."""
    if record.lock_member_id is not None:
        to = [record.lock_member_id]
        await notify(transaction, kind="record-asked", subject=("record", record.id), to=to, by=member)
