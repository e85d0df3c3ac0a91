"""Rooms: what they are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Literal, NamedTuple, TypeVar

from msgspec import Struct
from sqlalchemy import BigInteger, ForeignKeyConstraint, String, UniqueConstraint, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.database import Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.folding import fold
from app.web.forms import Invalid, clean_label, clean_line
from app.web.texts import _l

RoomKind = Literal["public", "private", "direct", "discussion"]
GENERAL = "general"
RoomOrMember = TypeVar("RoomOrMember", "Room", Member)
LONGEST_ROOM_NAME = 80


class Room(Tenanted, Base):
    """A room. A public one is open to everybody but guests, who are brought into it; a private and a direct one to
    those who are in it; a discussion belongs to the thing that `subject` names, and is open to whoever may read that.

    `last_number` is the number of its newest message; numbers have no gaps.
    """

    __tablename__ = "room"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        UniqueConstraint("tenant_id", "slug", name="uq_room_slug"),
        UniqueConstraint("tenant_id", "subject", name="uq_room_subject"),
        ForeignKeyConstraint(["tenant_id", "created_by_id"], ["member.tenant_id", "member.id"]),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    slug: Mapped[str] = mapped_column(String(80))
    name: Mapped[str] = mapped_column(String(LONGEST_ROOM_NAME))
    description: Mapped[str] = mapped_column(String(500), default="")
    kind: Mapped[str] = mapped_column(String(10))
    subject: Mapped[str | None] = mapped_column(String(80))
    last_number: Mapped[int] = mapped_column(BigInteger, default=0)
    created_by_id: Mapped[int | None]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    archived_at: Mapped[datetime | None] = mapped_column(UtcDateTime)

    @property
    def audited_name(self) -> str:
        """What the audit log keeps of it: which one it is, as who reads that may not learn its name
        (`chat/auditing.py`)."""
        return f"room-{self.id}"

    @property
    def open(self) -> bool:
        """Whether one may read it without being in it."""
        return self.kind in ("public", "discussion")

    @property
    def place(self) -> str:
        """The place of its box."""
        return place_of(self)


class RoomRow(NamedTuple):
    """What lists say of a room: somebody may be in hundreds, and an object of each takes a page's time twice over."""

    id: int
    slug: str
    name: str
    kind: str
    subject: str | None
    last_number: int

    @property
    def place(self) -> str:
        """The place of its box."""
        return place_of(self)


AnyRoom = Room | RoomRow


def place_of(room: AnyRoom) -> str:
    """The place of a room's box: `room-5`; of a discussion's, what it is on: `record-42`."""
    return room.subject if room.kind == "discussion" and room.subject else f"room-{room.id}"


class RoomAccess(Struct, frozen=True):
    """A room, whether somebody is in it, and whether they may read what it is about, if it is a discussion: what rules
    ask."""

    room: Room
    inside: bool
    about: bool = True


def by_name(named: Iterable[RoomOrMember]) -> list[RoomOrMember]:
    """Rooms or members as people sort names, whatever their accents and case."""
    return sorted(named, key=lambda each: fold(each.name))


@lru_cache(maxsize=2_000)
def order_of(kind: str, name: str, room_id: int) -> str:
    """What rooms are sorted by in the sidebar, there and in the page: as people sort names, whatever their accents and
    case; direct ones after the others, then discussions. Each page, and each message, asks it of the same rooms."""
    return f"{2 * (kind == 'discussion') + (kind == 'direct')} {fold(name)} {room_id:012d}"


def check_name(name: str, description: str) -> tuple[str, str]:
    """The name and description of a room, as `clean_line` makes them. Raises Invalid for what it can't have."""
    name, description = clean_label("name", name), clean_line(description)
    if len(name) > LONGEST_ROOM_NAME:
        raise Invalid(name=_l("At most %(limit)d characters.", limit=LONGEST_ROOM_NAME))
    if len(description) > 500:
        raise Invalid(description=_l("At most %(limit)d characters.", limit=500))
    return name, description


FIND_ROOM_OF = PreparedSelect(lambda: select(Room).where(Room.subject == bindparam("subject")))


async def find_discussion(transaction: Transaction, subject: str) -> Room | None:
    """The discussion of a thing, if there has been a word yet."""
    return await transaction.value(FIND_ROOM_OF, subject=subject)
