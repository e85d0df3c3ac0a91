"""The event log: what changed, in the order of each workspace's cursor, written with the change itself.

The log is the truth that every delivery is checked against; everything faster is only that: faster. It has two kinds of
rows, with one cursor: facts, for programs, and the partials that show them, for pages. Each has a channel of its own.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime, timedelta
from functools import cache, partial
from typing import Any

from msgspec import Struct, field
from sqlalchemy import BigInteger, ForeignKey, Select, String, Text, bindparam, select
from sqlalchemy.orm import Mapped, mapped_column

from app.database import (
    Base,
    ChangedObject,
    Fact,
    LogEntry,
    NewRows,
    Partial,
    PreparedSelect,
    Tenant,
    Tenanted,
    Transaction,
    UtcDateTime,
    now,
    partial_index,
)
from app.jobs.sweeps import delete_by_keys, sweeps_with_settings
from app.live.needed import find_not_needed
from app.live.places import place_of_fact, write_fact
from app.settings import Settings
from app.web.templates import make_partial

# What stands before the body of a row whose partial brings channels along.
FOLLOW = re.compile(r"<!--follow ([a-z0-9. ]+)-->")
CLOSE_SOCKETS = "!close"
UNFOLLOW = "!unfollow"
# There is more to follow for members, or for everybody: streams that follow all that there is ask what that is.
MORE_TO_FOLLOW = "!more"
KEPT_AT_LEAST = 1000
# What programs get of a fact, in bytes, before they have to ask for the thing itself.
LONGEST_DATA = 8 * 1024
# How many facts may stand before the oldest partial without a page having to fetch itself anew. More are at the end of
# no transaction that anybody waits for.
MOST_BEFORE = 100
# How exactly a workspace says when its log has grown: so long all that it logs leaves the index of these times alone.
LOGGED_AT_STEP = timedelta(seconds=2)


class LoggedEvent(Tenanted, Base):
    """A row of the log.

    A fact has a `kind`, and `data` (JSON) that programs get which may follow `channel`. A partial has a `body`, and
    names with `fact_cursor` the fact that it shows, if that is in the log.
    """

    __tablename__ = "event"
    __table_args__ = (partial_index("ix_event_partials", "tenant_id", "cursor", where="kind IS NULL"),)

    tenant_id: Mapped[int] = mapped_column(ForeignKey("tenant.id", ondelete="CASCADE"), primary_key=True)
    cursor: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    channel: Mapped[str] = mapped_column(String(60))
    body: Mapped[str] = mapped_column(Text)
    kind: Mapped[str | None] = mapped_column(String(40))
    data: Mapped[str | None] = mapped_column(Text)
    fact_cursor: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)


class Event(Struct, frozen=True):
    """A change as it is delivered: `body` is HTML for the pages that follow `channel`.

    On the channels `!close` and `!unfollow`, which no page can follow, the body is JSON and says whose sockets end, or
    are served some channels no more. Who gets the body of any other follows the channels in `follow` from there on.

    A fact has a `kind`, and goes to the streams of programs: the body is what they get, as JSON, and `channel` the
    place of such facts (`places.py`), which no page can follow either.
    """

    cursor: int
    channel: str
    body: str
    follow: str = ""
    kind: str = ""


class LoggedFact(Struct, frozen=True):
    """A fact and what the log says of it."""

    fact: Fact
    entry: LogEntry


class Batch(Struct, frozen=True):
    """What a transaction has added to the log: the cursors after `after`, up to `upto`, and of them what goes to pages.

    The others are facts, which pages get nothing of: `facts` are their cursors, by the facts' identity, and `tell`
    gives them as they go to programs. Nobody asks for that where no program listens.
    """

    after: int
    upto: int
    events: list[Event]
    tell: Callable[[], list[Event]]
    facts: Mapping[int, int] = field(default_factory=dict)


def publish(transaction: Transaction, channel: str, body: str) -> None:
    """Log a partial with this transaction, which is nobody's fact; it goes out when the transaction has committed."""
    transaction.partials.append(Partial(channel, body))


