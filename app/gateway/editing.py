"""`presence-editing.{collection}.{number}` is the edit lock: who follows it holds the lock, or waits for it.

It is the lock of pages and of the API, in the row that it protects. Here it is taken, and freed when the channel is
left; `keeping.py` keeps it while the socket lives. A connection that is lost leaves the lease, and the same client may
have it back.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

from app.accounts.members import Member
from app.database import Transaction
from app.editing import waiting
from app.editing.locks import lease_runs, release_lock, renew_lock, take_lock
from app.editing.pushes import push_standings
from app.editing.row_places import find_row_places
from app.editing.rows import Proof, read_clock
from app.editing.turns import leave_turn
from app.gateway.connection import BY_NOBODY, GatewayConnection
from app.gateway.editors import Editors, find_own_proof, read_editors, secret_maker, write_requested
from app.gateway.grants import ChannelGrant
from app.gateway.holdings import HeldByClient, Holdings, LockedFor, LockSeen, SocketLock, describe_holder
from app.gateway.messages import UNAUTHORIZED, Refused, write_json, write_subscription_over
from app.gateway.roster import Spot
from app.gateway.targets import Asker, Target, find_target
from app.records.records import Record
from app.web.templates import render

# How long a lock and a place in line last without the gateway, which renews them.
EDITING_LEASE, EDITING_WAIT = 30, 60
# How often whoever edits is told of the same member's attempts.
TOLD_EVERY = 10.0


class TakenLocks(Holdings):
    """Takes and frees locks for the sockets of this process."""

    async def check_ask(
        self, transaction: Transaction, asker: Asker, target: Target, grant: ChannelGrant, alive: bool
    ) -> ChannelGrant:
        """The grant to edit something. Raises LockedFor where somebody else does, unless one waits for it; `alive` says
        whether a socket of this gateway holds it."""
        record = await self.open(transaction, asker, target)
        clock = await read_clock(transaction)
        if not lease_runs(record, clock) or (record.lock_offered and record.lock_member_id == asker.member.id):
            return grant
        spot, own = (-grant.tenant_id, grant.channel), find_own_proof(self.gateway.settings.secret_key, record, asker)
        if not grant.waits and (own is None or alive):
            await self.tell_attempt(transaction, record, spot, asker.member)
            raise LockedFor(describe_holder(record, clock))
        return grant

    async def tell_attempt(self, transaction: Transaction, record: Record, spot: Spot, member: Member) -> None:
        """Tell whoever edits something that somebody else wanted to, now and then: on the channel, and on pages."""
        moment = asyncio.get_running_loop().time()
        self.attempts = {each: until for each, until in self.attempts.items() if until > moment}
        if (spot, member.id) in self.attempts:
            return
        self.attempts[spot, member.id] = moment + TOLD_EVERY
        event = write_requested(spot[1], member.id, member.name)
        self.gateway.exchange.publish(spot[0], spot[1], "lock.requested", event)
        if not record.lock_offered and record.lock_session_id is not None:
            place = (await find_row_places(transaction, [record]))[record]
            language = transaction.tenant.language
            html = render(language, "gateway/attempt_push.html", name=member.name, place=place)
            self.gateway.node.signal_pages(transaction.tenant.id, f"user.{record.lock_member_id}", html)

    async def subscribe(self, connection: GatewayConnection, channel: str, grant: ChannelGrant) -> None:
        """Let a client hold the lock, or wait for it. Raises Refused."""
        spot = (-connection.tenant_id, channel)
        if (known := self.find(connection, channel)) is not None:
            self.greet(known, self.told[spot])
            return
        comer = (spot, grant.member_id, connection)
        if grant.waits:
            self.comers.add(comer)  # the place is not given up by a tab that leaves meanwhile
        try:
            entered = await self.enter_in_turn(connection, channel, grant, spot)
            if entered is None:
                return
            holding, editors = entered
            if grant.came:
                self.end_before([*spot, grant.came])
                self.gateway.node.bus.publish("gateway taken up", [*spot, grant.came], needed=True)
            self.holdings.setdefault(spot, set()).add(holding)
        finally:
            self.comers.discard(comer)
        connection.subscribed[channel] = BY_NOBODY
        self.tell(spot, editors)
        self.greet(holding, editors)
        self.gateway.exchange.follow(connection, spot)

    async def enter_in_turn(
        self, connection: GatewayConnection, channel: str, grant: ChannelGrant, spot: Spot
    ) -> tuple[SocketLock, Editors] | None:
        """Likewise `enter`, with what has to be asked of other nodes for it."""
        seen, alive = None, True
        while True:
            try:
                return await self.enter(connection, channel, grant, seen=seen, alive=alive)
            except HeldByClient as held:
                # Nobody is asked with the writer in hand. Of several tabs that come at once the first changes what the
                # others have seen, and is found when they ask again.
                seen, alive = held.lock, await self.is_held_alive(spot, grant.came)
            finally:
                self.takers.discard((spot, connection.socket_id))

    async def enter(
        self, connection: GatewayConnection, channel: str, grant: ChannelGrant, *, seen: LockSeen | None, alive: bool
    ) -> tuple[SocketLock, Editors] | None:
        """Take the lock, or a place in line; None where neither is to be had, which the client is told.

        Raises Refused, and HeldByClient where the client holds the lock already, and that lock is not the one that was
        `seen` before it was asked whether a socket that holds it is `alive`.
        """
        spot = (-connection.tenant_id, channel)
        async with self.acting(grant) as (transaction, asker):
            target = await find_target(transaction, asker, channel)
            if target is None:
                raise Refused(UNAUTHORIZED)
            record = await self.open(transaction, asker, target)
            lock = (record.lock_token, record.lock_until)
            if lock != seen and find_own_proof(self.gateway.settings.secret_key, record, asker) is not None:
                raise HeldByClient(lock)
            proof = await self.take(transaction, record, asker, takes_up=not alive)
            if proof is not None:
                self.takers.add((spot, connection.socket_id))
            elif grant.waits:
                await self.wait_for(transaction, record, asker)
            else:
                described = describe_holder(record, await read_clock(transaction))
                connection.write(write_subscription_over(channel, write_json(described), 423))
                return None
            editors = await read_editors(transaction, record)
        holding = SocketLock(
            connection,
            channel,
            target.inner,
            frozenset(),
            asker.member.id,
            asker.session_id,
            asker.token_id,
            asker.expires_at,
            0,
            spot,
        )
        holding.record_id, holding.slug, holding.number = target.record_id, target.slug, target.number
        holding.proof, holding.renewed_at, holding.left = proof, asyncio.get_running_loop().time(), False
        return holding, editors

    async def take(self, transaction: Transaction, record: Record, asker: Asker, *, takes_up: bool) -> Proof | None:
        """The proof of a lock that was free, or is the same client's, who comes back and `takes_up` it; None for
        any other."""
        secret_key = self.gateway.settings.secret_key
        make = secret_maker(secret_key, record, asker)
        own = find_own_proof(secret_key, record, asker)
        if own is not None and takes_up:
            version, lease = record.version, EDITING_LEASE
            kept = await renew_lock(transaction, record, asker.member, own, version, lease=lease, make_secret=make)
            if kept is not None:
                return kept
        return await take_lock(transaction, record, asker.member, lease=EDITING_LEASE, make_secret=make)

    async def wait_for(self, transaction: Transaction, record: Record, asker: Asker) -> None:
        """Stand in line for a lock: in the place that the member has, with another tab or one that was lost."""
        if await waiting.join_by_gateway(transaction, record, asker.member, EDITING_WAIT):
            push_standings(transaction, record)

    async def unsubscribe(self, connection: GatewayConnection, channel: str) -> None:
        """A client leaves the channel: the lock is free, or the place in line, if no other tab of the member waits."""
        if (holding := self.find(connection, channel)) is None:
            return
        holding.left = True
        self.forget(holding)
        if holding.proof is not None:
            await self.give_back(holding, holding.proof)
            return
        if await self.is_waited_alive(holding.spot, holding.member_id):
            return
        with suppress(Refused):
            async with self.acting(holding) as (transaction, asker):
                record = await transaction.get(Record, holding.record_id)
                if record is not None and await waiting.leave_by_gateway(transaction, record, asker.member):
                    await leave_turn(transaction, record, asker.member)
                    push_standings(transaction, record, asker.member.id)

    async def give_back(self, holding: SocketLock, proof: Proof) -> None:
        """Free the lock of who has left, also of who was given it in that moment."""
        with suppress(Refused):  # it has ended with the credential
            async with self.acting(holding) as (transaction, asker):
                record = await transaction.get(Record, holding.record_id)
                if record is not None:
                    await release_lock(transaction, record, asker.member, proof)
