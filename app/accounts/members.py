"""Members: people with an account in one workspace."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any, Literal

from litestar.exceptions import NotFoundException
from sqlalchemy import Index, String, UniqueConstraint, bindparam, false, func, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.facts import MemberJoined, TimeZoneChosen
from app.accounts.scopes import EVERYTHING_GRANTED
from app.accounts.time_zones import list_time_zones
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.web.forms import Invalid
from app.web.mail_addresses import account_address
from app.web.texts import _l

Role = Literal["owner", "admin", "member", "viewer", "guest"]
ALREADY = _l("Someone with this address is already a member.")


class Member(Tenanted, Base):
    """A person in a workspace, or a `bot` that acts for an app (`gateway/apps.py`): it has no address and no password,
    so that nobody signs in as it. One who was removed keeps the row, so that history keeps the name."""

    __tablename__ = "member"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "email", name="uq_member_email"),
        Index("ix_member_email", "email"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str | None] = mapped_column(String(254))
    name: Mapped[str] = mapped_column(String(80))
    role: Mapped[str] = mapped_column(String(10), default="member")
    password_hash: Mapped[str] = mapped_column(String(200))
    picture: Mapped[str | None] = mapped_column(String(32))
    time_zone: Mapped[str] = mapped_column(String(64), default="UTC")
    # Whether they, or their device, have said in which zone they live; until then it is UTC.
    time_zone_known: Mapped[bool] = mapped_column(default=False, server_default=false())
    bot: Mapped[bool] = mapped_column(default=False, server_default=false())
    # Whether any browser has ever signed in: of the first one there is nothing to tell.
    has_signed_in: Mapped[bool] = mapped_column(default=False, server_default=false())
    joined_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    suspended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    removed_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    # Of all that they may do, what is given to whoever acts for them in this transaction: less, where a program does.
    grant = EVERYTHING_GRANTED

    @property
    def active(self) -> bool:
        """Whether this person may sign in."""
        return self.suspended_at is None and self.removed_at is None


def is_active() -> tuple[Any, ...]:
    """The criteria of members who may sign in: neither suspended nor removed."""
    return Member.suspended_at.is_(None), Member.removed_at.is_(None)


def are_people() -> tuple[Any, ...]:
    """The criteria of people who may sign in: no bots."""
    return ~Member.bot, *is_active()


FIND_MEMBER = PreparedSelect(lambda: select(Member).where(Member.email == bindparam("email")))
FIND_PERSON = PreparedSelect(lambda: select(Member).where(Member.id == bindparam("id"), *is_active()))
# Of so many zones what is shown in them is looked for.
MOST_ZONES = 8
LIST_ZONES = PreparedSelect(
    lambda: (
        select(Member.time_zone, func.count(Member.id))
        .where(*are_people())
        .group_by(Member.time_zone)
        .order_by(func.count(Member.id).desc(), Member.time_zone)
        .limit(MOST_ZONES)
    )
)
LIST_NAMES = PreparedSelect(lambda: select(Member.id, Member.name).where(Member.id.in_(bindparam("ids"))))


def take_time_zone(transaction: Transaction, member: Member, zone: str) -> None:
    """Let a member live in the zone that their device says, unless theirs is known already."""
    if not member.time_zone_known and zone in list_time_zones():
        choose_time_zone(transaction, member, zone)


def choose_time_zone(transaction: Transaction, member: Member, zone: str) -> None:
    """Let a member live in a zone, whatever their devices say."""
    if zone != member.time_zone:
        transaction.note(TimeZoneChosen(by=transaction.acting(member.id), member_id=member.id, zone=zone))
    member.time_zone, member.time_zone_known = zone, True


async def find_zones(transaction: Transaction) -> dict[str, int]:
    """The zones in which most of the members live, with how many it is. A transaction reads them once."""
    known: dict[str, int] | None = transaction.info.get(LIST_ZONES)
    if known is None:
        known = transaction.info[LIST_ZONES] = dict(await transaction.rows(LIST_ZONES))
    return known


async def find_member(transaction: Transaction, email: str) -> Member | None:
    """The member with an e-mail address, whatever its case and the form of its domain."""
    found = await transaction.find(FIND_MEMBER, email=account_address(email))
    return found and found[0]


async def find_person(transaction: Transaction, member_id: int) -> Member:
    """An active member. Raises NotFoundException."""
    found = await transaction.find(FIND_PERSON, id=member_id)
    if found is None:
        raise NotFoundException
    return found[0]


async def find_members(transaction: Transaction, ids: Sequence[int]) -> list[Member]:
    """Members by their ids, in that order."""
    found = await transaction.find_all(Member, ids)
    return [found[member_id] for member_id in ids if member_id in found]


async def find_member_names(transaction: Transaction, ids: Collection[int]) -> dict[int, str]:
    """The names of members, by their ids, whether they are still there or not."""
    return dict(await transaction.rows(LIST_NAMES, ids=ids)) if ids else {}


async def add_member(
    transaction: Transaction,
    *,
    email: str,
    name: str,
    role: Role,
    password_hash: str,
    time_zone: str = "",
    founding: bool = False,
    invited_to: Sequence[str] = (),
) -> Member:
    """Give a person an account in this workspace, in the time zone that their device says, if it does; one who is
    `founding` it is not said to have joined. A guest is `invited_to` things by their names.

    Raises Invalid when the address has one already.
    """
    if await find_member(transaction, email):
        raise Invalid(email=ALREADY)
    member = Member(
        email=account_address(email),
        name=name,
        role=role,
        password_hash=password_hash,
    )
    transaction.add(member)
    await transaction.flush()
    transaction.keep(member)  # who follows what happens needs them
    by, address = transaction.acting(member.id), member.email or ""
    transaction.note(
        MemberJoined(
            by=by, member_id=member.id, email=address, role=role, founding=founding, invited_to=tuple(invited_to)
        )
    )
    take_time_zone(transaction, member, time_zone)
    return member
