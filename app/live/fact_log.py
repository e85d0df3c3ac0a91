"""Reading the facts of the log, for programs."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

from sqlalchemy import Select, bindparam, select

from app.database import PreparedSelect, Transaction
from app.live.log import Event, LoggedEvent, tell_facts


@cache
def select_facts_after(limit: int | None, *, of_some: bool) -> PreparedSelect[*tuple[int, str, str | None, str | None]]:
    """The select of the facts after a cursor, of all channels or of some."""

    def make() -> Select[int, str, str | None, str | None]:
        columns = LoggedEvent.cursor, LoggedEvent.channel, LoggedEvent.kind, LoggedEvent.data
        statement = select(*columns).where(LoggedEvent.cursor > bindparam("after"), LoggedEvent.kind.is_not(None))
        if of_some:
            statement = statement.where(LoggedEvent.channel.in_(bindparam("channels")))
        return statement.order_by(LoggedEvent.cursor).limit(limit)

    return PreparedSelect(make)


async def read_facts_after(
    transaction: Transaction,
    cursor: int,
    *,
    channels: Iterable[str] | None = None,
    limit: int | None = None,
) -> list[Event]:
    """What goes to programs after a cursor, in order; of some channels, or of all."""
    prepared = select_facts_after(limit, of_some=channels is not None)
    named = {} if channels is None else {"channels": channels}
    rows = await transaction.rows(prepared, after=cursor, **named)
    return tell_facts((at, channel, kind or "", data or "{}") for at, channel, kind, data in rows)


FIND_OLDEST_FACT = PreparedSelect(
    lambda: select(LoggedEvent.cursor).where(LoggedEvent.kind.is_not(None)).order_by(LoggedEvent.cursor).limit(1)
)


async def read_facts_reach(transaction: Transaction) -> int:
    """The cursor after which the log has every fact, for programs."""
    oldest = await transaction.value(FIND_OLDEST_FACT)
    return transaction.tenant.cursor if oldest is None else oldest - 1
