"""Places: the collections and rooms that tokens and webhooks are narrowed to, as whoever looks at them may see them."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from app.accounts.members import Member
from app.accounts.token_forms import NARROWINGS
from app.database import Transaction
from app.live.channels import list_allowed
from app.web.texts import Text


async def name_places(transaction: Transaction, member: Member, things: Collection[Any]) -> dict[int, list[str | Text]]:
    """The names of the places that tokens or webhooks are narrowed to, by their ids; of those that the member who looks
    may not see, that they are there."""
    named: dict[int, list[str | Text]] = {thing.id: [] for thing in things}
    for kind, narrowing in NARROWINGS.items():
        wanted: dict[int, list[int]] = {thing.id: getattr(thing, kind) or [] for thing in things}
        ids = {each for places in wanted.values() for each in places}
        names = await narrowing.name(transaction, ids) if ids else {}
        channels = [f"{kind.removesuffix('s')}.{each}" for each in sorted(names)]
        seen = {int(name.partition(".")[2]) for name in await list_allowed(transaction, member, channels)}
        for thing_id, places in wanted.items():
            named[thing_id] += [names[each] if each in seen else narrowing.unseen for each in places if each in names]
    return named
