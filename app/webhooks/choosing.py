"""Which facts a webhook gets: of its kinds, from its places, and no other than its maker may read now."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime

from msgspec import Struct
from sqlalchemy import bindparam, select

from app.accounts.members import Member
from app.chat.rooms import Room
from app.database import PreparedSelect, Transaction
from app.live.channels import list_allowed
from app.live.log import LoggedEvent
from app.records.records import Record
from app.webhooks.webhooks import Webhook

# So many facts are looked at together.
LOOKED_THROUGH = 200
# Rooms that are for those who are in them: a webhook gets nothing of one that it does not name.
OPEN_ROOMS = ("public", "discussion")

FACT_COLUMNS = (
    LoggedEvent.cursor,
    LoggedEvent.channel,
    LoggedEvent.kind,
    LoggedEvent.data,
    LoggedEvent.created_at,
)
LIST_FACTS_TO_SEND = PreparedSelect(
    lambda: (
        select(*FACT_COLUMNS)
        .where(LoggedEvent.cursor > bindparam("after"), LoggedEvent.kind.is_not(None))
        .order_by(LoggedEvent.cursor)
        .limit(LOOKED_THROUGH)
    )
)
FIND_FACT_TO_SEND = PreparedSelect(
    lambda: select(*FACT_COLUMNS).where(LoggedEvent.cursor == bindparam("cursor"), LoggedEvent.kind.is_not(None))
)
LIST_RECORDS_IN = PreparedSelect(
    lambda: select(Record.id).where(Record.id.in_(bindparam("ids")), Record.collection_id.in_(bindparam("collections")))
)
LIST_OPEN_ROOMS = PreparedSelect(
    lambda: select(Room.id).where(Room.id.in_(bindparam("ids")), Room.kind.in_(OPEN_ROOMS))
)


class FactToSend(Struct, frozen=True):
    """A fact of the log, with its `data` as JSON."""

    cursor: int
    channel: str
    kind: str
    data: str
    at: datetime


async def find_next_fact(
    transaction: Transaction, webhook: Webhook, maker: Member, after: int
) -> tuple[FactToSend | None, int]:
    """The next fact behind a cursor that a webhook gets, and up to where the log was looked through for it."""
    rows = await transaction.rows(LIST_FACTS_TO_SEND, after=after)
    facts = [make_fact(*row) for row in rows]
    wanted = [fact for fact in facts if is_of_kinds(webhook.kinds, fact.kind)]
    sendable = await list_sendable(transaction, webhook, maker, {fact.channel for fact in wanted})
    found = next((fact for fact in wanted if fact.channel in sendable), None)
    if found is not None:
        return found, found.cursor
    return None, facts[-1].cursor if len(facts) == LOOKED_THROUGH else transaction.tenant.cursor


async def find_fact_again(transaction: Transaction, webhook: Webhook, maker: Member, cursor: int) -> FactToSend | None:
    """The fact at a cursor, if the log has it, and the webhook gets such now."""
    row = await transaction.find(FIND_FACT_TO_SEND, cursor=cursor)
    if row is None:
        return None
    fact = make_fact(*row)
    return fact if fact.channel in await list_sendable(transaction, webhook, maker, {fact.channel}) else None


def make_fact(cursor: int, channel: str, kind: str | None, data: str | None, at: datetime) -> FactToSend:
    """A fact from its row."""
    return FactToSend(cursor, channel, kind or "", data or "{}", at)


def is_of_kinds(kinds: Iterable[str], kind: str) -> bool:
    """Whether a kind is among some, which name it (`record.changed`) or its family (`record.*`); without any, it is."""
    named = list(kinds)
    return not named or kind in named or f"{kind.partition('.')[0]}.*" in named


async def list_sendable(transaction: Transaction, webhook: Webhook, maker: Member, channels: set[str]) -> set[str]:
    """Of channels of facts those that a webhook gets something of: in its places, and as its maker may follow them.

    What is for its maker alone (`user.{id}`) goes nowhere, nor what is in a private room that it does not name: other
    admins look after webhooks, too.
    """
    numbers: dict[str, set[int]] = defaultdict(set)
    for channel in channels:
        family, _, number = channel.partition(".")
        numbers[family].add(int(number or 0))
    narrowed = webhook.collections is not None or webhook.rooms is not None
    if narrowed:
        collections, rooms = set(webhook.collections or ()), set(webhook.rooms or ())
        inside = {"collection": numbers["collection"] & collections, "room": numbers["room"] & rooms}
        if numbers["record"] and collections:
            asked = {"ids": sorted(numbers["record"]), "collections": sorted(collections)}
            inside["record"] = set(await transaction.column(LIST_RECORDS_IN, **asked))
    else:
        inside = {family: numbers[family] for family in ("tenant", "admins", "collection", "record")}
        if numbers["room"]:
            inside["room"] = set(await transaction.column(LIST_OPEN_ROOMS, ids=sorted(numbers["room"])))
    names = [f"{family}.{number}" if number else family for family, found in inside.items() for number in found]
    return set(await list_allowed(transaction, maker, names))
