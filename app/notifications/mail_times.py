"""When somebody's mails are sent: at once or bundled, and not in their quiet hours."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from msgspec import Struct
from sqlalchemy import Select, bindparam, select
from sqlalchemy.orm import Mapped

from app.accounts.members import Member, choose_time_zone
from app.accounts.time_zones import list_time_zones
from app.database import Base, PreparedSelect, Transaction
from app.notifications.facts import PreferencesSaved
from app.notifications.preferences import OwnChoice, to_member
from app.web.forms import Invalid
from app.web.texts import _l

# How long a mail waits that is sent at once: who sees the thing on screen meanwhile gets none.
MAIL_DELAY = timedelta(seconds=5)
DAILY_HOUR = 8
# Of more members the times of all are read.
MOST_ASKED = 100


class MailTimes(OwnChoice, Base):
    """When a member wants no mails, in minutes of the day in their own time zone (both None: whenever)."""

    __tablename__ = "notification_mail_times"
    __table_args__ = (to_member(),)

    quiet_from: Mapped[int | None]
    quiet_until: Mapped[int | None]


class Times(Struct, frozen=True):
    """The time zone that a member lives by, and when in it no mails are wanted, in minutes of the day."""

    zone: ZoneInfo
    quiet_from: int | None = None
    quiet_until: int | None = None


@cache
def select_times(*, of_all: bool) -> PreparedSelect[int, str, int | None, int | None]:
    """The select of when some members live and want no mails, or all."""

    def make() -> Select[int, str, int | None, int | None]:
        found = select(Member.id, Member.time_zone, MailTimes.quiet_from, MailTimes.quiet_until).outerjoin(
            MailTimes, (MailTimes.member_id == Member.id) & (MailTimes.tenant_id == Member.tenant_id)
        )
        return found if of_all else found.where(Member.id.in_(bindparam("ids")))

    return PreparedSelect(make)


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
