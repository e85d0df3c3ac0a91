"""Activities and notifications as they are stored, and the criterion that says which ones a person gets to see."""

from __future__ import annotations

from datetime import datetime
from functools import lru_cache
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    ColumnElement,
    ForeignKeyConstraint,
    Index,
    String,
    UniqueConstraint,
    and_,
    exists,
    false,
    literal,
    or_,
    true,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from app.accounts.members import Member
from app.accounts.rights import roles_from
from app.database import Base, Tenanted, UtcDateTime, now, partial_index
from app.notifications.kinds import NOTIFICATION_KINDS, SUBJECTS


class Activity(Tenanted, Base):
    """Something that happened: once, however many are notified.

    `number` is the part of the subject that it happened to, such as a message's number in its room, or 0.
    """

    __tablename__ = "activity"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "actor_id"], ["member.tenant_id", "member.id"]),
        Index("ix_activity_subject", "tenant_id", "subject_kind", "subject_id", "number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subject_kind: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int]
    number: Mapped[int] = mapped_column(BigInteger, default=0)
    actor_id: Mapped[int | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Notification(Tenanted, Base):
    """An activity that one person is told of.

    `shown` says whether in the inbox; `mail_at` when by mail, as long as that is still to come. One that is `held`
    stays unread until the person says that it was read. Kind, subject and number are copies, so that the inbox is read
    from indexes.
    """

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "activity_id"], ["activity.tenant_id", "activity.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
        partial_index(
            "ix_notification_unread",
            *("tenant_id", "member_id", "subject_kind", "subject_id", "kind"),
            where="read_at IS NULL",
        ),
        Index("ix_notification_member", "tenant_id", "member_id", "id"),
        Index("ix_notification_activity", "tenant_id", "activity_id"),
        partial_index("ix_notification_mail", "tenant_id", "mail_at", where="mail_at IS NOT NULL"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    activity_id: Mapped[int]
    member_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    subject_kind: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int]
    number: Mapped[int] = mapped_column(BigInteger, default=0)
    shown: Mapped[bool] = mapped_column(default=True, server_default=true())
    held: Mapped[bool] = mapped_column(default=False, server_default=false())
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    mail_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


def is_permitted() -> ColumnElement[bool]:
    """Whether the person may see what a notification is about, now: by rank for its kind, and by its subject's rule."""
    return make_criterion(tuple(SUBJECTS), tuple(NOTIFICATION_KINDS))


@lru_cache
def make_criterion(subjects: tuple[str, ...], kinds: tuple[str, ...]) -> ColumnElement[bool]:
    """The criterion of what is permitted, of these subjects and kinds. Kept, as each page's bell needs it, and making
    it takes longer than counting by it. What never changes in it is a literal each: a list of values is written anew
    each time that it is executed."""
    rules = [
        and_(
            Notification.subject_kind == subject,
            SUBJECTS[subject].visible(Notification.member_id, Notification.subject_id),
        )
        for subject in subjects
    ]
    ranks = []
    for role in roles_from("viewer"):
        names = [kind for kind in kinds if NOTIFICATION_KINDS[kind].role == role]
        if names:
            person = aliased(Member)  # the query around this one may have members of its own
            of_rank = exists().where(
                person.tenant_id == Notification.tenant_id,
                person.id == Notification.member_id,
                person.role.in_(map(literal, roles_from(role))),
            )
            ranks.append(or_(Notification.kind.not_in(map(literal, names)), of_rank))
    return and_(Notification.kind.in_(map(literal, kinds)), or_(*rules), *ranks)


def is_in_inbox() -> ColumnElement[bool]:
    """Whether a notification is in the inbox."""
    return and_(Notification.shown, is_permitted())
