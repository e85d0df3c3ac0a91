"""Happenings and notifications as they are stored, and the criterion that says which ones a person gets to see."""

from __future__ import annotations

from datetime import datetime
from functools import cache
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
    or_,
    text,
    true,
)
from sqlalchemy.orm import Mapped, aliased, mapped_column

from app.accounts.members import Member
from app.accounts.rights import roles_from
from app.database import Base, Tenanted, UtcDateTime, now
from app.notifications.kinds import NOTIFICATION_KINDS, SUBJECTS


class Happening(Tenanted, Base):
    """Something that happened: once, however many are notified.

    `number` is the part of the subject that it happened to, such as a message's number in its room, or 0.
    """

    __tablename__ = "happening"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "actor_id"], ["member.tenant_id", "member.id"]),
        Index("ix_happening_subject", "tenant_id", "subject_kind", "subject_id", "number"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    subject_kind: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int]
    number: Mapped[int] = mapped_column(BigInteger, default=0)
    actor_id: Mapped[int | None]
    details: Mapped[dict[str, Any]] = mapped_column(JSON)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Notification(Tenanted, Base):
    """A happening that one person is told of.

    `shown` says whether in the inbox; `mail_at` when by mail, as long as that is still to come. One that is `held`
    stays unread until the person says that it was read. Kind, subject and number are copies, so that the inbox is read
    from indexes.
    """

    __tablename__ = "notification"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(
            ["tenant_id", "happening_id"], ["happening.tenant_id", "happening.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
        Index(
            "ix_notification_unread",
            *("tenant_id", "member_id", "subject_kind", "subject_id", "kind"),
            sqlite_where=text("read_at IS NULL"),
            postgresql_where=text("read_at IS NULL"),
        ),
        Index("ix_notification_member", "tenant_id", "member_id", "id"),
        Index("ix_notification_happening", "tenant_id", "happening_id"),
        Index(
            "ix_notification_mail",
            *("tenant_id", "mail_at"),
            sqlite_where=text("mail_at IS NOT NULL"),
            postgresql_where=text("mail_at IS NOT NULL"),
        ),
        {"sqlite_autoincrement": True},
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    happening_id: Mapped[int]
    member_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    subject_kind: Mapped[str] = mapped_column(String(20))
    subject_id: Mapped[int]
    number: Mapped[int] = mapped_column(BigInteger, default=0)
    shown: Mapped[bool] = mapped_column(default=True, server_default=true())
    held: Mapped[bool] = mapped_column(default=False, server_default=false())
    read_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    mail_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


@cache
def is_permitted() -> ColumnElement[bool]:
    """Whether the person may see what a notification is about, now: by rank for its kind, and by its subject's rule.

    It is made once, when all kinds and subjects are known: that was a tenth of what a message takes.
    """
    subjects = [
        and_(
            Notification.subject_kind == subject.name, subject.visible(Notification.member_id, Notification.subject_id)
        )
        for subject in SUBJECTS.values()
    ]
    ranks = []
    for role in ("admin", "owner"):
        names = [kind.name for kind in NOTIFICATION_KINDS.values() if kind.role == role]
        if names:
            person = aliased(Member)  # the query around this one may have members of its own
            of_rank = exists().where(
                person.tenant_id == Notification.tenant_id,
                person.id == Notification.member_id,
                person.role.in_(roles_from(role)),
            )
            ranks.append(or_(Notification.kind.not_in(names), of_rank))
    return and_(Notification.kind.in_(list(NOTIFICATION_KINDS)), or_(*subjects), *ranks)


def is_in_inbox() -> ColumnElement[bool]:
    """Whether a notification is in the inbox."""
    return and_(Notification.shown, is_permitted())
