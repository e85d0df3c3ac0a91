"""What each person wants to be told, and how; and what they follow and have muted."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from sqlalchemy import ForeignKeyConstraint, Index, Select, String, and_, bindparam, delete, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member, choose_time_zone
from app.accounts.rights import may
from app.accounts.time_zones import list_time_zones
from app.database import Base, PreparedChange, PreparedSelect, Tenanted, Transaction
from app.notifications.facts import PreferencesSaved
from app.notifications.kinds import MAILS, NOTIFICATION_KINDS, SUBJECTS, NotificationKind
from app.web.forms import Invalid
from app.web.texts import _l

# How long a mail waits that is sent at once: who sees the thing on screen meanwhile gets none.
MAIL_DELAY = timedelta(seconds=5)
DAILY_HOUR = 8


class OwnChoice(Tenanted):
    """Mixin of what a member has chosen."""

    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


def to_member() -> ForeignKeyConstraint:
    """The key that ties a row to its member, in the same workspace."""
    return ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE")


class Preference(OwnChoice, Base):
    """How a member wants to be told of a kind; without a row, as the kind says."""

    __tablename__ = "notification_preference"
    __table_args__ = (to_member(),)

    kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    in_app: Mapped[bool]
    mail: Mapped[str] = mapped_column(String(10))


class MailTimes(OwnChoice, Base):
    """When a member wants no mails, in minutes of the day in their own time zone (both None: whenever)."""

    __tablename__ = "notification_mail_times"
    __table_args__ = (to_member(),)

    quiet_from: Mapped[int | None]
    quiet_until: Mapped[int | None]


@dataclass(frozen=True, slots=True)
class Times:
    """The time zone that a member lives by, and when in it no mails are wanted, in minutes of the day."""

    zone: ZoneInfo
    quiet_from: int | None = None
    quiet_until: int | None = None


class OfSubject(OwnChoice):
    """Mixin of what a member has chosen for a thing."""

    subject_kind: Mapped[str] = mapped_column(String(20), primary_key=True)
    subject_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)


class Mute(OfSubject, Base):
    """A thing that a member wants to hear nothing more of."""

    __tablename__ = "notification_mute"
    __table_args__ = (to_member(), Index("ix_notification_mute_subject", "tenant_id", "subject_kind", "subject_id"))


class Follow(OfSubject, Base):
    """A thing that a member follows, or (`following` false) does not although they made it."""

    __tablename__ = "follow"
    __table_args__ = (
        to_member(),
        Index("ix_follow_subject", "tenant_id", "subject_kind", "subject_id"),
        Index("ix_follow_member", "tenant_id", "member_id", "subject_kind", "subject_id"),
    )

    following: Mapped[bool]


LIST_PREFERENCES = PreparedSelect(
    lambda: select(Preference.kind, Preference.member_id, Preference.in_app, Preference.mail).where(
        Preference.kind.in_(bindparam("kinds"))
    )
)
LIST_FOLLOWING = PreparedSelect(
    lambda: select(Follow.subject_id, Follow.member_id, Follow.following).where(
        Follow.subject_kind == bindparam("kind"), Follow.subject_id.in_(bindparam("ids"))
    )
)
LIST_OWN_PREFERENCES = PreparedSelect(
    lambda: select(Preference.kind, Preference.in_app, Preference.mail).where(
        Preference.member_id == bindparam("member_id")
    )
)
LIST_MUTES = PreparedSelect(
    lambda: select(Mute).where(
        Mute.member_id == bindparam("member_id"),
        or_(
            *(
                and_(Mute.subject_kind == name, subject.visible(Mute.member_id, Mute.subject_id))
                for name, subject in SUBJECTS.items()
            )
        ),
    )
)
UNMUTE = PreparedChange(
    lambda: delete(Mute).where(
        Mute.member_id == bindparam("member_id"),
        Mute.subject_kind == bindparam("subject_kind"),
        Mute.subject_id == bindparam("subject_id"),
    )
)
# Of more members the times of all are read.
MOST_ASKED = 100


@cache
def select_times(*, of_all: bool) -> PreparedSelect[int, str, int | None, int | None]:
    """The select of when some members live and want no mails, or all."""

    def make() -> Select[int, str, int | None, int | None]:
        found = select(Member.id, Member.time_zone, MailTimes.quiet_from, MailTimes.quiet_until).outerjoin(
            MailTimes, (MailTimes.member_id == Member.id) & (MailTimes.tenant_id == Member.tenant_id)
        )
        return found if of_all else found.where(Member.id.in_(bindparam("ids")))

    return PreparedSelect(make)


@dataclass(frozen=True, slots=True)
class Choice:
    """How somebody wants to be told of a kind."""

    in_app: bool
    mail: str


def default_choice(kind: NotificationKind) -> Choice:
    """What holds for who has not chosen."""
    return Choice(kind.in_app, kind.mail)


async def read_choices(
    transaction: Transaction, kinds: Iterable[NotificationKind], member_ids: Iterable[int]
) -> dict[str, dict[int, Choice]]:
    """How members want to be told of some kinds, by the names of the kinds and the ids of the members."""
    found = {kind.name: dict.fromkeys(member_ids, default_choice(kind)) for kind in kinds}
    chosen = [name for name in found if not NOTIFICATION_KINDS[name].fixed]
    if chosen:
        for kind, member_id, in_app, mail in await transaction.rows(LIST_PREFERENCES, kinds=chosen):
            if member_id in found[kind]:
                found[kind][member_id] = Choice(in_app, mail)
    return found


async def list_choices(transaction: Transaction, member: Member) -> list[tuple[NotificationKind, Choice]]:
    """Every kind that a member can be told of, with how."""
    rows = await transaction.rows(LIST_OWN_PREFERENCES, member_id=member.id)
    chosen = {kind: Choice(in_app, mail) for kind, in_app, mail in rows}
    return [
        (kind, default_choice(kind) if kind.fixed else chosen.get(kind.name, default_choice(kind)))
        for kind in NOTIFICATION_KINDS.values()
        if may(member, "be told", kind)
    ]


async def choose(transaction: Transaction, member_id: int, kind: NotificationKind, choice: Choice) -> None:
    """Keep how a member wants to be told of a kind; of a fixed one nothing changes.

    Raises Invalid for a way of mailing that there is none.
    """
    if choice.mail not in MAILS:
        raise Invalid(mail=_l("Choose one of these."))
    if kind.fixed:
        return
    row = await transaction.get(Preference, {"member_id": member_id, "kind": kind.name})
    if row is None:
        row = Preference(member_id=member_id, kind=kind.name, in_app=kind.in_app)
        transaction.add(row)
    shown_otherwise = row.in_app != choice.in_app
    row.in_app, row.mail = choice.in_app, choice.mail
    await transaction.flush()
    if shown_otherwise:
        transaction.note(PreferencesSaved(by=transaction.actor, member_id=member_id))


async def read_times(transaction: Transaction, member_ids: Iterable[int]) -> dict[int, Times]:
    """When members live, and want no mails, by their ids."""
    wanted = set(member_ids)
    of_all = len(wanted) > MOST_ASKED
    asked = {} if of_all else {"ids": wanted}
    return {
        member_id: Times(ZoneInfo(time_zone), quiet_from, quiet_until)
        for member_id, time_zone, quiet_from, quiet_until in await transaction.rows(
            select_times(of_all=of_all), **asked
        )
        if member_id in wanted
    }


async def choose_times(
    transaction: Transaction, member: Member, *, quiet_from: int | None, quiet_until: int | None, time_zone: str
) -> None:
    """Keep when a member wants no mails. Raises Invalid for a zone that there is none."""
    if time_zone not in list_time_zones():
        raise Invalid(time_zone=_l("Choose one of these."))
    row = await transaction.get(MailTimes, member.id)
    if row is None:
        row = MailTimes(member_id=member.id)
        transaction.add(row)
    row.quiet_from, row.quiet_until = quiet_from, quiet_until
    choose_time_zone(transaction, member, time_zone)
    await transaction.flush()
    transaction.note(PreferencesSaved(by=transaction.acting(member.id), member_id=member.id))


def mail_moment(how: str, moment: datetime, times: Times) -> datetime | None:
    """When a mail is due for what happens at a moment; None for never.

    Daily ones are sent at eight in the member's zone; in quiet hours everything waits for their end.
    """
    if how == "never":
        return None
    zone = times.zone
    due = (moment + MAIL_DELAY).astimezone(zone)
    if how == "hourly":
        due = (moment.astimezone(UTC).replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)).astimezone(zone)
    elif how == "daily":
        due = moment.astimezone(zone).replace(hour=DAILY_HOUR, minute=0, second=0, microsecond=0)
        if due <= moment:
            due += timedelta(days=1)
    return after_quiet(due, times).astimezone(UTC)


def after_quiet(due: datetime, times: Times) -> datetime:
    """The moment itself, or the end of the quiet hours that it lies in."""
    if times.quiet_from is None or times.quiet_until is None:
        return due
    start, end, minute = times.quiet_from, times.quiet_until, due.hour * 60 + due.minute
    quiet = start <= minute < end if start <= end else minute >= start or minute < end
    if not quiet:
        return due
    ended = due.replace(hour=end // 60, minute=end % 60, second=0, microsecond=0)
    return ended if ended > due else ended + timedelta(days=1)


async def mute(transaction: Transaction, member: Member, subject_kind: str, subject_id: int) -> None:
    """Hear nothing more of a thing."""
    key = {"member_id": member.id, "subject_kind": subject_kind, "subject_id": subject_id}
    if await transaction.get(Mute, key) is None:
        transaction.add(Mute(member_id=member.id, subject_kind=subject_kind, subject_id=subject_id))
        await transaction.flush()


async def unmute(transaction: Transaction, member: Member, subject_kind: str, subject_id: int) -> None:
    """Hear of a thing again."""
    await transaction.apply(UNMUTE, member_id=member.id, subject_kind=subject_kind, subject_id=subject_id)


async def list_mutes(transaction: Transaction, member: Member) -> list[Mute]:
    """What a member has muted, as far as they may see it still."""
    return await transaction.column(LIST_MUTES, member_id=member.id)


async def follow(
    transaction: Transaction, member: Member, subject_kind: str, subject_id: int, *, following: bool
) -> None:
    """Follow a thing, or do so no more."""
    row = await transaction.get(
        Follow, {"member_id": member.id, "subject_kind": subject_kind, "subject_id": subject_id}
    )
    if row is None:
        row = Follow(member_id=member.id, subject_kind=subject_kind, subject_id=subject_id)
        transaction.add(row)
    row.following = following
    await transaction.flush()


async def follow_chosen(transaction: Transaction, subject_kind: str, chosen: Iterable[tuple[int, int]]) -> None:
    """Have things followed by members who have not said whether to, each by the ids of both."""
    rows = dict.fromkeys(chosen)
    await transaction.insert_rows(
        Follow,
        *(
            {"member_id": member_id, "subject_kind": subject_kind, "subject_id": subject_id, "following": True}
            for subject_id, member_id in rows
        ),
    )


async def read_followers(
    transaction: Transaction, subject_kind: str, subject_ids: Collection[int]
) -> dict[int, dict[int, bool]]:
    """Who has chosen to follow things or not to, by the ids of the things and of the members."""
    chosen: dict[int, dict[int, bool]] = {subject_id: {} for subject_id in subject_ids}
    found = await transaction.rows(LIST_FOLLOWING, kind=subject_kind, ids=subject_ids)
    for subject_id, member_id, following in found:
        chosen[subject_id][member_id] = following
    return chosen
