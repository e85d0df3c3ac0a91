"""Addresses of rooms, to which programs of others post: each has a secret, and a bot that says in the room what comes.

The address is all that such a program has to know. It is good for posting into that room, and for nothing else.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import datetime

from sqlalchemy import ColumnElement, ForeignKeyConstraint, LargeBinary, UniqueConstraint, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member, is_active
from app.accounts.program_tokens import is_well_formed, make_secret
from app.accounts.programs import name_program
from app.accounts.rights import require
from app.accounts.sessions import digest
from app.chat.facts import MemberEntered
from app.chat.incoming_facts import IncomingEnded, IncomingMade
from app.chat.memberships import add_membership, find_access, may_see
from app.chat.messages import Message
from app.chat.posting import post_message
from app.chat.rooms import Room
from app.chat.text.rendering import Typed
from app.database import Actor, Base, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.tenants.members import end_account
from app.web.errors import Gone
from app.web.forms import Invalid
from app.web.texts import _l

# Where they are; the secret is what follows behind a slash.
INCOMING_PATH = "/incoming"
MOST_ADDRESSES = 20
# What its bot is: who is in the room alone, and knows nothing else of the workspace.
BOT_ROLE = "guest"


class IncomingAddress(Tenanted, Base):
    """An address of a room, of whose secret this row has only the SHA-256. `member_id` is its bot."""

    __tablename__ = "incoming_address"
    __table_args__ = (
        UniqueConstraint("tenant_id", "id"),
        ForeignKeyConstraint(["tenant_id", "room_id"], ["room.tenant_id", "room.id"], ondelete="CASCADE"),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    room_id: Mapped[int] = mapped_column(index=True)
    member_id: Mapped[int] = mapped_column(index=True)
    maker_id: Mapped[int | None]
    secret_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    ended_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


LIST_ADDRESSES = PreparedSelect(
    lambda: (
        select(IncomingAddress, Member)
        .join(Member, (Member.id == IncomingAddress.member_id) & (Member.tenant_id == IncomingAddress.tenant_id))
        .where(IncomingAddress.room_id == bindparam("room_id"), IncomingAddress.ended_at.is_(None), *is_active())
        .order_by(IncomingAddress.id.desc())
    )
)


def select_address(criterion: Callable[[], ColumnElement[bool]]) -> PreparedSelect[IncomingAddress, Member, Room]:
    """The select of an address that has not ended, with its bot and room."""
    return PreparedSelect(
        lambda: (
            select(IncomingAddress, Member, Room)
            .join(Member, (Member.id == IncomingAddress.member_id) & (Member.tenant_id == IncomingAddress.tenant_id))
            .join(Room, (Room.id == IncomingAddress.room_id) & (Room.tenant_id == IncomingAddress.tenant_id))
            .where(criterion(), IncomingAddress.ended_at.is_(None), *is_active())
        )
    )


FIND_ADDRESS = select_address(lambda: IncomingAddress.secret_hash == bindparam("secret_hash"))
FIND_ADDRESS_BY_ID = select_address(lambda: IncomingAddress.id == bindparam("address_id"))


async def find_incoming(transaction: Transaction, secret: str) -> tuple[IncomingAddress, Member, Room] | None:
    """The address of a secret, with its bot and room. What is none by its checksum is not looked for."""
    if not is_well_formed(secret):
        return None
    return await transaction.find(FIND_ADDRESS, secret_hash=digest(secret))


async def list_incoming(transaction: Transaction, room: Room) -> list[tuple[IncomingAddress, Member]]:
    """The addresses of a room, each with its bot, the newest first."""
    return list(await transaction.rows(LIST_ADDRESSES, room_id=room.id))


async def get_incoming(
    transaction: Transaction, member: Member, address_id: int
) -> tuple[IncomingAddress, Member, Room]:
    """An address of a room that a member may change, with its bot and room. Raises Gone, also for one of a room that
    they may not see, and a 403 page."""
    found = await transaction.find(FIND_ADDRESS_BY_ID, address_id=address_id)
    if found is None or not await may_see(transaction, member, found[2]):
        raise Gone(_l("This address has already been revoked."))
    await require_changing(transaction, found[2], member)
    return found


async def require_changing(transaction: Transaction, room: Room, member: Member) -> None:
    """Raise a 403 page unless a member may change a room."""
    require(member, "change", await find_access(transaction, room, member))


async def make_incoming(transaction: Transaction, room: Room, member: Member, name: str) -> tuple[IncomingAddress, str]:
    """Make an address of a room, whose bot has a name: the row, and the secret, which is shown once.

    Raises Invalid, and a 403 page.
    """
    await require_changing(transaction, room, member)
    if len(await list_incoming(transaction, room)) >= MOST_ADDRESSES:
        raise Invalid(name=_l("At most %(limit)d addresses. Revoke one you no longer need.", limit=MOST_ADDRESSES))
    bot = Member(email=None, name=name, role=BOT_ROLE, password_hash="", bot=True)
    await transaction.insert(bot)
    secret = make_secret()
    made = IncomingAddress(room_id=room.id, member_id=bot.id, maker_id=member.id, secret_hash=digest(secret))
    await transaction.insert(made)
    await add_membership(transaction, room, bot)
    transaction.tenant.pictures += 1
    transaction.keep(room, bot)
    by = transaction.acting(member.id)
    transaction.note(MemberEntered(by=by, room_id=room.id, member_id=bot.id))
    transaction.note(IncomingMade(by=by, room=room.audited_name, address_id=made.id, name=name, bot_id=bot.id))
    return made, secret


async def end_incoming(
    transaction: Transaction, room: Room, member: Member, address: IncomingAddress, bot: Member
) -> None:
    """End an address: it is good for nothing any more, and its bot is no member. What it has said stays."""
    await require_changing(transaction, room, member)
    address.ended_at = now()
    by = transaction.acting(member.id)
    transaction.note(IncomingEnded(by=by, room=room.audited_name, address_id=address.id, name=bot.name, bot_id=bot.id))
    await end_account(transaction, bot, member, "removed")


async def post_incoming(
    transaction: Transaction, address: IncomingAddress, bot: Member, room: Room, text: str | Typed, client: str
) -> Message:
    """Say in a room what came to its address. Raises what posting does."""
    program = name_program(f"incoming {address.id}", bot=True)
    transaction.actor = Actor("token", member_id=bot.id, address=client, program=program)
    message, _ = await post_message(transaction, room, bot, key=secrets.token_urlsafe(16), text=text)
    return message
