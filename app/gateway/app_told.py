"""Who is on an app's channels as its server was told: a row for each channel and each user, from the event that says
that they have come to a while after the one that says that they have gone.

They are written with the events themselves (`app_turns.py`). So whoever goes on after a program that was killed knows
of whom it is still to be told that they have gone (`lost_sight.py`), and nobody is told to have come, or gone, twice in
a row, whichever processes say so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import (
    ForeignKeyConstraint,
    Index,
    String,
    Text,
    UniqueConstraint,
    bindparam,
    delete,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.database import Base, PreparedChange, PreparedSelect, Tenant, Tenanted, Transaction, UtcDateTime, now
from app.gateway.apps import GatewayApp
from app.jobs.sweeps import delete_by_keys, sweeps

# Of each event that says that somebody has come or gone: which of both.
COMES = {"channel_occupied": True, "member_added": True, "channel_vacated": False, "member_removed": False}
TOLD_AT_ONCE = 500
# How long it is known that somebody was told to have gone: longer than another process may take to say so, too.
GONE_KEPT_FOR = timedelta(minutes=10)


class AppTold(Tenanted, Base):
    """Somebody on a channel, or that somebody is, as an app's server was told by events of a kind; `place` is the
    channel and the user, '' for none, as JSON, and `gone_at` when it was told that they have gone."""

    __tablename__ = "gateway_app_told"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "app_id"], ["gateway_app.tenant_id", "gateway_app.id"], ondelete="CASCADE"),
        UniqueConstraint("tenant_id", "app_id", "digest"),
        # In which workspaces there are any, and who is there, a part at a time.
        Index("ix_gateway_app_told_gone_at", "tenant_id", "gone_at", "id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    app_id: Mapped[int]
    kind: Mapped[str] = mapped_column(String(20))
    digest: Mapped[str] = mapped_column(String(32))
    place: Mapped[str] = mapped_column(Text)
    gone_at: Mapped[datetime | None] = mapped_column(UtcDateTime)


OF_DIGESTS = (AppTold.app_id == bindparam("of_app"), AppTold.digest.in_(bindparam("digests", expanding=True)))
FIND_TOLD = PreparedSelect(lambda: select(AppTold.digest, AppTold.gone_at).where(*OF_DIGESTS))
CHANGE_TOLD = PreparedChange(
    lambda: update(AppTold).where(*OF_DIGESTS).values(gone_at=bindparam("moment", type_=UtcDateTime()))
)
FORGET_TOLD_KINDS = PreparedChange(
    lambda: delete(AppTold).where(
        AppTold.app_id == bindparam("of_app"), AppTold.kind.not_in(bindparam("kinds", expanding=True))
    )
)
LIST_TOLD_OF_APPS = PreparedSelect(
    lambda: (
        select(AppTold.id, AppTold.app_id, AppTold.place)
        .where(AppTold.id > bindparam("after"), AppTold.gone_at.is_(None))
        .order_by(AppTold.id)
        .limit(TOLD_AT_ONCE)
    )
)
# Those of which there is any row, in all of the installation.
LIST_WORKSPACES_TOLD = PreparedSelect(
    lambda: select(Tenant.id).where(select(AppTold.id).where(AppTold.tenant_id == Tenant.id).exists())
)


async def note_told(
    transaction: Transaction, app_id: int, events: Sequence[tuple[str, str]]
) -> Sequence[tuple[str, str]]:
    """Note who is on which channel after an app's server is told some events, as JSON with the kind of each. The
    events to tell: without those that say of somebody what the server was told last."""
    read = [(kind, text, *find_place(text)) for kind, text in events]
    places = {digest_of_place(place): (kind, place) for kind, _, place, comes in read if comes is not None}
    if not places:
        return events
    rows = await transaction.rows(FIND_TOLD, of_app=app_id, digests=list(places))
    before = {digest: gone_at is None for digest, gone_at in rows}
    there, told = dict(before), []
    for kind, text, place, comes in read:
        if comes is not None:
            if there.get(digest := digest_of_place(place)) == comes:
                continue
            there[digest] = comes
        told.append((kind, text))
    moment = now()
    for comes, at in ((True, None), (False, moment)):
        if changed := [each for each, was in before.items() if was != comes and there[each] == comes]:
            await transaction.apply(CHANGE_TOLD, of_app=app_id, digests=changed, moment=at)
    new = [
        {"app_id": app_id, "kind": kind, "digest": each, "place": place, "gone_at": None if there[each] else moment}
        for each, (kind, place) in places.items()
        if each not in before
    ]
    if new:
        await transaction.insert_rows(AppTold, *new)
    return told


def find_place(text: str) -> tuple[str, bool | None]:
    """Which channel and user an event is about, as JSON, and whether it says that they have come; None: neither."""
    event: dict[str, Any] = json.loads(text)
    return json.dumps([event["channel"], event.get("user_id", "")]), COMES.get(event["name"])


def digest_of_place(place: str) -> str:
    """What a channel and user are found by."""
    return hashlib.blake2b(place.encode(), digest_size=16).hexdigest()


async def forget_kinds(transaction: Transaction, app_id: int, kinds: Sequence[str]) -> None:
    """An app's server is told nothing more but some kinds of events: what it was told by others is not followed."""
    await transaction.apply(FORGET_TOLD_KINDS, of_app=app_id, kinds=list(kinds))


async def list_told(transaction: Transaction, after: int) -> list[tuple[int, int, str, str]]:
    """Who is on channels of a workspace's apps as their servers were told, by id after one: each with the app, channel
    and user."""
    rows = await transaction.rows(LIST_TOLD_OF_APPS, after=after)
    return [(row_id, app_id, *json.loads(place)) for row_id, app_id, place in rows]


@sweeps(AppTold)
async def delete_told(transaction: Transaction, limit: int) -> int:
    """Forget of whom it was told a while ago that they have gone, and what the servers of apps were told that have
    ended."""
    ended = AppTold.app_id.in_(select(GatewayApp.id).where(GatewayApp.ended_at.is_not(None)))
    is_over = or_(AppTold.gone_at < now() - GONE_KEPT_FOR, ended)
    return await delete_by_keys(transaction, AppTold, is_over, limit=limit)
