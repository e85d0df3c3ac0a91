"""What the home page shows of notifications: what waits to be read, recent changes, and what was announced."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cache
from typing import Any

from sqlalchemy import Select, bindparam, literal, select

from app.accounts.access import AnyRequest
from app.accounts.home import WAITING_SHOWN, Waits, home_part, waits
from app.accounts.members import Member
from app.accounts.rights import may
from app.database import PreparedSelect, Transaction, now
from app.notifications.announcements import Announcement, is_told
from app.notifications.kinds import NOTIFICATION_KINDS, PlaceOnHome
from app.notifications.listing import ListedNotification, describe_items, say_one
from app.notifications.models import Activity, Notification, is_in_inbox

# Of so many recent changes, the last to each thing is shown: to so many things.
RECENT_READ = 8
RECENT_SHOWN = 5
# What was announced is shown for so long, if it does not end before.
ANNOUNCED_FOR = timedelta(days=30)
ANNOUNCEMENTS_SHOWN = 3


@cache
def select_for_home(place: PlaceOnHome) -> PreparedSelect[Notification, Activity, str]:
    """The select of a member's newest notifications of the kinds that the home page shows at a place; of what waits,
    those that are unread. It is made when all kinds are known."""
    kinds = [kind.name for kind in NOTIFICATION_KINDS.values() if kind.on_home == place]

    def make() -> Select[Notification, Activity, str]:
        shown = (
            select(Notification, Activity, Member.name)
            .join(Activity, (Activity.id == Notification.activity_id) & (Activity.tenant_id == Notification.tenant_id))
            .outerjoin(Member, (Member.id == Activity.actor_id) & (Member.tenant_id == Activity.tenant_id))
            .where(Notification.member_id == bindparam("reader_id"), Notification.kind.in_(map(literal, kinds)))
            .where(is_in_inbox())
        )
        if place == "waits":
            # By a sum: the index of what is unread is a short one, and that by which all are sorted is long.
            newest = (Notification.id + literal(0)).desc()
            return shown.where(Notification.read_at.is_(None)).order_by(newest).limit(WAITING_SHOWN)
        return shown.order_by(Notification.id.desc()).limit(RECENT_READ)

    return PreparedSelect(make)


@waits(order=20)
async def list_unread(request: AnyRequest, transaction: Transaction, member: Member) -> list[Waits]:
    """What a member was told and has not read, of what is theirs to answer or to do."""
    rows = await transaction.rows(select_for_home("waits"), reader_id=member.id)
    language = transaction.tenant.language
    return [
        Waits(each.kind.icon, say_one(each, language), each.address, at=each.at)
        for each in await describe_items(transaction, rows)
    ]


@home_part("notifications/_home_recent.html", place="main", order=30)
async def recent_part(request: AnyRequest, transaction: Transaction, member: Member) -> dict[str, Any]:
    """Recent changes of what a member follows: the last to each thing."""
    rows = await transaction.rows(select_for_home("recent"), reader_id=member.id)
    last: dict[tuple[str, int], ListedNotification] = {}
    for each in await describe_items(transaction, rows):
        last.setdefault((each.notification.subject_kind, each.notification.subject_id), each)
    shown = list(last.values())[:RECENT_SHOWN]
    return {"recent": [(each, say_one(each, transaction.tenant.language)) for each in shown]}


def make_list_of_announced() -> Select[int, str, datetime, str]:
    """The select of what was announced lately, and by whom."""
    return (
        select(Announcement.id, Announcement.title, Announcement.created_at, Member.name)
        .join(Member, (Member.id == Announcement.member_id) & (Member.tenant_id == Announcement.tenant_id))
        .where(Announcement.created_at > bindparam("since"), is_told())
        .order_by(Announcement.id.desc())
        .limit(ANNOUNCEMENTS_SHOWN)
    )


LIST_ANNOUNCED = PreparedSelect(make_list_of_announced)


@home_part("notifications/_home_announced.html", place="side", order=10)
async def announced_part(request: AnyRequest, transaction: Transaction, member: Member) -> dict[str, Any]:
    """What was announced lately; guests are announced nothing."""
    if not may(member, "be told", NOTIFICATION_KINDS["announcement"]):
        return {"announced": []}
    moment = now()
    return {"announced": await transaction.rows(LIST_ANNOUNCED, since=moment - ANNOUNCED_FOR, moment=moment)}
