"""What follows when somebody may do less with records: of locks, turns and lines, of what is pushed and told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from msgspec import Struct, field
from sqlalchemy import ColumnElement, and_, or_, select, true

from app.accounts.facts import RoleChanged
from app.accounts.members import Member, is_active
from app.accounts.rights import INSIDERS, may
from app.database import Partial, Tenant, Transaction
from app.editing.locks import free_rows
from app.editing.pushes import push_standings
from app.editing.waiting import leave_queues
from app.editing.waiting_rows import Waiting
from app.live.log import follow_anew, refresh
from app.notifications.channels import push_bells
from app.notifications.models import Notification
from app.records.access import RecordAccess, find_accesses_of, forget_access
from app.records.access_facts import AccessChanged, CollectionClosed, GuestAdmitted, GuestDismissed, PermissionsChanged
from app.records.collections import Collection
from app.records.permissions import CollectionGuest
from app.records.records import Record, find_makers

LessPermitted = Sequence[AccessChanged | RoleChanged]


def whom(fact: AccessChanged | RoleChanged) -> ColumnElement[bool]:
    """The criterion of members who may do something else now."""
    if isinstance(fact, PermissionsChanged):
        if fact.role in INSIDERS:
            return Member.role.in_([fact.role])
        invited = select(CollectionGuest.member_id).where(CollectionGuest.collection_id == fact.collection_id)
        return and_(Member.role.in_([fact.role]), Member.id.in_(invited))
    if isinstance(fact, CollectionClosed):
        return true()
    assert isinstance(fact, GuestAdmitted | GuestDismissed | RoleChanged)  # noqa: S101
    return Member.id == fact.member_id


def where(fact: AccessChanged | RoleChanged) -> ColumnElement[bool]:
    """The criterion of records with which they may."""
    if isinstance(fact, AccessChanged):
        return and_(Record.collection_id == fact.collection_id, whom(fact))
    return whom(fact)


async def take_rights_back(transaction: Transaction, facts: LessPermitted) -> None:
    """Free the locks and turns of those who may not edit the records any more, take them out of lines, and count their
    bells anew."""
    forget_access(transaction)
    affected = or_(*(where(fact) for fact in facts))
    waits = (
        select(Record, Member)
        .join(Waiting, (Waiting.row_id == Record.id) & (Waiting.tenant_id == Record.tenant_id))
        .join(Member, (Member.id == Waiting.member_id) & (Member.tenant_id == Record.tenant_id))
        .where(Waiting.kind == Record.kind_name, affected)
        .order_by(Record.id)
    )
    holds = (
        select(Record, Member)
        .join(Member, (Member.id == Record.lock_member_id) & (Member.tenant_id == Record.tenant_id))
        .where(affected)
        .order_by(Record.id)
        .execution_options(populate_existing=True)
    )
    waiting = [(record, person) for record, person in await transaction.execute(waits)]
    holding = [(record, person) for record, person in await transaction.execute(holds)]
    lost = await find_lost(transaction, [*waiting, *holding])
    out_of_line = [(record, person.id) for record, person in waiting if (record.id, person.id) in lost]
    await leave_queues(transaction, out_of_line)
    for record, member_id in out_of_line:
        push_standings(transaction, record, member_id)
    await free_rows(transaction, [record for record, person in holding if (record.id, person.id) in lost])
    unread = (
        select(Notification.member_id)
        .join(Member, (Member.id == Notification.member_id) & (Member.tenant_id == Notification.tenant_id))
        .where(Notification.read_at.is_(None), or_(*(whom(fact) for fact in facts)))
        .distinct()
    )
    push_bells(transaction, await transaction.scalars(unread))


async def find_lost(transaction: Transaction, pairs: Sequence[tuple[Record, Member]]) -> set[tuple[int, int]]:
    """Of records and members those of whom the member may not edit the record as it is by now, by their ids; in a fixed
    number of statements for any number of them."""
    if not pairs:
        return set()
    records = {record.id: record for record, _ in pairs}
    collections = await transaction.find_all(Collection, {record.collection_id for record in records.values()})
    people = {person.id: person for _, person in pairs}
    accesses = await find_accesses_of(transaction, list(people.values()), list(collections.values()))
    makers = await find_makers(transaction, records)
    return {
        (record.id, person.id)
        for record, person in pairs
        if not may(
            person, "edit", RecordAccess(accesses[person.id, record.collection_id], record, makers.get(record.id))
        )
    }


class Affected(Struct):
    """Whose pages are shown something else: of many, by their channels; and what admins see in the lists of guests."""

    members: dict[int, AccessChanged] = field(default_factory=dict)
    channels: dict[str, AccessChanged] = field(default_factory=dict)
    listed: list[AccessChanged] = field(default_factory=list)


async def read_affected(transaction: Transaction, facts: Sequence[AccessChanged]) -> Affected:
    """Whose pages are shown something else now."""
    found = Affected()
    for fact in facts:
        channels = []
        if isinstance(fact, PermissionsChanged):
            channels = ["tenant" if fact.role in INSIDERS else "guests"]
        elif isinstance(fact, CollectionClosed):
            channels = ["tenant", "guests"]
        people = await transaction.scalars(select(Member.id).where(whom(fact), *is_active()))
        found.members |= dict.fromkeys(people, fact)
        if isinstance(fact, GuestAdmitted | GuestDismissed):
            channels = [f"user.{fact.member_id}"]
            found.listed.append(fact)
        found.channels |= dict.fromkeys(channels, fact)
    return found


def show_affected(tenant: Tenant, found: Affected) -> Iterator[Partial]:
    """Their pages follow nothing more of collections until they have fetched themselves anew."""
    if found.members:
        fact = next(reversed(found.members.values()))
        yield follow_anew(members=list(found.members), keep=["tenant", "guests", "admins"], fact=fact)
    for channel, fact in found.channels.items():
        yield refresh(tenant, channel, fact=fact)
    for fact in found.listed:
        yield refresh(tenant, "admins", f"permissions-{fact.collection_id}-refresh", fact=fact)
