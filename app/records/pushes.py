"""Which home pages are other ones after records have changed: they list records by their titles. And what open forms
are told of fields that have changed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from sqlalchemy import Select, bindparam, literal, select, union

from app.accounts.home import HOME_REFRESH
from app.database import Partial, PreparedSelect, Tenant, Transaction
from app.editing.drafts import Draft
from app.live.log import refresh
from app.notifications.following import Follow
from app.records.channels import MOST_RECORDS_SHOWN
from app.records.facts import FieldsChanged
from app.records.field_news import list_news
from app.records.record_facts import RecordChanged
from app.web.templates import make_partial


def make_list_of_concerned() -> Select[int]:
    """The select of who follows any of some records, or has a draft of one."""
    following = select(Follow.member_id.label("id")).where(
        Follow.subject_kind == literal("record"), Follow.subject_id.in_(bindparam("ids")), Follow.following
    )
    drafting = select(Draft.member_id.label("id")).where(
        Draft.kind == literal("record"), Draft.row_id.in_(bindparam("ids")), Draft.values.is_not(None)
    )
    found = union(following, drafting).subquery()
    return select(found.c.id)


LIST_CONCERNED = PreparedSelect(make_list_of_concerned)


async def read_homes(transaction: Transaction, facts: Sequence[RecordChanged]) -> list[int]:
    """The ids of the members whose home pages list any of the records that have changed: who is chosen in one; and,
    where it is called otherwise now, who did that, who follows it, and who has a draft of it.

    Of many at once the lists of their collections are fetched anew, and home pages are not.
    """
    counts = Counter(fact.collection_id for fact in facts)
    shown = [fact for fact in facts if counts[fact.collection_id] <= MOST_RECORDS_SHOWN]
    members = {member_id for fact in shown for member_id in fact.named}
    called = [fact for fact in shown if fact.what != "created" and fact.called_otherwise]
    if called:
        members |= {fact.by.member_id for fact in called if fact.by.member_id is not None}
        members |= {*await transaction.column(LIST_CONCERNED, ids={fact.row_id for fact in called})}
    return sorted(members)


def show_homes_anew(tenant: Tenant, member_ids: Sequence[int]) -> Iterator[Partial]:
    """These members' home pages fetch themselves anew."""
    for member_id in member_ids:
        yield refresh(tenant, f"user.{member_id}", HOME_REFRESH)


def show_field_news(tenant: Tenant, facts: Sequence[FieldsChanged]) -> Iterator[Partial]:
    """What has changed, to open forms of the collection's records, which tell it on top, and beside the field."""
    for fact in facts:
        if news := list_news(fact):
            yield make_partial(
                tenant,
                f"collection.{fact.collection_id}",
                "records/field_news_push.html",
                fact=fact,
                changed=fact,
                news=news,
            )
