"""The inbox: what a member was told, unread first, grouped by what it is about; and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import ColumnElement, and_, case, delete, exists, func, or_, select, update

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.database import Database, Transaction, now
from app.jobs.sweeps import delete_by_keys, sweeps
from app.notifications.channels import push_bells
from app.notifications.kinds import SUBJECTS, list_fixed
from app.notifications.listing import Group, describe_items, find_subject_places
from app.notifications.models import Activity, Notification, is_in_inbox
from app.web.visits import is_seen

INBOX_PAGE_SIZE = 25
SHOWN_OF_A_GROUP = 8
KEPT_READ = timedelta(days=90)
NOTIFICATION_KEPT_FOR = timedelta(days=365)


@dataclass(frozen=True, slots=True)
class Inbox:
    """A page of the inbox. `newest` is the last notification that was there when it was read."""

    groups: list[Group]
    newest: int
    page: int
    more: bool


async def read_inbox(
    transaction: Transaction, member: Member, *, unread_only: bool = False, kind: str = "", page: int = 1
) -> Inbox:
    """A page of groups: those with something unread first, the newest of each first."""
    unread = func.sum(case((Notification.read_at.is_(None), 1), else_=0))
    latest = func.max(Notification.id)
    criteria: list[ColumnElement[bool]] = [Notification.member_id == member.id, is_in_inbox()]
    if unread_only:
        criteria.append(Notification.read_at.is_(None))
    if kind:
        criteria.append(Notification.kind == kind)
    statement = (
        select(
            Notification.subject_kind,
            Notification.subject_id,
            unread.label("unread"),
            func.count().label("total"),
            latest.label("latest"),
        )
        .where(*criteria)
        .group_by(Notification.subject_kind, Notification.subject_id)
        .order_by(case((unread > 0, 0), else_=1), latest.desc())
        .offset((page - 1) * INBOX_PAGE_SIZE)
        .limit(INBOX_PAGE_SIZE + 1)
    )
    rows = (await transaction.execute(statement)).all()
    places = await find_subject_places(transaction, [(row.subject_kind, row.subject_id) for row in rows])
    groups = {
        (row.subject_kind, row.subject_id): Group(
            f"{row.subject_kind}-{row.subject_id}",
            places[row.subject_kind, row.subject_id].seen_by(member.id),
            SUBJECTS[row.subject_kind].icon,
            row.total,
            row.unread,
            row.latest,
        )
        for row in rows[:INBOX_PAGE_SIZE]
        if (row.subject_kind, row.subject_id) in places
    }
    await fill_inbox(transaction, groups, criteria)
    newest = await transaction.scalar(select(func.max(Notification.id)).where(Notification.member_id == member.id))
    return Inbox(list(groups.values()), newest or 0, page, len(rows) > INBOX_PAGE_SIZE)


async def fill_inbox(
    transaction: Transaction, groups: dict[tuple[str, int], Group], criteria: list[ColumnElement[bool]]
) -> None:
    """Read the newest notifications of each group; unread ones first."""
    if not groups:
        return
    which = [and_(Notification.subject_kind == name, Notification.subject_id == number) for name, number in groups]
    place = (
        func.row_number()
        .over(
            partition_by=(Notification.subject_kind, Notification.subject_id),
            order_by=(Notification.read_at.is_not(None), Notification.id.desc()),
        )
        .label("place")
    )
    ranked = select(Notification.id, place).where(*criteria, or_(*which)).subquery()
    statement = (
        select(Notification, Activity, Member.name)
        .join(ranked, ranked.c.id == Notification.id)
        .join(
            Activity,
            (Activity.id == Notification.activity_id) & (Activity.tenant_id == Notification.tenant_id),
        )
        .outerjoin(Member, (Member.id == Activity.actor_id) & (Member.tenant_id == Activity.tenant_id))
        .where(ranked.c.place <= SHOWN_OF_A_GROUP)
        .order_by(Notification.read_at.is_not(None), Notification.id.desc())
    )
    for item in await describe_items(transaction, (await transaction.execute(statement)).all()):
        groups[item.notification.subject_kind, item.notification.subject_id].items.append(item)


async def mark_notifications_read(
    transaction: Transaction, member: Member, *criteria: Any, held: bool = False, at: datetime | None = None
) -> bool:
    """Mark a member's notifications that meet criteria as read, and tell their pages. False when none was.

    What was not mailed yet is not mailed, but for what is always told: whoever has got into an account could read it
    away. Those that are `held` are left, unless they are meant. `at` is the moment that is noted.
    """
    still = case((Notification.kind.in_(list_fixed()), Notification.mail_at))
    statement: Any = (
        update(Notification)
        .where(Notification.member_id == member.id, Notification.read_at.is_(None), *criteria)
        .values(read_at=at or now(), mail_at=still)
    )
    if not held:
        statement = statement.where(~Notification.held)
    statement = statement.returning(Notification.subject_kind, Notification.subject_id)
    read = set((await transaction.execute(statement)).all())
    for kind, number in read:
        if (note := SUBJECTS[kind].note_read if kind in SUBJECTS else None) is not None:
            note(transaction, number)
    if read:
        push_bells(transaction, [member.id])
    return bool(read)


async def mark_unread(transaction: Transaction, member: Member, at: datetime) -> None:
    """Mark those of a member's notifications as unread that were marked as read at a moment, and tell their pages."""
    statement = (
        update(Notification).where(Notification.member_id == member.id, Notification.read_at == at).values(read_at=None)
    )
    await transaction.execute(statement)
    push_bells(transaction, [member.id])


