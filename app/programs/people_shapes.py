"""What programs get and give of people, invitations, notifications, announcements and the audit log."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, UnsetType

from app.accounts.audit import AuditEntry
from app.accounts.members import Member
from app.notifications.announcements import Announcement
from app.programs.shapes import PersonShape, in_utc
from app.tenants.invitations import Invitation
from app.web.texts import Text

GivenRoleName = Literal["owner", "admin", "member", "viewer", "guest"]
# What a guest is invited to, by the name of each thing.
InvitedToNames = Annotated[
    list[Annotated[str, Meta(max_length=40)]],
    Meta(max_length=40, description="What a guest is let into, by the addresses of collections and rooms."),
]


class MemberShape(msgspec.Struct):
    """Somebody with an account in the workspace, or a bot that acts for an app or an address of a room."""

    id: int
    name: str
    bot: bool
    email: str | None
    role: str
    joined_at: datetime
    suspended_at: datetime | None


class MemberChange(msgspec.Struct, forbid_unknown_fields=True):
    """What is to be changed of a member."""

    role: GivenRoleName


class ProfileChange(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What others are to see of the member for whom the token acts. What is not named stays."""

    name: Annotated[str, Meta(min_length=1, max_length=80)] | UnsetType = UNSET


class InvitationShape(msgspec.Struct):
    """An invitation that works: of an address, or a link that some people may use."""

    id: int
    email: str | None
    role: str
    uses: int
    most_uses: int
    made_by: int
    made_at: datetime
    expires_at: datetime


class NewInvitation(msgspec.Struct, forbid_unknown_fields=True):
    """An invitation that is to be mailed to an address. A guest is let into `collections` and `rooms`."""

    email: Annotated[str, Meta(max_length=254)]
    role: GivenRoleName = "member"
    collections: InvitedToNames = []
    rooms: InvitedToNames = []


class NewLink(msgspec.Struct, forbid_unknown_fields=True):
    """A link that is to be made, which `uses` people may use within `days`. Guests are let into `collections` and
    `rooms`."""

    role: GivenRoleName = "member"
    uses: Annotated[int, Meta(ge=1, le=500)] = 1
    days: Annotated[int, Meta(ge=1, le=90)] = 7
    collections: InvitedToNames = []
    rooms: InvitedToNames = []


class MadeLink(msgspec.Struct):
    """A link that was made. `link` lets people in, and is shown this once."""

    link: str
    invitation: InvitationShape


class NotificationShape(msgspec.Struct):
    """What the member was told of. `subject` is what it is about, such as `record-42`, `address` where that is seen;
    one that is `held` stays unread until it is acknowledged."""

    id: int
    kind: str
    subject: str
    title: str
    address: str
    text: str
    excerpt: str
    at: datetime
    read_at: datetime | None
    held: bool


class NotificationsRead(msgspec.Struct, forbid_unknown_fields=True):
    """Which notifications are to be marked as read: up to the one with the id `until`, of a `subject` if
    it is named."""

    until: Annotated[int, Meta(ge=0, le=2**31 - 1)]
    subject: Annotated[str, Meta(max_length=60)] = ""


class NotificationsMarked(msgspec.Struct):
    """Whether something was unread."""

    changed: bool


class AnnouncementShape(msgspec.Struct):
    """What everybody is told, until it ends."""

    id: int
    author: PersonShape
    title: str
    text: str
    acknowledge: bool
    created_at: datetime
    ends_at: datetime | None


class NewAnnouncement(msgspec.Struct, forbid_unknown_fields=True):
    """What everybody is to be told. One to `acknowledge` stays unread until each says that they have read it."""

    title: Annotated[str, Meta(min_length=1, max_length=120)]
    text: Annotated[str, Meta(max_length=4000)] = ""
    acknowledge: bool = False
    ends_at: datetime | None = None


class AuditShape(msgspec.Struct):
    """What was done: by whom (nobody, where the program did it by itself), to which subject, from which address.
    `program` is the name of the token, where a program acted for the member, after `agent: ` of an agent."""

    id: int
    at: datetime
    member: PersonShape | None
    program: str | None
    what: str
    subject: str
    before: str
    after: str
    address: str


def shape_member(member: Member) -> MemberShape:
    """A member, for programs."""
    return MemberShape(
        id=member.id,
        name=member.name,
        bot=member.bot,
        email=member.email,
        role=member.role,
        joined_at=in_utc(member.joined_at),
        suspended_at=member.suspended_at and in_utc(member.suspended_at),
    )


def shape_invitation(invitation: Invitation) -> InvitationShape:
    """An invitation, for programs."""
    return InvitationShape(
        id=invitation.id,
        email=invitation.email,
        role=invitation.role,
        uses=invitation.uses,
        most_uses=invitation.most_uses,
        made_by=invitation.made_by_id,
        made_at=in_utc(invitation.made_at),
        expires_at=in_utc(invitation.expires_at),
    )


def shape_announcement(announcement: Announcement, author: PersonShape) -> AnnouncementShape:
    """An announcement, for programs."""
    return AnnouncementShape(
        id=announcement.id,
        author=author,
        title=announcement.title,
        text=announcement.text,
        acknowledge=announcement.acknowledge,
        created_at=in_utc(announcement.created_at),
        ends_at=announcement.ends_at and in_utc(announcement.ends_at),
    )


def shape_entry(entry: AuditEntry, member: PersonShape | None, called: Mapping[str, Text | str]) -> AuditShape:
    """An entry of the audit log, for programs; `called` is what its parts that name a place are called for their
    member."""

    def say(part: str) -> str:
        said = called.get(part, getattr(entry, part))
        return said.translate("en") if isinstance(said, Text) else str(said)

    return AuditShape(
        id=entry.id,
        at=in_utc(entry.at),
        member=member,
        program=entry.program,
        what=entry.what,
        subject=say("subject"),
        before=say("before"),
        after=say("after"),
        address=entry.address,
    )
