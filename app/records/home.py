"""What the home page shows of records: drafts of new ones, those that a member is assigned to, and how to begin."""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Select, String, bindparam, exists, literal, select, union

from app.accounts.access import AnyRequest
from app.accounts.home import WAITING_SHOWN, Waits, first_step, home_part, waits
from app.accounts.members import Member
from app.database import PreparedSelect, Transaction
from app.database.functions import find_text
from app.editing.drafts import list_own_drafts
from app.editing.row_places import find_row_places
from app.folding import fold_searched
from app.notifications.following import Follow
from app.records.collections import Collection
from app.records.fields import Field, find_collections
from app.records.keys import RecordKey
from app.records.kinds.collation import SORT_KEY_LIMIT, collate
from app.records.kinds.people import PersonKind
from app.records.new_drafts import KIND
from app.records.permissions import is_granted_to_reader
from app.records.records import Record
from app.web.texts import _l

# So many are looked for, looked at, and shown.
MOST_CANDIDATES = 300
MOST_ASSIGNED = 40
ASSIGNED_SHOWN = 5


def make_list_of_candidates() -> Select[int]:
    """The select of the ids of records in which a member may be chosen, the newest first.

    Who is the only one in a field of a record is found by the key that lists are sorted by; who is one of several in
    it, among the records that they follow, as whoever is chosen does.
    """
    people = select(Field.id).where(Field.kind_name == literal(PersonKind.name))
    alone = select(RecordKey.record_id.label("id")).where(
        RecordKey.field_id.in_(people), RecordKey.sort_key == bindparam("key")
    )
    among = select(Follow.subject_id.label("id")).where(
        Follow.subject_kind == literal("record"), Follow.member_id == bindparam("member_id"), Follow.following
    )
    ids = union(alone, among).subquery()
    return select(ids.c.id).order_by(ids.c.id.desc()).limit(MOST_CANDIDATES)


LIST_CANDIDATES = PreparedSelect(make_list_of_candidates)
# By their ids alone: asked for both at once, databases go through all records.
LIST_ASSIGNED = PreparedSelect(
    lambda: (
        select(Record)
        .where(
            Record.id.in_(bindparam("ids")),
            Record.deleted_at.is_(None),
            is_granted_to_reader("read", Record.collection_id),
            find_text(Record.search, bindparam("name", type_=String())) > 0,
        )
        .order_by(Record.updated_at.desc(), Record.id.desc())
        .limit(MOST_ASSIGNED)
    )
)


async def list_assigned(transaction: Transaction, member: Member) -> list[Record]:
    """Records in which a member is chosen in a field for people, those that were changed last first."""
    key, name = collate(member.name)[:SORT_KEY_LIMIT], fold_searched(member.name)
    ids = await transaction.column(LIST_CANDIDATES, key=key, member_id=member.id)
    if not ids:
        return []
    about = {"ids": ids, "name": name, "role": member.role, "member_id": member.id}
    found = await transaction.column(LIST_ASSIGNED, **about)
    kept = await find_collections(transaction, {record.collection_id for record in found})
    return [
        record
        for record in found
        if any(
            str(member.id) in record.values.get(field.ref, "").split()
            for field in kept[record.collection_id][1]
            if field.kind.names_people and not field.kind.computed
        )
    ][:ASSIGNED_SHOWN]


@home_part("records/_home_assigned.html", place="main", order=20)
async def assigned_part(request: AnyRequest, transaction: Transaction, member: Member) -> dict[str, Any]:
    """The records that a member is assigned to."""
    assigned = await list_assigned(transaction, member)
    places = await find_row_places(transaction, assigned)
    return {"assigned": [(record, places[record]) for record in assigned]}


LIST_BROWSED_TO_ADD = PreparedSelect(
    lambda: select(Collection).where(
        Collection.id.in_(bindparam("ids")),
        Collection.archived_at.is_(None),
        is_granted_to_reader("browse", Collection.id),
    )
)


@waits(order=40)
async def list_new_drafts(request: AnyRequest, transaction: Transaction, member: Member) -> list[Waits]:
    """Records that a member has begun and not added yet."""
    drafts = {row_id: typed_at for kind, row_id, typed_at in await list_own_drafts(transaction, member) if kind == KIND}
    if not drafts:
        return []
    found = await transaction.column(LIST_BROWSED_TO_ADD, ids=drafts, role=member.role, member_id=member.id)
    by_id = {each.id: each for each in found}
    return [
        Waits("plus", by_id[each].name, f"/c/{by_id[each].slug}/new", _l("New record, not added yet"), typed_at)
        for each, typed_at in list(drafts.items())[:WAITING_SHOWN]
        if each in by_id
    ]


@first_step(_l("Create a collection and add your records"), order=10)
def has_records() -> ColumnElement[bool]:
    """Whether a record was ever added."""
    return exists().where(Collection.last_number > 0)
