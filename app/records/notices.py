"""What is told of records: to admins, to who follows or added one; and to who is asked to hand over."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased

from app.accounts.members import Member
from app.database import Transaction
from app.editing.facts import LockAsked
from app.editing.row_places import find_row_places
from app.notifications.following import follow_chosen, read_followers
from app.notifications.kinds import NotificationKind, Subject, SubjectPlace, register_subject
from app.notifications.notifications import Occasion, Receivers, notify_all
from app.notifications.together import MOST_TOLD_APART, notify_together
from app.records.collections import Collection
from app.records.permissions import is_granted
from app.records.record_facts import RecordChanged
from app.records.records import Record, find_makers
from app.web.texts import _l

CHANGE_SENTENCES = {
    "": _l("%(actor)s changed %(title)s: %(fields)s"),
    "many": _l("%(actor)s changed %(count)d records in %(title)s"),
    "many deleted": _l("%(actor)s deleted %(count)d records in %(title)s"),
    "many restored": _l("%(actor)s restored %(count)d records of %(title)s from the trash"),
    "deleted": _l("%(actor)s deleted %(title)s"),
    "restored": _l("%(actor)s restored %(title)s from the trash"),
}
MANY = _l("%(count)d changes to %(title)s")

RECORD_KINDS = (
    NotificationKind(
        "record-asked",
        label=_l("Someone asks you to hand over what you are editing"),
        why=_l("You were editing this."),
        one={"": _l("%(actor)s asks to edit %(title)s")},
        many=_l("You were asked %(count)d times to hand over %(title)s"),
        icon="pencil",
        mail="never",
    ),
    NotificationKind(
        "record-assigned",
        label=_l("Records that you are assigned to"),
        why=_l("You were assigned to it."),
        one={
            "": _l("%(actor)s assigned %(title)s to you"),
            "many": _l("%(actor)s assigned %(count)d records in %(title)s to you"),
        },
        many=_l("%(count)d changes to %(title)s"),
        icon="user",
        on_home="recent",
    ),
    NotificationKind(
        "record-followed",
        label=_l("Changes to records you follow"),
        why=_l("You follow this record."),
        one=CHANGE_SENTENCES,
        many=MANY,
        icon="eye",
        on_home="recent",
    ),
    NotificationKind(
        "record-added",
        label=_l("Changes to records you added"),
        why=_l("You added this record."),
        one=CHANGE_SENTENCES,
        many=MANY,
        icon="pencil",
        on_home="recent",
    ),
    NotificationKind(
        "record-admin",
        label=_l("Changes to all records, for admins"),
        why=_l("Admins are told about all changes."),
        one=CHANGE_SENTENCES,
        many=MANY,
        icon="history",
        role="admin",
        on_home="recent",
    ),
)


def may_see_record(member_id: Any, subject_id: Any) -> ColumnElement[bool]:
    """Who may read records of its collection may see a record, also in the bin."""
    person = aliased(Member)  # the query around this one may have members of its own
    seen = exists().where(
        Record.id == subject_id,
        person.id == member_id,
        person.tenant_id == Record.tenant_id,
        is_granted("read", Record.collection_id, person.role, person.id),
    )
    # It may stand in a criterion within another one, and is about what the outermost query reads.
    return seen.correlate_except(Record, person)


async def find_notified_places(transaction: Transaction, ids: Sequence[int]) -> dict[int, SubjectPlace]:
    """Where records are seen."""
    places = await find_row_places(transaction, list((await transaction.find_all(Record, ids)).values()))
    return {row.id: SubjectPlace(place.title, place.address) for row, place in places.items()}


register_subject(Subject("record", "book", may_see_record, find_notified_places, "#discussion", followable=True))


def may_see_collection(member_id: Any, subject_id: Any) -> ColumnElement[bool]:
    """Who may read the records of a collection is told what becomes of many."""
    person, collection = aliased(Member), aliased(Collection)
    seen = exists().where(
        collection.id == subject_id,
        person.id == member_id,
        person.tenant_id == collection.tenant_id,
        is_granted("read", collection.id, person.role, person.id),
    )
    return seen.correlate_except(collection, person)


async def find_collection_places(transaction: Transaction, ids: Sequence[int]) -> dict[int, SubjectPlace]:
    """Where collections are seen."""
    found = await transaction.find_all(Collection, ids)
    return {each.id: SubjectPlace(each.name, f"/c/{each.slug}") for each in found.values()}


register_subject(Subject("collection", "box", may_see_collection, find_collection_places))


async def tell_changes(transaction: Transaction, facts: Sequence[RecordChanged]) -> None:
    """Tell those who follow records, who added them, and the admins, what has become of them; each once, and in as
    many statements for many as for one. What was added is new to everybody, and told to those alone who were chosen in
    it. They follow it from then on. Of many at once they are told how many."""
    changes = [(fact, fact.assigned) for fact in facts if fact.what != "created" or fact.assigned]
    if not changes:
        return
    ids = list({change.row_id: None for change, _ in changes})
    authors = await transaction.find_all(Member, {change.by.member_id for change, _ in changes if change.by.member_id})
    makers = await find_makers(transaction, ids)
    chosen = await read_followers(transaction, "record", ids)
    alike: dict[tuple[int, int | None, str], list[Occasion]] = defaultdict(list)
    for change, assigned in changes:
        alike[change.collection_id, change.by.member_id, change.what].append(
            Occasion(
                ("record", change.row_id),
                [("record-assigned", assigned)]
                + (list_reasons(chosen[change.row_id], makers[change.row_id]) if change.what != "created" else []),
                by=authors.get(change.by.member_id or 0),
                details={"what": change.what, "fields": ", ".join(change.fields)[:300]},
            )
        )
    following = [
        (change.row_id, member_id)
        for change, assigned in changes
        for member_id in assigned
        if member_id not in chosen[change.row_id]
    ]
    await notify_all(transaction, [each for own in alike.values() if len(own) <= MOST_TOLD_APART for each in own])
    for (collection_id, _, what), own in alike.items():
        if len(own) > MOST_TOLD_APART:
            many = f"many {what}" if what in ("deleted", "restored") else "many"
            await notify_together(transaction, ("collection", collection_id), own, what=many)
    if following:
        await follow_chosen(transaction, "record", following)


def list_reasons(chosen: Mapping[int, bool], maker: int | None) -> list[tuple[str, Receivers]]:
    """Why somebody is told of a change, the best reason first: of those who have `chosen` to follow the record or not
    to, and the one who added it."""
    return [
        ("record-followed", [member_id for member_id, following in chosen.items() if following]),
        ("record-added", [] if maker is None or not chosen.get(maker, True) else [maker]),
        ("record-admin", "admin"),
    ]


async def tell_asked(transaction: Transaction, facts: Sequence[LockAsked]) -> None:
    """Tell who edits a record that somebody asks for it."""
    asked = [fact for fact in facts if fact.kind == "record"]
    people = await transaction.find_all(Member, {fact.member_id for fact in asked})
    await notify_all(
        transaction,
        [
            Occasion(("record", fact.row_id), [("record-asked", [fact.holder_id])], by=people[fact.member_id])
            for fact in asked
        ],
    )