def publish_partial(transaction: Transaction, channel: str, template: str, **context: Any) -> None:
    """Publish a partial in the workspace's language."""
    transaction.partials.append(make_partial(transaction.tenant, channel, template, **context))


def refresh(tenant: Tenant, channel: str, target: str = "refresh", **context: Any) -> Partial:
    """The partial that lets pages, or a part of them, fetch themselves anew."""
    return make_partial(tenant, channel, "live/refresh_push.html", target=target, **context)


def close_sockets(*, fact: Fact | None = None, **whose: Any) -> Partial:
    """Sockets and streams end: of `sessions=[…]`, of `tokens=[…]`, of `member=…`, or of everybody (`everybody=True`);
    `reason` says why."""
    return Partial(CLOSE_SOCKETS, json.dumps(whose), fact)


def stop_following(*, member: int, channels: list[str], fact: Fact | None = None) -> Partial:
    """A member's sockets follow some channels no more: the member has lost the right to."""
    return Partial(UNFOLLOW, json.dumps({"member": member, "channels": channels}), fact)


def follow_anew(*, members: Collection[int], keep: Collection[str] = (), fact: Fact | None = None) -> Partial:
    """Sockets of members follow nothing any more but what is each one's own, and what is to be kept: until their pages,
    which fetch themselves anew, say again what they show, and are asked whether they may."""
    return Partial(UNFOLLOW, json.dumps({"members": sorted(members), "keep": sorted(keep)}), fact)


def tell_of_more(*members: int, everybody: bool = False, fact: Fact | None = None) -> Partial:
    """There is more, or something else, that members may follow, or everybody: the streams of theirs that follow all
    that there is ask anew, and get of the same change what they may see then."""
    return Partial(MORE_TO_FOLLOW, json.dumps({"everybody": everybody, "members": sorted({*members})}), fact)


async def append(transaction: Transaction) -> None:
    """Take the workspace's next cursors and write what a transaction has to log: its facts, and its partials.

    The transaction has had the workspace for itself since it began: that keeps the log gapless and in the order of
    commits.
    """
    entries = [(fact, fact.log_entry) for fact in transaction.facts.noted]
    pending: list[LoggedFact | Partial] = [
        *(LoggedFact(fact, entry) for fact, entry in entries if entry is not None),
        *transaction.partials,
    ]
    if not pending:
        return
    tenant = transaction.tenant
    after = tenant.cursor
    in_order = list(enumerate(sorted(pending, key=precedence), after + 1))
    facts = {id(each.fact): cursor for cursor, each in in_order if isinstance(each, LoggedFact)}
    rows: list[dict[str, Any]] = []
    events: list[Event] = []
    told: list[tuple[int, str, str, str]] = []
    for cursor, each in in_order:
        if isinstance(each, LoggedFact):
            channel, kind, data = each.entry.channel, each.entry.kind, write_data(each)
            rows.append({"cursor": cursor, "body": "", "channel": channel, "kind": kind, "data": data})
            told.append((cursor, channel, kind, data))
        else:
            events.append(Event(cursor, each.channel, each.body, each.follow))
            mark = f"<!--follow {each.follow}-->" if each.follow else ""
            row = {"cursor": cursor, "channel": each.channel, "body": mark + each.body}
            rows.append({**row, "fact_cursor": facts.get(id(each.fact))})
    counted: dict[str, Any] = {"cursor": after + len(rows)}
    if tenant.logged_at is None or now() - tenant.logged_at > LOGGED_AT_STEP:
        counted["logged_at"] = now()
    await transaction.write_together(ChangedObject(tenant, counted), NewRows(LoggedEvent, rows))
    transaction.batch = Batch(after, after + len(rows), events, partial(tell_facts, told), facts)


def precedence(each: Partial | LoggedFact) -> int:
    """Where something stands among all that a transaction logs.

    What ends sockets, takes channels away from them, or gives streams more, comes first: then they get nothing of the
    same change, or all. Then come the facts, and then the partials that name them.
    """
    if isinstance(each, LoggedFact):
        return 1
    return 0 if each.channel in (CLOSE_SOCKETS, UNFOLLOW, MORE_TO_FOLLOW) else 2