def of_subject(
    subject: tuple[str, int], *, since: int = 0, up_to: int | None = None
) -> tuple[ColumnElement[bool], ...]:
    """Criteria for what is about a thing, or about its parts of some numbers; what is about no part is of number 0."""
    criteria = [Notification.subject_kind == subject[0], Notification.subject_id == subject[1]]
    if up_to is not None:
        criteria.append(or_(Notification.number == 0, Notification.number.between(since, up_to)))
    return tuple(criteria)


async def has_unread(transaction: Transaction, member: Member, *criteria: Any, held: bool = False) -> bool:
    """Whether some of a member's notifications are unread; with `held`, of those that are to be acknowledged."""
    statement = select(Notification.id).where(
        Notification.member_id == member.id, Notification.read_at.is_(None), Notification.held == held, *criteria
    )
    return await transaction.scalar(statement.limit(1)) is not None


@sweeps(Notification, Activity)
async def delete_old_notifications(transaction: Transaction, limit: int) -> int:
    """Forget what was read long ago, and what happened so long ago that nobody will; bells count anew."""
    moment = now()
    old = select(Activity.id).where(Activity.created_at < moment - NOTIFICATION_KEPT_FOR)
    forgotten = select(Notification.id, Notification.member_id, Notification.read_at).where(
        or_(Notification.read_at < moment - KEPT_READ, Notification.activity_id.in_(old))
    )
    found = (await transaction.execute(forgotten.order_by(Notification.id).limit(limit))).all()
    if found:
        statement = delete(Notification).where(Notification.id.in_([row.id for row in found]))
        await transaction.execute(statement)
        push_bells(transaction, {row.member_id for row in found if row.read_at is None})
    if len(found) >= limit:
        return len(found)
    return len(found) + await delete_by_keys(
        transaction,
        Activity,
        Activity.created_at < moment - timedelta(days=1),
        ~exists().where(Notification.tenant_id == Activity.tenant_id, Notification.activity_id == Activity.id),
        limit=limit - len(found),
    )


async def note_opened(request: AnyRequest, transaction: Transaction, member: Member, *criteria: Any) -> None:
    """What was told of a page's thing is read when the page was answered: its reading changes nothing itself."""
    if is_seen(request) and await has_unread(transaction, member, *criteria):
        newest = await transaction.scalar(
            select(Notification.id).where(Notification.member_id == member.id).order_by(Notification.id.desc()).limit(1)
        )

        async def mark_opened() -> None:
            database: Database = request.app.state.database
            async with database.write(transaction.tenant.id) as writing:
                person = await writing.get_one(Member, member.id)
                await mark_notifications_read(writing, person, *criteria, Notification.id <= (newest or 0))

        request.scope["state"].setdefault("afterwards", []).append(mark_opened)
