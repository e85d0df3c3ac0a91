"""What the member was told of, and what everybody is."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from functools import cache
from typing import Any

from litestar import Response
from litestar.exceptions import NotFoundException
from sqlalchemy import Select, bindparam, or_, select

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.rights import may
from app.database import PreparedSelect, Transaction, UtcDateTime, now
from app.notifications.announcements import (
    Announcement,
    acknowledge,
    announce,
    get_announcement,
    withdraw_announcement,
)
from app.notifications.inbox import Which, list_criteria, mark_notifications_read, of_subject
from app.notifications.kinds import split, word_plainly
from app.notifications.listing import ListedNotification, describe_items
from app.notifications.models import Activity, Notification, is_in_inbox
from app.programs.endpoints.people import LARGEST_ID
from app.programs.lists import DEFAULT_LIMIT, After, Limit, page_rows, read_cursor
from app.programs.people_shapes import (
    AnnouncementShape,
    NewAnnouncement,
    NotificationShape,
    NotificationsMarked,
    NotificationsRead,
    shape_announcement,
)
from app.programs.problems import Problem
from app.programs.records import as_forms_have_it
from app.programs.routes import API, ListPart, adds, reads, removes
from app.programs.shapes import find_people_shapes, in_utc, shape_person
from app.records.records import Record

LIST_UNREAD_UNTIL = PreparedSelect(
    lambda: select(Notification.id, Notification.subject_kind, Notification.subject_id).where(
        *list_criteria(("newest",))
    )
)
ANNOUNCEMENT = "/announcements/{announcement_id:int}"


@cache
def select_notifications(*, unread: bool) -> PreparedSelect[Notification, Activity, str]:
    """The select of what a member was told before an id, the newest first."""

    def make() -> Select[Notification, Activity, str]:
        criteria = [Notification.member_id == bindparam("reader_id"), is_in_inbox()]
        criteria += [Notification.read_at.is_(None)] if unread else []
        return (
            select(Notification, Activity, Member.name)
            .join(
                Activity,
                (Activity.id == Notification.activity_id) & (Activity.tenant_id == Notification.tenant_id),
            )
            .outerjoin(Member, (Member.id == Activity.actor_id) & (Member.tenant_id == Activity.tenant_id))
            .where(*criteria, Notification.id < bindparam("before"))
            .order_by(Notification.id.desc())
            .limit(bindparam("most"))
        )

    return PreparedSelect(make)


async def find_reached(
    transaction: Transaction, member: Member, items: Sequence[ListedNotification]
) -> list[ListedNotification]:
    """Those that are about what the token is for, where it is narrowed to collections and rooms."""
    about = {(each.notification.subject_kind, each.notification.subject_id) for each in items}
    reached = await find_reached_subjects(transaction, member, about)
    return [each for each in items if (each.notification.subject_kind, each.notification.subject_id) in reached]


async def find_reached_subjects(
    transaction: Transaction, member: Member, about: Collection[tuple[str, int]]
) -> set[tuple[str, int]]:
    """Those of some subjects that the token is for."""
    records = {number for kind, number in about if kind == "record"} if member.grant.places else set()
    found = await transaction.find_all(Record, records) if records else {}

    def is_reached(kind: str, number: int) -> bool:
        if kind == "record":
            record = found.get(number)
            return not member.grant.places or (
                record is not None and member.grant.reaches([("collection", record.collection_id)])
            )
        if kind == "collection":
            return member.grant.reaches([("collection", number)])
        return member.grant.reaches([("room", number)]) if kind == "room" else True

    return {each for each in about if is_reached(*each)}


def shape_notification(item: ListedNotification, language: str) -> NotificationShape:
    """A notification, for programs."""
    told = item.notification
    return NotificationShape(
        id=told.id,
        kind=told.kind,
        subject=f"{told.subject_kind}-{told.subject_id}",
        title=str(item.values["title"]),
        address=item.address,
        text=word_plainly(item.text, language, **item.values),
        excerpt=item.excerpt,
        at=in_utc(item.at),
        read_at=told.read_at and in_utc(told.read_at),
        held=told.held,
    )


@reads("/notifications", scope="notifications:read")
async def list_notifications(
    transaction: Transaction,
    member: Member,
    unread: bool = False,
    limit: Limit = DEFAULT_LIMIT,
    next: After = "",
) -> ListPart[NotificationShape]:
    """What one was told, the newest first; with `unread`, of that only what is to be read. A part may have fewer than
    `limit` while there are more: `next` is null at the end."""
    before = (read_cursor(next, int) or [LARGEST_ID])[0]
    rows = await transaction.rows(
        select_notifications(unread=unread), reader_id=member.id, before=before, most=limit + 1
    )
    part = page_rows(rows, limit, lambda row: row, lambda row: (row[0].id,))
    items = await find_reached(transaction, member, await describe_items(transaction, part.items))
    return ListPart([shape_notification(each, transaction.tenant.language) for each in items], part.next)


async def list_reached_unread(transaction: Transaction, member: Member, until: int) -> list[int]:
    """What a member has to read, up to an id, of what the token is for, where that is narrowed."""
    unread = await transaction.rows(LIST_UNREAD_UNTIL, reader_id=member.id, newest=until)
    reached = await find_reached_subjects(transaction, member, {(kind, number) for _, kind, number in unread})
    return [told for told, kind, number in unread if (kind, number) in reached]


@adds("/notifications/read", scope="notifications:write", status_code=200)
async def read_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, data: NotificationsRead
) -> NotificationsMarked:
    """Mark what one was told as read, up to the newest that was seen; what is held stays, and what the token is
    not for."""
    subject = split(data.subject)
    if data.subject and not subject[0]:
        raise Problem("invalid", errors={"subject": "Name it as notifications do, such as record-42."})
    which = of_subject(subject) if data.subject else Which()
    which["newest"] = data.until
    if member.grant.places:
        which["these"] = await list_reached_unread(transaction, member, data.until)
    changed = await mark_notifications_read(transaction, member, **which)
    return NotificationsMarked(changed)


@cache
def select_announcements(*, all: bool) -> PreparedSelect[Announcement]:
    """The select of announcements before an id; all, or those that are not over."""

    def make() -> Select[Announcement]:
        moment = bindparam("moment", callable_=now, type_=UtcDateTime())
        told = [] if all else [or_(Announcement.ends_at.is_(None), Announcement.ends_at > moment)]
        found = select(Announcement).where(Announcement.id < bindparam("before"), *told)
        return found.order_by(Announcement.id.desc()).limit(bindparam("most"))

    return PreparedSelect(make)


@reads("/announcements", scope="notifications:read")
async def list_announcements_for_programs(
    transaction: Transaction, member: Member, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[AnnouncementShape]:
    """What was announced, the newest first; for admins, what is over as well."""
    before = (read_cursor(next, int) or [LARGEST_ID])[0]
    prepared = select_announcements(all=may(member, "write", "announcements"))
    rows = await transaction.column(prepared, before=before, most=limit + 1)
    people = await find_people_shapes(transaction, {each.member_id for each in rows})
    part = page_rows(rows, limit, lambda each: each, lambda each: (each.id,))
    readable = [each for each in part.items if may(member, "read", each)]
    return ListPart([shape_announcement(each, people[each.member_id]) for each in readable], part.next)


async def find_announcement(transaction: Transaction, member: Member, announcement_id: int) -> Announcement:
    """An announcement that a member may read. Raises NotFoundException."""
    if not 0 < announcement_id <= LARGEST_ID:
        raise NotFoundException
    announcement = await get_announcement(transaction, announcement_id)
    if not may(member, "read", announcement):
        raise NotFoundException
    return announcement


@reads(ANNOUNCEMENT, scope="notifications:read")
async def show_announcement_to_program(
    transaction: Transaction, member: Member, announcement_id: int
) -> AnnouncementShape:
    """An announcement. Reading it here does not mark it as read."""
    announcement = await find_announcement(transaction, member, announcement_id)
    people = await find_people_shapes(transaction, {announcement.member_id})
    return shape_announcement(announcement, people[announcement.member_id])


@adds("/announcements", scope="admin")
async def announce_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, data: NewAnnouncement
) -> Response[AnnouncementShape]:
    """Tell everybody something."""
    if data.ends_at is not None and data.ends_at.tzinfo is None:
        raise Problem("invalid", errors={"ends_at": "Say the offset from UTC, such as Z."})
    made = await announce(
        transaction,
        member,
        title=as_forms_have_it(data.title),
        text=as_forms_have_it(data.text),
        acknowledge=data.acknowledge,
        ends_at=data.ends_at and in_utc(data.ends_at),
    )
    location = f"{API}/announcements/{made.id}"
    return Response(shape_announcement(made, shape_person(member)), status_code=201, headers={"Location": location})


@adds(ANNOUNCEMENT + "/acknowledge", scope="notifications:write", status_code=200)
async def acknowledge_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, announcement_id: int
) -> AnnouncementShape:
    """Say that one has read an announcement."""
    announcement = await find_announcement(transaction, member, announcement_id)
    await acknowledge(transaction, member, announcement)
    people = await find_people_shapes(transaction, {announcement.member_id})
    return shape_announcement(announcement, people[announcement.member_id])


@removes(ANNOUNCEMENT, scope="admin")
async def withdraw_by_program(transaction: Transaction, member: Member, announcement_id: int) -> None:
    """Withdraw an announcement: it is deleted, and nobody is told of it any more."""
    await withdraw_announcement(transaction, member, await get_announcement(transaction, max(0, announcement_id)))


endpoints: list[Any] = [
    list_notifications,
    read_by_program,
    list_announcements_for_programs,
    show_announcement_to_program,
    announce_by_program,
    acknowledge_by_program,
    withdraw_by_program,
]
