"""The inbox: what a member was told, unread first, grouped by what it is about; and what becomes of it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import cache
from typing import Any, TypedDict, Unpack

from msgspec import Struct
from sqlalchemy import (
    ColumnElement,
    Select,
    Update,
    bindparam,
    case,
    delete,
    exists,
    func,
    literal,
    or_,
    select,
    update,
)

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.database import Database, PreparedChange, PreparedSelect, Transaction, UtcDateTime, fill_up, now
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


class Inbox(Struct, frozen=True):
    """A page of the inbox. `newest` is the last notification that was there when it was read."""

    groups: list[Group]
    newest: int
    page: int
    more: bool


class Which(TypedDict, total=False):
    """Which notifications are meant: those about things of a kind, or one of them, or what happened to its parts of
    some numbers (what is about no part is of number 0); those of a kind; those up to the newest that was seen; or these
    of them."""

    about_kind: str
    about_id: int
    since: int
    up_to: int
    reason: str
    newest: int
    these: Collection[int]


# The criterion of each; parts are told by the last of their numbers. In an update no parameter is called as a column.
MEANT: dict[str, ColumnElement[bool]] = {
    "about_kind": Notification.subject_kind == bindparam("about_kind"),
    "about_id": Notification.subject_id == bindparam("about_id"),
    "up_to": or_(Notification.number == 0, Notification.number.between(bindparam("since"), bindparam("up_to"))),
    "reason": Notification.kind == bindparam("reason"),
    "newest": Notification.id <= bindparam("newest"),
    "these": Notification.id.in_(bindparam("these")),
}
FIND_NEWEST = PreparedSelect(
    lambda: (
        select(Notification.id)
        .where(Notification.member_id == bindparam("reader_id"))
        .order_by(Notification.id.desc())
        .limit(1)
    )
)
FIND_NEWEST_UNREAD = PreparedSelect(
    lambda: (
        select(Notification.id)
        .where(Notification.member_id == bindparam("reader_id"), Notification.read_at.is_(None), ~Notification.held)
        .order_by((Notification.id + literal(0)).desc())
        .limit(1)
    )
)
MARK_UNREAD = PreparedChange(
    lambda: (
        update(Notification)
        .where(Notification.member_id == bindparam("reader_id"), Notification.read_at == bindparam("moment"))
        .values(read_at=None)
    ),
    many=True,
)


def list_criteria(names: Iterable[str]) -> list[ColumnElement[bool]]:
    """The criteria of a member's notifications that are still to be read, of those that are meant by these names."""
    own = [Notification.member_id == bindparam("reader_id"), Notification.read_at.is_(None)]
    return own + [MEANT[name] for name in MEANT if name in names]


@cache
def select_groups(*, unread_only: bool, of_kind: bool) -> PreparedSelect[str, int, int, int, int]:
    """The select of a page of groups: of what, how many are unread, how many there are, and the last of them."""
    unread = func.sum(case((Notification.read_at.is_(None), 1), else_=0))
    latest = func.max(Notification.id)

    def make() -> Select[str, int, int, int, int]:
        return (
            select(Notification.subject_kind, Notification.subject_id, unread, func.count(), latest)
            .where(*list_shown(unread_only=unread_only, of_kind=of_kind))
            .group_by(Notification.subject_kind, Notification.subject_id)
            .order_by(case((unread > 0, 0), else_=1), latest.desc())
            .offset(bindparam("offset"))
            .limit(INBOX_PAGE_SIZE + 1)
        )

    return PreparedSelect(make)


