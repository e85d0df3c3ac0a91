"""Announcements: what an admin tells everybody, until a day and to be acknowledged if that is wanted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    Boolean,
    ColumnElement,
    ForeignKeyConstraint,
    String,
    Text,
    UniqueConstraint,
    bindparam,
    exists,
    func,
    or_,
    select,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.accounts.rights import may, require
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.jobs.jobs import ClaimedJob, job
from app.notifications.channels import push_readers
from app.notifications.facts import AnnouncementEnded, AnnouncementMade, AnnouncementWithdrawn
from app.notifications.inbox import mark_notifications_read, of_subject
from app.notifications.kinds import (
    NotificationKind,
    Subject,
    SubjectPlace,
    register_subject,
)
from app.notifications.models import Notification
from app.web.errors import Gone
from app.web.forms import Invalid, clean_label
from app.web.markdown.long_texts import render_long_text, render_long_texts_aside
from app.web.paging import PAGE_SIZE, Paged, place_of_page
from app.web.texts import _l, shorten_text

LONGEST_ANNOUNCEMENT = 4000

ANNOUNCEMENT_KINDS = (
    NotificationKind(
        "announcement",
        label=_l("An admin posts an announcement"),
        why=_l("Announcements are for everyone in the workspace."),
        one={"": _l("%(actor)s announced: %(title)s")},
        many=_l("%(count)d notifications about %(title)s"),
        icon="info",
        mail="daily",
        role="viewer",
        on_home="",
    ),
)


class Announcement(Tenanted, Base):
    """What everybody is told until it ends; one with `acknowledge` stays unread until each has said so."""

    __tablename__ = "announcement"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"]),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    member_id: Mapped[int]
    title: Mapped[str] = mapped_column(String(120))
    text: Mapped[str] = mapped_column(Text)
    acknowledge: Mapped[bool]
    ends_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    @property
    def over(self) -> bool:
        """Whether it is told no more."""
        return self.ends_at is not None and self.ends_at <= now()

    @property
    def last_moment(self) -> datetime | None:
        """The last second in which it is told: it lies on the day that was chosen."""
        return self.ends_at - timedelta(seconds=1) if self.ends_at else None


LIST_TITLES = PreparedSelect(
    lambda: select(Announcement.id, Announcement.title).where(Announcement.id.in_(bindparam("ids")))
)


def is_told() -> ColumnElement[bool]:
    """Whether an announcement is still told, at the `moment` given."""
    return or_(Announcement.ends_at.is_(None), Announcement.ends_at > bindparam("moment"))


# All, for admins; for the others those that are still told.
COUNT_ANNOUNCEMENTS = PreparedSelect(
    lambda: select(func.count(Announcement.id)).where(or_(bindparam("all", type_=Boolean), is_told()))
)
LIST_ANNOUNCEMENTS = PreparedSelect(
    lambda: (
        select(Announcement)
        .where(or_(bindparam("all", type_=Boolean), is_told()))
        .order_by(Announcement.id.desc())
        .limit(PAGE_SIZE)
        .offset(bindparam("offset"))
    )
)
LIST_READERS = PreparedSelect(
    lambda: (
        select(Member.name, Notification.read_at)
        .join(Member, (Member.id == Notification.member_id) & (Member.tenant_id == Notification.tenant_id))
        .where(
            Notification.subject_kind == "announcement",
            Notification.subject_id == bindparam("announcement_id"),
            Member.removed_at.is_(None),
        )
        .order_by(Member.name, Member.id)
    )
)


def may_see_announcement(member_id: Any, subject_id: Any) -> ColumnElement[bool]:
    """Everybody may see an announcement until it ends. The criterion is kept: it asks for the time when it is used."""
    moment = bindparam("moment", callable_=now, type_=UtcDateTime(), unique=True)
    return exists().where(
        Announcement.id == subject_id, or_(Announcement.ends_at.is_(None), Announcement.ends_at > moment)
    )


async def find_announcements(transaction: Transaction, ids: Sequence[int]) -> dict[int, SubjectPlace]:
    """Where announcements are read."""
    return {
        announcement_id: SubjectPlace(title, f"/announcements/{announcement_id}")
        for announcement_id, title in await transaction.rows(LIST_TITLES, ids=ids)
    }


register_subject(Subject("announcement", "info", may_see_announcement, find_announcements, note_read=push_readers))


async def announce(
    transaction: Transaction, member: Member, *, title: str, text: str, acknowledge: bool, ends_at: datetime | None
) -> Announcement:
    """Tell everybody something.

    Raises Invalid for an empty one or an end that is over, and a 403 page unless the member is an admin.
    """
    require(member, "write", "announcements")
    text = text.replace("\r\n", "\n").strip()
    title = clean_label("title", title)
    if len(text) > LONGEST_ANNOUNCEMENT:
        raise Invalid(text=_l("At most %(limit)d characters.", limit=LONGEST_ANNOUNCEMENT))
    if ends_at is not None and ends_at <= now():
        raise Invalid(ends_at=_l("This date has passed. Choose a later one."))
    made = Announcement(member_id=member.id, title=title, text=text, acknowledge=acknowledge, ends_at=ends_at)
    transaction.add(made)
    await transaction.flush()
    await render_long_texts_aside([text])
    fact = AnnouncementMade(
        by=transaction.acting(member.id),
        announcement_id=made.id,
        title=title,
        excerpt=shorten_text(render_long_text(text).striptags(), 140),
        acknowledge=acknowledge,
        ends_at=ends_at,
    )
    transaction.note(fact)
    return made


@job("announcement end")
async def note_announcement_end(work: ClaimedJob) -> None:
    """An announcement is over."""
    async with work.finishing() as transaction:
        announcement_id = work.payload["announcement"]
        transaction.note(AnnouncementEnded(by=transaction.actor, announcement_id=announcement_id))


async def get_announcement(transaction: Transaction, announcement_id: int) -> Announcement:
    """An announcement. Raises Gone."""
    found = await transaction.get(Announcement, announcement_id) if announcement_id < 2**31 else None
    if found is None:
        raise Gone(_l("This announcement was withdrawn."))
    return found


async def list_announcements(transaction: Transaction, member: Member, page: str = "") -> Paged[Announcement]:
    """A page of the announcements that a member may read, newest first."""
    shown = {"all": may(member, "write", "announcements"), "moment": now()}
    count = await transaction.value(COUNT_ANNOUNCEMENTS, **shown) or 0
    number = place_of_page(page, count)
    found = await transaction.column(LIST_ANNOUNCEMENTS, **shown, offset=(number - 1) * PAGE_SIZE)
    return Paged(found, count, number)


async def withdraw_announcement(transaction: Transaction, member: Member, announcement: Announcement) -> None:
    """Tell an announcement no more. Raises a 403 page unless the member is an admin."""
    require(member, "write", "announcements")
    await transaction.delete(announcement)
    await transaction.flush()
    by, title = transaction.acting(member.id), announcement.title
    transaction.note(AnnouncementWithdrawn(by=by, announcement_id=announcement.id, title=title))


async def acknowledge(transaction: Transaction, member: Member, announcement: Announcement) -> None:
    """Say that one has read an announcement."""
    await mark_notifications_read(transaction, member, **of_subject(("announcement", announcement.id)), held=True)


async def list_announcement_readers(
    transaction: Transaction, announcement: Announcement
) -> Sequence[tuple[str, datetime | None]]:
    """Who was told of an announcement, by name, with when each read it."""
    return await transaction.rows(LIST_READERS, announcement_id=announcement.id)
