"""Holdings: the sockets of this process that hold the locks of records, or wait for them, and in whose name they do."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import structlog
from litestar.exceptions import HTTPException

from app.accounts.programs import is_of_bot
from app.database import Transaction
from app.editing.rows import Editable, Proof
from app.gateway.audiences import ChannelFollowing
from app.gateway.connection import GatewayConnection
from app.gateway.editors import (
    Editors,
    describe_editors,
    tell_difference,
)
from app.gateway.grants import ChannelGrant
from app.gateway.messages import (
    UNAUTHORIZED,
    Refused,
    write_subscribed,
    write_subscription_over,
)
from app.gateway.roster import Spot
from app.gateway.targets import Asker, Target, find_asker
from app.records.forms import open_record
from app.records.records import Record
from app.web.errors import PageError

if TYPE_CHECKING:
    from app.gateway.site import Gateway

# How long another process has to answer.
PROBE_SECONDS = 0.5

log = structlog.get_logger("gateway")


class LockedFor(Exception):
    """Somebody else has it: `args` is what is said of them."""


class SocketLock(ChannelFollowing):
    """A socket that holds the lock of a record, with its proof, or waits for it (None)."""

    __slots__ = ("number", "proof", "record_id", "renewed_at", "slug")

    record_id: int
    slug: str
    number: int
    proof: Proof | None
    renewed_at: float


class Holdings:
    """Who holds what in this process, and what their clients are told of it."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.holdings: dict[Spot, set[SocketLock]] = {}
        self.told: dict[Spot, Editors] = {}
        self.looking: dict[Spot, bool] = {}
        self.looked_at: dict[Spot, float] = {}
        self.attempts: dict[tuple[Spot, int], float] = {}
        # Sockets of other processes of which it was asked whether they are connected.
        self.probes: dict[str, asyncio.Event] = {}
        gateway.node.bus.handlers["gateway probe"] = lambda sender, content: self.hear_probe(content)
        gateway.node.bus.handlers["gateway lives"] = lambda sender, content: self.hear_lives(content)
        gateway.node.bus.handlers["gateway taken up"] = lambda sender, content: self.end_before(content)

    def list_followings(self, tenant_id: int) -> list[SocketLock]:
        """All of a workspace."""
        return [each for spot, own in self.holdings.items() if spot[0] == -tenant_id for each in own]

    def is_kept(self, holding: SocketLock) -> bool:
        """Whether it has not ended, as it may while somebody waits for the database."""
        return holding in self.holdings.get(holding.spot, ())

    def list_spots(self, tenant_id: int, record_id: int) -> list[Spot]:
        """Where sockets of this process follow who edits a record."""
        return [
            spot
            for spot, own in self.holdings.items()
            if spot[0] == -tenant_id and next(iter(own)).record_id == record_id
        ]

    def find(self, connection: GatewayConnection, channel: str) -> SocketLock | None:
        """What a socket holds, or waits for."""
        own = self.holdings.get((-connection.tenant_id, channel), ())
        return next((each for each in own if each.connection is connection), None)

    async def is_held_alive(self, spot: Spot, but: str = "") -> bool:
        """Whether a socket that is connected somewhere holds it, other than one.

        A process that was killed can't say that its sockets are gone, and is believed for some seconds: so it is asked.
        """
        roster, place = self.gateway.exchange.roster, holders_of(spot)
        sockets = [each for each in roster.list_people_at(place) if each != but]
        if any(each in roster.own.people.get(place, ()) for each in sockets):
            return True
        return any(await asyncio.gather(*(self.probe(place, each) for each in sockets)))

    async def probe(self, place: Spot, socket_id: str) -> bool:
        """Whether the process that has a socket answers."""
        self.probes[socket_id] = answered = self.probes.get(socket_id) or asyncio.Event()
        self.gateway.node.bus.publish("gateway probe", [*place, socket_id], needed=True)
        try:
            async with asyncio.timeout(PROBE_SECONDS):
                await answered.wait()
        except TimeoutError:
            return False
        finally:
            self.probes.pop(socket_id, None)
        return True

    def hear_probe(self, content: Any) -> None:
        """Another process asks whether a socket is connected here."""
        scope, channel, socket_id = content
        if socket_id in self.gateway.exchange.roster.own.people.get((scope, channel), ()):
            self.gateway.node.bus.publish("gateway lives", socket_id, needed=True)

    def hear_lives(self, socket_id: str) -> None:
        """It is."""
        if socket_id in self.probes:
            self.probes[socket_id].set()

    async def open(self, transaction: Transaction, asker: Asker, target: Target) -> Record:
        """The record that is to be edited, by who may. Raises Refused."""
        with asker.granted() as member:
            try:
                _, record, _ = await open_record(transaction, member, target.slug, target.number, "edit")
            except (HTTPException, PageError) as error:
                raise Refused(UNAUTHORIZED) from error
        return record

    @asynccontextmanager
    async def acting(self, holder: ChannelGrant | SocketLock) -> AsyncIterator[tuple[Transaction, Asker]]:
        """A writing transaction in which somebody acts for whom a socket is. Raises Refused where they may no more."""
        tenant_id = holder.tenant_id if isinstance(holder, ChannelGrant) else holder.connection.tenant_id
        async with self.gateway.database.write(tenant_id) as transaction:
            if transaction.tenant.suspended_at is not None:
                raise Refused(UNAUTHORIZED)
            asker = await find_asker(transaction, holder.session_id, holder.token_id)
            if asker is None or asker.member.id != holder.member_id:
                raise Refused(UNAUTHORIZED)
            transaction.actor = asker.act("")
            transaction.keep(asker.member)
            yield transaction, asker

    def note_alive(self, holding: SocketLock, alive: bool) -> None:
        """Let all nodes know that a holder's socket is connected, or is not any more."""
        roster, place = self.gateway.exchange.roster, holders_of(holding.spot)
        there = holding.connection.socket_id in roster.own.people.get(place, ())
        if alive and not there:
            roster.enter(place, holding.connection.socket_id, "null")
        elif not alive and there:
            roster.leave(place, holding.connection.socket_id)

    def end_before(self, content: Any) -> None:
        """The socket that a client had before, and that may look alive, holds nothing any more."""
        scope, channel, socket_id = content
        spot = (scope, channel)
        for holding in [each for each in self.holdings.get(spot, ()) if each.connection.socket_id == socket_id]:
            self.forget(holding)
            holding.connection.write(write_subscription_over(holding.channel, "taken up elsewhere", 423))

    def greet(self, holding: SocketLock, editors: Editors) -> None:
        """Tell a client that it is there, who else is, and what proves its lock."""
        data = describe_editors(editors, str(holding.member_id), holding.proof)
        holding.connection.write(write_subscribed(holding.channel, data))

    def tell(self, spot: Spot, editors: Editors) -> None:
        """Tell who has come and gone."""
        if (before := self.told.get(spot)) is not None:
            tell_difference(self.gateway.exchange, spot, before, editors)
        self.told[spot] = editors

    def forget(self, holding: SocketLock) -> None:
        """A socket holds nothing, and waits for nothing."""
        self.note_alive(holding, False)
        self.gateway.exchange.unfollow(holding.connection, holding.spot)
        holding.connection.subscribed.pop(holding.channel, None)
        own = self.holdings.get(holding.spot, set())
        own.discard(holding)
        if not own:
            self.holdings.pop(holding.spot, None)
            self.told.pop(holding.spot, None)
            self.looked_at.pop(holding.spot, None)

    def leave(self, connection: GatewayConnection) -> None:
        """A socket is gone. What it held is its client's until the lease ends."""
        for holding in self.list_followings(connection.tenant_id):
            if holding.connection is connection:
                self.forget(holding)

    def end(self, holding: SocketLock, why: str, status: int = 403) -> None:
        """Somebody may edit no more, or has lost the lock: told once, by whatever sees it first."""
        if not self.is_kept(holding):
            return
        self.forget(holding)
        holding.connection.write(write_subscription_over(holding.channel, why, status))
        log.info("editing ended", tenant=holding.connection.workspace, channel=holding.channel, reason=why)


def holders_of(spot: Spot) -> Spot:
    """Where the roster has the sockets that hold a lock."""
    return spot[0], f"{spot[1]} held"


def describe_holder(row: Editable, clock: int) -> dict[str, Any]:
    """What is said of whoever holds something, or whose turn it is."""
    left = max(0, (row.lock_until or clock) - clock) // 1000
    holder = {
        "id": row.lock_member_id,
        "name": row.lock_name,
        "bot": is_of_bot(row.lock_program),
        "program": row.lock_program,
    }
    return {"holder": holder, "state": "offered" if row.lock_offered else "held", "seconds": left}
