"""What somebody follows, and what they want to hear nothing more of."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from msgspec import Struct
from sqlalchemy import Index, String, and_, bindparam, delete, or_, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.database import Base, PreparedChange, PreparedSelect, Showing, Transaction
from app.notifications.kinds import SUBJECTS
from app.notifications.preferences import OwnChoice, to_member


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


class FollowOf(Showing, Struct, frozen=True):
    """That a member has said whether to follow a thing."""

    member_id: int
    subject_kind: str
    subject_id: int


LIST_FOLLOWING = PreparedSelect(
    lambda: select(Follow.subject_id, Follow.member_id, Follow.following).where(
        Follow.subject_kind == bindparam("kind"), Follow.subject_id.in_(bindparam("ids"))
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
    """Follow a thing, or do so no more; the member's open pages of it follow."""
    row = await transaction.get(
        Follow, {"member_id": member.id, "subject_kind": subject_kind, "subject_id": subject_id}
    )
    if row is None:
        row = Follow(member_id=member.id, subject_kind=subject_kind, subject_id=subject_id)
        transaction.add(row)
    row.following = following
    await transaction.flush()
    transaction.show(FollowOf(member.id, subject_kind, subject_id))


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