def write_data(logged: LoggedFact) -> str:
    """What programs get of a fact. Of what is too long they get what it is about, and have to ask for the rest."""
    data = {**logged.entry.data, "by": logged.fact.by.member_id}
    written = json.dumps(data, ensure_ascii=False, separators=(",", ":"))
    if len(written.encode()) > LONGEST_DATA:
        written = json.dumps({**{key: data[key] for key in ("id", "version") if key in data}, "truncated": True})
    return written


def tell_facts(logged: Iterable[tuple[int, str, str, str]]) -> list[Event]:
    """Facts as they are delivered to programs, of which the log has (cursor, channel, kind, data)."""
    return [
        Event(cursor, place_of_fact(channel, kind), write_fact(cursor, channel, kind, data), kind=kind)
        for cursor, channel, kind, data in logged
    ]


@cache
def select_after(limit: int | None, *, of_some: bool) -> PreparedSelect[*tuple[int, str, str]]:
    """The select of the partials after a cursor, of all channels or of some."""

    def make() -> Select[int, str, str]:
        statement = select(LoggedEvent.cursor, LoggedEvent.channel, LoggedEvent.body).where(
            LoggedEvent.cursor > bindparam("after"), LoggedEvent.kind.is_(None)
        )
        if of_some:
            statement = statement.where(LoggedEvent.channel.in_(bindparam("channels")))
        return statement.order_by(LoggedEvent.cursor).limit(limit)

    return PreparedSelect(make)


async def read_after(
    transaction: Transaction,
    cursor: int,
    *,
    channels: Iterable[str] | None = None,
    limit: int | None = None,
) -> list[Event]:
    """What goes to pages after a cursor, in order; of some channels, or of all."""
    prepared = select_after(limit, of_some=channels is not None)
    named = {} if channels is None else {"channels": channels}
    return [read_event(*row) for row in await transaction.rows(prepared, after=cursor, **named)]


def read_event(cursor: int, channel: str, body: str) -> Event:
    """A row of the log as it is delivered."""
    mark = FOLLOW.match(body)
    return Event(cursor, channel, body[mark.end() :], mark[1]) if mark else Event(cursor, channel, body)


def select_reach() -> Select[int]:
    """The cursors of the oldest partial and of what stands before it."""
    oldest = select(LoggedEvent.cursor).where(LoggedEvent.kind.is_(None)).order_by(LoggedEvent.cursor).limit(1)
    return (
        select(LoggedEvent.cursor)
        .where(LoggedEvent.cursor <= oldest.scalar_subquery())
        .order_by(LoggedEvent.cursor.desc())
        .limit(MOST_BEFORE)
    )


LIST_REACH = PreparedSelect(select_reach)


async def read_reach(transaction: Transaction) -> int:
    """The cursor after which the log has every partial: where the oldest one is, or the facts just before it."""
    reach = None
    for cursor in await transaction.column(LIST_REACH):
        if reach is not None and cursor != reach:
            break
        reach = cursor - 1
    return transaction.tenant.cursor if reach is None else reach


@sweeps_with_settings(LoggedEvent)
async def trim_log(transaction: Transaction, limit: int, settings: Settings) -> int:
    """Delete partials and facts of which each has been kept for its time, the oldest first.

    Of partials those among the last thousand rows of the workspace stay, and of facts those that somebody still needs.
    """
    partials = LoggedEvent.kind.is_(None), LoggedEvent.cursor <= transaction.tenant.cursor - KEPT_AT_LEAST
    facts = LoggedEvent.kind.is_not(None), LoggedEvent.cursor <= await find_not_needed(transaction)
    deleted = 0
    for kept_for, criteria in ((settings.partials_kept_for, partials), (settings.facts_kept_for, facts)):
        deleted += await delete_by_keys(
            transaction,
            LoggedEvent,
            LoggedEvent.created_at < now() - kept_for,
            *criteria,
            order_by=LoggedEvent.cursor,  # what is left of each has no gap
            limit=limit - deleted,
        )
    return deleted
