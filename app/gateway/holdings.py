"""Holdings: the sockets of this process that hold the locks of records, or wait for them, and in whose name they do."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

import structlog
from litestar.exceptions import HTTPException
from msgspec import Struct

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
from app.gateway.roster import ROSTER_LEASE, Spot
from app.gateway.targets import Asker, Target, find_asker, find_target
from app.live.bus import BEAT_EVERY, LAST_RETRY
from app.records.forms import open_record
from app.records.records import Record
from app.web.errors import PageError

if TYPE_CHECKING:
    from app.gateway.site import Gateway

# How long another node has to answer: longer than one that was killed counts as there.
NODES_ANSWER_WITHIN = ROSTER_LEASE + 1.0
# How long the other nodes may take to be heard once Redis is back: as long as they wait to connect, and until they say
# that they live.
NODES_ARE_BACK_WITHIN = LAST_RETRY + 2 * BEAT_EVERY
# How often it is looked whether a node that does not answer is there still.
LOOKS_FOR_NODES_EVERY = 0.5

log = structlog.get_logger("gateway")


class LockedFor(Exception):
    """Somebody else has it: `args` is what is said of them."""


# What tells one holding of a lock from the next, also where it was taken up: its token, and until when it is kept.
LockSeen = tuple[int, int | None]


class HeldByClient(Exception):
    """A client that wants to edit something holds it already, by another socket or one that it has lost."""

    def __init__(self, lock: LockSeen) -> None:
        self.lock = lock


class SocketLock(ChannelFollowing):
    """A socket that holds the lock of a record, with its proof, or waits for it (None); `left` once its client has said
    that it wants neither any more."""

    __slots__ = ("left", "number", "proof", "record_id", "renewed_at", "slug")

    record_id: int
    slug: str
    number: int
    proof: Proof | None
    renewed_at: float
    left: bool


class NodesAsked(Struct):
    """What other nodes were asked: whether something is so at one of them; and which of them have not answered."""

    nodes: set[str]
    answered: asyncio.Event
    yes: bool = False


class Holdings:
    """Who holds what in this process, and what their clients are told of it."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self.holdings: dict[Spot, set[SocketLock]] = {}
        self.told: dict[Spot, Editors] = {}
        self.looking: dict[Spot, bool] = {}
        self.looked_at: dict[Spot, float] = {}
        self.attempts: dict[tuple[Spot, int], float] = {}
        self.asked: dict[str, NodesAsked] = {}
        # Sockets of this process that have just taken a lock, until that is stored.
        self.takers: set[tuple[Spot, str]] = set()
        # Those that are about to wait, with their members.
        self.comers: set[tuple[Spot, int, GatewayConnection]] = set()
        gateway.node.bus.handlers["gateway holds"] = self.hear_question
        gateway.node.bus.handlers["gateway waits"] = self.hear_who_waits
        gateway.node.bus.handlers["gateway held"] = self.hear_answer
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

        Each other node is asked: what one knows of them may be a moment old, and what a node that was killed has said
        last would be believed for some seconds. One that is slow has time to answer. Where they can't be asked it is
        taken to be so: the lease of a lock that nobody holds any more ends by itself.
        """
        return self.is_held_here(spot, but) or await self.ask_nodes("gateway holds", spot, but)

    async def is_waited_alive(self, spot: Spot, member_id: int) -> bool:
        """Likewise whether a tab of a member waits for it, or is about to."""
        return self.is_waited_here(spot, member_id) or await self.ask_nodes("gateway waits", spot, member_id)

    async def ask_nodes(self, question: str, spot: Spot, about: str | int) -> bool:
        """Whether one of the other nodes says yes to a question about a channel, or there may be one that could not be
        asked, or has not answered and is there still."""
        bus, roster = self.gateway.node.bus, self.gateway.exchange.roster
        if bus.alone:
            return False
        if bus.reachable and (wait := bus.joined_at + NODES_ARE_BACK_WITHIN - asyncio.get_running_loop().time()) > 0:
            await asyncio.sleep(wait)
        if not bus.reachable:
            log.warning("other nodes can't be asked who edits", channel=spot[1])
            return True
        asked = NodesAsked(set(roster.list_nodes()), asyncio.Event())
        if not asked.nodes:
            return False
        key, joined_at = secrets.token_hex(8), bus.joined_at
        self.asked[key] = asked
        bus.publish(question, [key, *spot, about], needed=True)
        until = asyncio.get_running_loop().time() + NODES_ANSWER_WITHIN
        try:
            while not asked.answered.is_set() and asyncio.get_running_loop().time() < until:
                with suppress(TimeoutError):
                    async with asyncio.timeout(LOOKS_FOR_NODES_EVERY):
                        await asked.answered.wait()
                if not bus.reachable or bus.joined_at != joined_at:
                    return True  # the question or the answer may be lost
                asked.nodes.intersection_update(roster.list_nodes())
                if not asked.nodes:
                    break
        finally:
            del self.asked[key]
        if asked.nodes and not asked.yes:
            log.warning("a node did not say who edits", channel=spot[1], nodes=sorted(asked.nodes))
        return asked.yes or bool(asked.nodes)

    def is_held_here(self, spot: Spot, but: str) -> bool:
        """Whether a socket of this process holds it, other than one."""
        own = {each.connection.socket_id for each in self.holdings.get(spot, ()) if each.proof is not None}
        own |= {socket_id for taken, socket_id in self.takers if taken == spot}
        return bool(own - {but})

    def is_waited_here(self, spot: Spot, member_id: int) -> bool:
        """Whether a tab of a member that is connected here waits for it, or is about to."""
        waits = any(each.member_id == member_id and each.proof is None for each in self.holdings.get(spot, ()))
        return waits or any(each[:2] == (spot, member_id) for each in self.comers)

    def hear_question(self, sender: str, content: Any) -> None:
        """Another node asks whether something is held here."""
        key, scope, channel, but = content
        held = self.is_held_here((scope, channel), but)
        self.gateway.node.bus.publish("gateway held", [key, held], needed=True)

    def hear_who_waits(self, sender: str, content: Any) -> None:
        """Another node asks whether a member waits for something here."""
        key, scope, channel, member_id = content
        waits = self.is_waited_here((scope, channel), member_id)
        self.gateway.node.bus.publish("gateway held", [key, waits], needed=True)

    def hear_answer(self, sender: str, content: Any) -> None:
        """A node says whether it is so."""
        key, yes = content
        if (asked := self.asked.get(key)) is None:
            return
        asked.yes = asked.yes or yes
        asked.nodes.discard(sender)
        if asked.yes or not asked.nodes:
            asked.answered.set()

    async def open(self, transaction: Transaction, asker: Asker, target: Target) -> Record:
        """The record that is to be edited, by who may. Raises Refused."""
        with asker.granted() as member:
            try:
                _, record, _ = await open_record(transaction, member, target.slug, target.number, "edit")
            except (HTTPException, PageError) as error:
                raise Refused(UNAUTHORIZED) from error
        return record

    async def open_channel(self, transaction: Transaction, asker: Asker, channel: str) -> Record:
        """The record of a channel, by who may edit it. Raises Refused, also where there is none."""
        target = await find_target(transaction, asker, channel)
        if target is None:
            raise Refused(UNAUTHORIZED)
        return await self.open(transaction, asker, target)

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
