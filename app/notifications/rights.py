"""Who may do what with announcements, and be told what."""

from __future__ import annotations

from app.accounts.members import Member
from app.accounts.rights import Right, admins, insiders, is_at_least
from app.notifications.announcements import Announcement
from app.notifications.kinds import NotificationKind


def all_until_it_is_over(actor: Member, announcement: Announcement) -> bool:
    """Everybody who belongs to the workspace until the announcement's end, then admins."""
    return insiders(actor, announcement) and (not announcement.over or admins(actor, announcement))


def those_it_is_meant_for(actor: Member, kind: NotificationKind) -> bool:
    """Those whose role the kind is for."""
    return is_at_least(actor.role, kind.role)


NOTIFICATION_RIGHTS = (
    Right("write", "announcements", admins, scope="admin"),
    Right("read", Announcement, all_until_it_is_over, scope="notifications:read"),
    Right("be told", NotificationKind, those_it_is_meant_for, scope="notifications:read"),
)
