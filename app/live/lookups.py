"""What a socket looks up before it follows: who its page is of, what they may see, and what they have missed."""

from __future__ import annotations

from collections.abc import Iterable

from litestar.exceptions import NotFoundException

from app.live.ended import Ended
from app.live.log import Event, read_after
from app.live.node import Node
from app.live.site import Site, Visitor
from app.web.errors import PageError


async def find_allowed(
    node: Node, site: Site, slug: str, token: str, channels: Iterable[str], *, known: bool
) -> tuple[Visitor, list[str]]:
    """Who a token says this is, and which of some channels they may follow, in one snapshot.

    Raises Ended(4401) when it is nobody, or nobody any more: somebody it was is `known`.
    """
    async with node.lookups, node.database.read() as transaction:
        try:
            visitor = await site.find_visitor(transaction, slug, token)
        except NotFoundException as error:
            raise Ended(4401, "no workspace") from error
        except PageError as error:
            raise Ended(4401, "suspended") from error
        if visitor is None:
            raise Ended(4401, "ended" if known else "not signed in")
        return visitor, await site.list_allowed(transaction, visitor, channels)


async def read_missed(node: Node, visitor: Visitor, last: int, channels: list[str]) -> tuple[bool, list[Event]]:
    """Whether the log reaches back to a cursor, and what the page has missed since, up to the visitor's cursor."""
    if last == visitor.cursor:
        return True, []
    if last < visitor.began_cursor:
        return False, []
    try:
        replay = await node.replays.read(visitor.tenant_id, last, least=visitor.cursor)
        events = replay.events
        if events is None:
            async with node.lookups, node.database.read(visitor.tenant_id) as transaction:
                events = await read_after(transaction, last, channels=channels)
    except LookupError as error:
        raise Ended(4401, "suspended") from error
    missed = [event for event in events if event.cursor <= visitor.cursor and event.channel in channels]
    return replay.reaches(last), missed