@cache
def select_items(count: int, *, unread_only: bool, of_kind: bool) -> PreparedSelect[Notification, Activity, str]:
    """The select of the newest notifications about each of so many things; unread ones first."""
    unread_first = Notification.read_at.is_not(None), Notification.id.desc()
    about = [
        (Notification.subject_kind == bindparam(f"thing_kind_{place}"))
        & (Notification.subject_id == bindparam(f"thing_id_{place}"))
        for place in range(count)
    ]

    def make() -> Select[Notification, Activity, str]:
        place = func.row_number().over(
            partition_by=(Notification.subject_kind, Notification.subject_id), order_by=unread_first
        )
        ranked = (
            select(Notification.id, place.label("place"))
            .where(*list_shown(unread_only=unread_only, of_kind=of_kind), or_(*about))
            .subquery()
        )
        return (
            select(Notification, Activity, Member.name)
            .join(ranked, ranked.c.id == Notification.id)
            .join(
                Activity,
                (Activity.id == Notification.activity_id) & (Activity.tenant_id == Notification.tenant_id),
            )
            .outerjoin(Member, (Member.id == Activity.actor_id) & (Member.tenant_id == Activity.tenant_id))
            .where(ranked.c.place <= SHOWN_OF_A_GROUP)
            .order_by(*unread_first)
        )

    return PreparedSelect(make)


def list_shown(*, unread_only: bool, of_kind: bool) -> list[ColumnElement[bool]]:
    """The criteria of what an inbox shows."""
    criteria = [Notification.member_id == bindparam("reader_id"), is_in_inbox()]
    if unread_only:
        criteria.append(Notification.read_at.is_(None))
    if of_kind:
        criteria.append(MEANT["reason"])
    return criteria


async def read_inbox(
    transaction: Transaction, member: Member, *, unread_only: bool = False, kind: str = "", page: int = 1
) -> Inbox:
    """A page of groups: those with something unread first, the newest of each first."""
    form = {"unread_only": unread_only, "of_kind": bool(kind)}
    shown: dict[str, Any] = {"reader_id": member.id} | ({"reason": kind} if kind else {})
    rows, last = await transaction.together(
        transaction.rows(select_groups(**form), **shown, offset=(page - 1) * INBOX_PAGE_SIZE),
        transaction.value(FIND_NEWEST, reader_id=member.id),
    )
    places = await find_subject_places(transaction, [(name, number) for name, number, *_ in rows])
    groups = {
        (name, number): Group(
            f"{name}-{number}", places[name, number].seen_by(member.id), SUBJECTS[name].icon, total, unread, latest
        )
        for name, number, unread, total, latest in rows[:INBOX_PAGE_SIZE]
        if (name, number) in places
    }
    if groups:
        things = fill_up(list(groups))
        about: dict[str, Any] = {f"thing_kind_{place}": name for place, (name, _) in enumerate(things)}
        about |= {f"thing_id_{place}": number for place, (_, number) in enumerate(things)}
        found = await transaction.rows(select_items(len(things), **form), **shown, **about)
        for item in await describe_items(transaction, found, places):
            groups[item.notification.subject_kind, item.notification.subject_id].items.append(item)
    return Inbox(list(groups.values()), last or 0, page, len(rows) > INBOX_PAGE_SIZE)


@cache
def change_to_read(names: tuple[str, ...], *, held: bool) -> PreparedChange:
    """The update that marks notifications as read, of those that are meant by these names."""

    def make() -> Update:
        still = case((Notification.kind.in_(map(literal, list_fixed())), Notification.mail_at))
        criteria = list_criteria(names)
        if not held:
            criteria.append(~Notification.held)
        marked = update(Notification).where(*criteria)
        marked = marked.values(read_at=bindparam("moment", type_=UtcDateTime()), mail_at=still)
        return marked.returning(Notification.subject_kind, Notification.subject_id)

    return PreparedChange(make, many="about_id" not in names)


