"""Which home pages are other ones after records have changed: they list records by their titles."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from app.accounts.home import HOME_REFRESH
from app.database import Partial, Tenant, Transaction
from app.editing.drafts import list_drafts
from app.live.log import refresh
from app.notifications.preferences import read_followers
from app.records.channels import MOST_RECORDS_SHOWN
from app.records.facts import RecordChanged
from app.records.fields import Fields, list_fields_of
from app.records.records import Record


def list_chosen(fields: Fields, change: RecordChanged) -> set[int]:
    """The ids of those who are chosen in a record, or were before it changed."""
    people = [field.ref for field in fields if field.kind.names_people and not field.kind.computed]
    words = (values.get(ref, "") for values in (change.before or {}, change.after) for ref in people)
    return {int(each) for value in words for each in value.split()}


def is_called_otherwise(fields: Fields, change: RecordChanged) -> bool:
    """Whether a record is called otherwise by now, is gone, or there again."""
    first = fields[0].ref if fields else ""
    return change.what != "changed" or (change.before or {}).get(first) != change.after.get(first)


async def read_homes(transaction: Transaction, facts: Sequence[RecordChanged]) -> list[int]:
    """The ids of the members whose home pages list any of the records that have changed: who is chosen in one; and,
    where it is called otherwise now, who did that, who follows it, and who has a draft of it.

    Of many at once the lists of their collections are fetched anew, and home pages are not.
    """
    counts = Counter(fact.collection_id for fact in facts)
    shown = [fact for fact in facts if counts[fact.collection_id] <= MOST_RECORDS_SHOWN]
    fields = await list_fields_of(transaction, {fact.collection_id for fact in shown})
    members = {member_id for fact in shown for member_id in list_chosen(fields[fact.collection_id], fact)}
    called = [
        fact for fact in shown if fact.what != "created" and is_called_otherwise(fields[fact.collection_id], fact)
    ]
    if called:
        ids = {fact.row_id for fact in called}
        members |= {fact.by.member_id for fact in called if fact.by.member_id is not None}
        for chosen in (await read_followers(transaction, "record", ids)).values():
            members |= {member_id for member_id, following in chosen.items() if following}
        rows = list((await transaction.find_all(Record, ids)).values())
        members |= {member_id for drafts in (await list_drafts(transaction, rows)).values() for member_id in drafts}
    return sorted(members)


def show_homes_anew(tenant: Tenant, member_ids: Sequence[int]) -> Iterator[Partial]:
    """These members' home pages fetch themselves anew."""
    for member_id in member_ids:
        yield refresh(tenant, f"user.{member_id}", HOME_REFRESH)
