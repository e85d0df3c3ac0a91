"""Subscription: what a program wants to be told of, what it may be told, and what of it the log has."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from msgspec import Struct
from sqlalchemy import bindparam, select

from app.accounts.access import enter_workspace
from app.accounts.members import Member
from app.chat.memberships import Membership
from app.database import PreparedSelect, Transaction
from app.live.channels import PATTERNS, list_allowed, presence_partial
from app.live.fact_log import read_facts_after, read_facts_reach
from app.live.frames import MOST_CHANNELS
from app.live.log import Event
from app.live.node import Node
from app.live.places import list_places, place_of_signals
from app.programs.access import find_caller
from app.programs.problems import Problem
from app.records.collections import Collection
from app.records.permissions import is_granted_to_reader

# So many facts are read at once of what has come while a program was away for long.
READ_TOGETHER = 500
TOO_MANY_CHANNELS = "More than {limit} channels. Name those that are needed, in several streams if they are so many."

LIST_EVERY_BROWSED = PreparedSelect(
    lambda: (
        select(Collection.id)
        .where(Collection.deleted_at.is_(None), is_granted_to_reader("browse", Collection.id))
        .order_by(Collection.id)
        .limit(MOST_CHANNELS)
    )
)
LIST_ENTERED = PreparedSelect(
    lambda: (
        select(Membership.room_id)
        .where(Membership.member_id == bindparam("member_id"))
        .order_by(Membership.room_id)
        .limit(MOST_CHANNELS)
    )
)


class Subscription(Struct, frozen=True):
    """What a program asks for: what comes on some channels, or on all that there are for it (None)."""

    slug: str
    secret: str
    channels: tuple[str, ...] | None
    signals: bool = False


class Listener(Struct, frozen=True):
    """Who follows, in one snapshot: `allowed` of the channels, which is at the `places`, and not those `refused`."""

    tenant_id: int
    language: str
    cursor: int
    member_id: int
    token_id: int
    expires_at: datetime | None
    allowed: list[str]
    refused: list[str]
    places: frozenset[str]


class LogPart(Struct, frozen=True):
    """The next facts of the log, up to a cursor. `missed` is the cursor after which there are facts no more, where the
    log begins at `upto`."""

    facts: list[Event]
    upto: int
    missed: int | None = None


def read_channels(text: str) -> tuple[str, ...] | None:
    """The channels that a program names, with commas or blanks between them. Raises a 422 problem."""
    names = tuple(dict.fromkeys(text.replace(",", " ").split()))
    if len(names) > MOST_CHANNELS:
        raise Problem("invalid", errors={"channels": TOO_MANY_CHANNELS.format(limit=MOST_CHANNELS)})
    unknown = [name for name in names if not any(pattern.expression.fullmatch(name) for pattern in PATTERNS)]
    if unknown:
        detail = "There are no such channels. Things say as `channel` which is theirs."
        raise Problem("invalid", detail, errors={"channels": f"Not a channel: {unknown[0][:60]}"})
    return names or None


async def list_own_channels(transaction: Transaction, member: Member) -> list[str]:
    """What there is for a member: what is about the workspace and themselves, the collections that they may look
    through, and the rooms that they are in. Raises a 422 problem where that is too much."""
    asked = {"role": member.role, "member_id": member.id}
    collections = await transaction.column(LIST_EVERY_BROWSED, **asked)
    rooms = await transaction.column(LIST_ENTERED, member_id=member.id)
    names = ["tenant", "guests", "admins", f"user.{member.id}"]
    names += [f"collection.{each}" for each in collections] + [f"room.{each}" for each in rooms]
    if len(names) > MOST_CHANNELS:
        raise Problem("invalid", errors={"channels": TOO_MANY_CHANNELS.format(limit=MOST_CHANNELS)})
    return names


async def find_listener(node: Node, following: Subscription) -> Listener:
    """Whose token it is, and what it may follow now. Raises a problem or a page's error where a call would."""
    async with node.lookups, node.database.read() as transaction:
        tenant = await enter_workspace(transaction, following.slug)
        token, member = await find_caller(transaction, following.secret)
        member.grant = token.grant
        try:
            names = following.channels or await list_own_channels(transaction, member)
            allowed = await list_allowed(transaction, member, names)
        finally:
            del member.grant
        places = {*list_places(allowed, token.grant)}
        if following.signals:
            places |= {place_of_signals(name) for name in allowed}
        return Listener(
            tenant_id=tenant.id,
            language=tenant.language,
            cursor=tenant.cursor,
            member_id=member.id,
            token_id=token.id,
            expires_at=token.ends_at,
            allowed=allowed,
            refused=[name for name in following.channels or () if name not in allowed],
            places=frozenset(places),
        )


def list_present(listener: Listener, *, signals: bool) -> Iterator[str]:
    """The channels of which a program is told who follows them."""
    return (name for name in listener.allowed if signals and presence_partial(name))


async def read_log_part(node: Node, listener: Listener, after: int | None) -> LogPart:
    """The next part of the log after a cursor, of what somebody may follow; none where it begins now (None).

    It ends at the cursor at which the rights were read, at the latest: nothing is shown by one that was lost before.
    """
    if after is None or after == listener.cursor:
        return LogPart([], listener.cursor)
    replay = await node.fact_replays.read(listener.tenant_id, after, least=listener.cursor)
    if not replay.reaches(after):
        return LogPart([], min(replay.reach, listener.cursor) if after < replay.reach else listener.cursor, after)
    facts, upto = replay.events, listener.cursor
    if facts is None:
        async with node.lookups, node.database.read(listener.tenant_id) as transaction:
            reach = await read_facts_reach(transaction)  # some of it may have been deleted since
            if after < reach:
                return LogPart([], min(reach, listener.cursor), after)
            facts = await read_facts_after(transaction, after, channels=listener.allowed, limit=READ_TOGETHER)
        if len(facts) == READ_TOGETHER:
            upto = min(upto, facts[-1].cursor)
    return LogPart([each for each in facts if each.cursor <= upto and each.channel in listener.places], upto)