async def mark_notifications_read(
    transaction: Transaction, member: Member, *, held: bool = False, at: datetime | None = None, **which: Unpack[Which]
) -> bool:
    """Mark those of a member's notifications that are meant as read, and tell their pages. False when none was.

    What was not mailed yet is not mailed, but for what is always told: whoever has got into an account could read it
    away. Those that are `held` are left, unless they are meant. `at` is the moment that is noted.
    """
    change = change_to_read(tuple(sorted(which)), held=held)
    result = await transaction.apply(change, reader_id=member.id, moment=at or now(), **which)
    read = {(kind, number) for kind, number in result.rows}
    for kind, number in read:
        if (note := SUBJECTS[kind].note_read if kind in SUBJECTS else None) is not None:
            note(transaction, number)
    if read:
        push_bells(transaction, [member.id])
    return bool(read)


async def mark_unread(transaction: Transaction, member: Member, at: datetime) -> None:
    """Mark those of a member's notifications as unread that were marked as read at a moment, and tell their pages."""
    await transaction.apply(MARK_UNREAD, reader_id=member.id, moment=at)
    push_bells(transaction, [member.id])


def of_subject(subject: tuple[str, int], *, since: int = 0, up_to: int | None = None) -> Which:
    """What is about a thing, or about its parts of some numbers; what is about no part is of number 0."""
    about: Which = {"about_kind": subject[0], "about_id": subject[1]}
    return about if up_to is None else {**about, "since": since, "up_to": up_to}


@cache
def select_one_unread(names: tuple[str, ...]) -> PreparedSelect[int]:
    """The select of a notification that is to be read, of those that are meant by these names."""
    return PreparedSelect(
        lambda: select(Notification.id).where(*list_criteria(names), Notification.held == bindparam("held")).limit(1)
    )


async def has_unread(transaction: Transaction, member: Member, *, held: bool = False, **which: Unpack[Which]) -> bool:
    """Whether some of a member's notifications are unread; with `held`, of those that are to be acknowledged."""
    select_one = select_one_unread(tuple(sorted(which)))
    return await transaction.value(select_one, reader_id=member.id, held=held, **which) is not None


async def find_newest_unread(transaction: Transaction, member: Member) -> int | None:
    """The last of a member's notifications that are unread, and don't wait to be acknowledged."""
    return await transaction.value(FIND_NEWEST_UNREAD, reader_id=member.id)


@sweeps(Notification, Activity)
async def delete_old_notifications(transaction: Transaction, limit: int) -> int:
    """Forget what was read long ago, and what happened so long ago that nobody will; bells count anew, and
    open inboxes follow."""
    moment = now()
    old = select(Activity.id).where(Activity.created_at < moment - NOTIFICATION_KEPT_FOR)
    forgotten = select(Notification.id, Notification.member_id).where(
        or_(Notification.read_at < moment - KEPT_READ, Notification.activity_id.in_(old))
    )
    found = (await transaction.execute(forgotten.order_by(Notification.id).limit(limit))).all()
    if found:
        statement = delete(Notification).where(Notification.id.in_([row.id for row in found]))
        await transaction.execute(statement)
        push_bells(transaction, {row.member_id for row in found})
    if len(found) >= limit:
        return len(found)
    return len(found) + await delete_by_keys(
        transaction,
        Activity,
        Activity.created_at < moment - timedelta(days=1),
        ~exists().where(Notification.tenant_id == Activity.tenant_id, Notification.activity_id == Activity.id),
        limit=limit - len(found),
    )


async def note_opened(request: AnyRequest, transaction: Transaction, member: Member, **which: Unpack[Which]) -> None:
    """What was told of a page's thing is read when the page was answered: its reading changes nothing itself."""
    if is_seen(request) and await has_unread(transaction, member, **which):
        seen: Which = {**which, "newest": await transaction.value(FIND_NEWEST, reader_id=member.id) or 0}

        async def mark_opened() -> None:
            database: Database = request.app.state.database
            async with database.write(transaction.tenant.id) as writing:
                person = await writing.get_one(Member, member.id)
                await mark_notifications_read(writing, person, **seen)

        request.scope["state"].setdefault("afterwards", []).append(mark_opened)
