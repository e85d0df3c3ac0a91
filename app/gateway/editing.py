"""`presence-editing.{collection}.{number}` is the edit lock: who follows it holds the lock, or waits for it.

It is the lock of pages and of the API, in the row that it protects. Here it is taken, kept while the socket lives, and
freed when the channel is left; a connection that is lost leaves the lease, and the same client may have it back.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec

from app.accounts.members import Member, find_member_names
from app.database import Transaction
from app.editing import waiting
from app.editing.locks import lease_runs, release_lock, renew_lock, take_lock
from app.editing.pushes import push_standings
from app.editing.row_places import find_row_places
from app.editing.rows import Proof, read_clock
from app.editing.turns import leave_turn
from app.gateway.connection import BY_NOBODY, GatewayConnection
from app.gateway.editors import (
    LOCK_EVENTS,
    Editors,
    find_own_proof,
    find_standing_record,
    read_editors,
    secret_maker,
    write_requested,
)
from app.gateway.grants import ChannelGrant
from app.gateway.holdings import HeldByClient, Holdings, LockedFor, LockSeen, SocketLock, describe_holder
from app.gateway.messages import (
    UNAUTHORIZED,
    Refused,
    write_event,
    write_json,
    write_subscription_over,
)
from app.gateway.roster import Spot
from app.gateway.targets import Asker, Target, find_target
from app.live.log import Event
from app.records.records import Record
from app.web.templates import render

# How long a lock and a place in line last without the gateway, and how often it renews them.
EDITING_LEASE, EDITING_WAIT, RENEW_EVERY = 30, 60, 10.0
# How often it is looked who is there, if nothing has told of it.
LOOK_EVERY = 10.0
# How often whoever edits is told of the same member's attempts.
TOLD_EVERY = 10.0


class EditingChannels(Holdings):
    """Takes, keeps and frees locks for the sockets of this process."""

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
        seen, alive = None, True
        while True:
            try:
                entered = await self.enter(connection, channel, grant, seen=seen, alive=alive)
                break
            except HeldByClient as held:
                # Nobody is asked with the writer in hand. Of several tabs that come at once the first changes what the
                # others have seen, and is found when they ask again.
                seen, alive = held.lock, await self.is_held_alive(spot, grant.came)
            finally:
                self.takers.discard((spot, connection.socket_id))
        if entered is None:
            return
        holding, editors = entered
        if grant.came:
            self.end_before([*spot, grant.came])
            self.gateway.node.bus.publish("gateway taken up", [*spot, grant.came], needed=True)
        self.holdings.setdefault(spot, set()).add(holding)
        connection.subscribed[channel] = BY_NOBODY
        self.tell(spot, editors)
        self.greet(holding, editors)
        self.gateway.exchange.follow(connection, spot)

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
                await self.wait_for(transaction, record, asker, spot)
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
        holding.proof, holding.renewed_at = proof, asyncio.get_running_loop().time()
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

    async def wait_for(self, transaction: Transaction, record: Record, asker: Asker, spot: Spot) -> None:
        """Stand in line for a lock: in the place that the same client had before its connection was lost, if it did."""
        member = asker.member
        own = await waiting.find_waiting(transaction, record, member)
        alive = any(each.member_id == member.id and each.proof is None for each in self.holdings.get(spot, ()))
        if (
            own is not None
            and own.state == "waiting"
            and not alive
            and (own.session_id, own.program_id) == (asker.session_id, asker.token_id)
        ):
            await waiting.keep_waiting(transaction, record, member, EDITING_WAIT)
            return
        await waiting.join_queue(transaction, record, member, EDITING_WAIT)
        push_standings(transaction, record)

    async def unsubscribe(self, connection: GatewayConnection, channel: str) -> None:
        """A client leaves the channel: the lock is free, or the place in line."""
        if (holding := self.find(connection, channel)) is None:
            return
        self.forget(holding)
        if holding.proof is not None:
            await self.give_back(holding, holding.proof)
            return
        with suppress(Refused):
            async with self.acting(holding) as (transaction, asker):
                record = await transaction.get(Record, holding.record_id)
                if record is not None and await waiting.leave_page(transaction, record, asker.member):
                    await leave_turn(transaction, record, asker.member)
                    push_standings(transaction, record, asker.member.id)

    async def give_back(self, holding: SocketLock, proof: Proof) -> None:
        """Free the lock of who has left, also of who was given it in that moment."""
        with suppress(Refused):  # it has ended with the credential
            async with self.acting(holding) as (transaction, asker):
                record = await transaction.get(Record, holding.record_id)
                if record is not None:
                    await release_lock(transaction, record, asker.member, proof)

    def take_fact(self, tenant_id: int, fact: Event) -> None:
        """A fact of a lock: tell it, and who is there then."""
        if fact.kind not in LOCK_EVENTS or not self.holdings:
            return
        data = msgspec.json.decode(fact.body)["data"]
        record_id = int(str(data.get("id") or data.get("row", "").rpartition("-")[2] or 0))
        for spot in self.list_spots(tenant_id, record_id):
            if fact.kind == "lock.asked":
                self.gateway.node.start(self.tell_asked(spot, fact.cursor, data["member"]))
            else:
                said = write_json({"cursor": fact.cursor, "user_id": str(data["member"])})
                self.gateway.exchange.send(spot, write_event(LOCK_EVENTS[fact.kind], said, spot[1]), tick=0)
            self.look_soon(spot)

    def take_partial(self, tenant_id: int, event: Event) -> None:
        """What somebody's pages are shown, if it is how they stand to something that is edited: who waits has changed,
        which is no fact."""
        for spot in self.holdings and self.list_spots(tenant_id, find_standing_record(event)):
            self.look_soon(spot)

    async def tell_asked(self, spot: Spot, cursor: int, member_id: int) -> None:
        """Tell that a member has asked for the lock elsewhere, by their name, which the fact does not have."""
        async with self.gateway.node.lookups, self.gateway.database.read(-spot[0]) as transaction:
            names = await find_member_names(transaction, [member_id])
        event = write_requested(spot[1], member_id, names.get(member_id, ""), cursor)
        self.gateway.exchange.send(spot, event, tick=0)

    def look_soon(self, spot: Spot) -> None:
        """Look who is there now, once more if that is being looked at."""
        if spot in self.looking:
            self.looking[spot] = True
            return
        self.looking[spot] = False
        self.gateway.node.start(self.look(spot))

    async def look(self, spot: Spot) -> None:
        """Read who is there, until nothing has changed meanwhile; tell it, and take what it is one's turn to take."""
        try:
            while spot in self.holdings:
                self.looking[spot] = False
                await self.look_once(spot)
                if not self.looking[spot]:
                    return
        finally:
            del self.looking[spot]

    async def look_once(self, spot: Spot) -> None:
        """Read who is there, and tell it."""
        there = list(self.holdings[spot])  # who comes while it is read is not judged by that
        record_id = there[0].record_id
        self.looked_at[spot] = asyncio.get_running_loop().time()
        async with self.gateway.node.lookups, self.gateway.database.read(-spot[0]) as transaction:
            record = await transaction.get(Record, record_id)
            editors = await read_editors(transaction, record) if record is not None else None
        for holding in filter(self.is_kept, there):
            if editors is None or (
                holding.proof is not None
                and (editors.token != holding.proof.token or editors.holder_id not in (None, holding.member_id))
            ):
                self.end(holding, "the lock is lost", 423)
            elif holding.proof is not None and editors.holder_id is None:
                await self.renew_one(holding)
            elif holding.proof is None and editors.offered and editors.holder_id == holding.member_id:
                editors = await self.come(holding) or editors
            elif holding.proof is None and str(holding.member_id) not in editors.people:
                self.end(holding, "the place in line is lost", 423)
        if editors is not None and spot in self.holdings:
            self.tell(spot, editors)

    async def come(self, holding: SocketLock) -> Editors | None:
        """It is the turn of who waits: take the lock, and tell its client what proves it."""
        try:
            async with self.acting(holding) as (transaction, asker):
                target = await find_target(transaction, asker, holding.channel)
                if target is None:
                    raise Refused(UNAUTHORIZED)
                record = await self.open(transaction, asker, target)
                proof = await self.take(transaction, record, asker, takes_up=False)
                if proof is not None:
                    self.takers.add((holding.spot, holding.connection.socket_id))
                editors = await read_editors(transaction, record)
        except Refused:
            self.end(holding, "not allowed")
            return None
        finally:
            self.takers.discard((holding.spot, holding.connection.socket_id))
        if proof is not None and not self.is_kept(holding) and holding.connection.ending is None:
            await self.give_back(holding, proof)  # it was left meanwhile
            return None
        if proof is None or holding.connection.ending is not None or not self.is_kept(holding):
            return editors
        holding.proof, holding.renewed_at = proof, asyncio.get_running_loop().time()
        self.tell(holding.spot, editors)
        self.greet(holding, editors)
        return editors

    async def renew(self) -> None:
        """Keep what sockets hold and wait for, and look who has come into line by other ways."""
        moment = asyncio.get_running_loop().time()
        for spot, own in list(self.holdings.items()):
            for holding in [each for each in own if each.renewed_at + RENEW_EVERY <= moment]:
                holding.renewed_at = moment
                await self.renew_one(holding)
            if self.looked_at.get(spot, 0.0) + LOOK_EVERY <= moment:
                self.look_soon(spot)

    async def renew_one(self, holding: SocketLock) -> None:
        """Keep what a socket holds, or waits for, as long as its member may edit that."""
        try:
            async with self.acting(holding) as (transaction, asker):
                target = await find_target(transaction, asker, holding.channel)
                if target is None:
                    raise Refused(UNAUTHORIZED)
                record = await self.open(transaction, asker, target)
                if holding.proof is None:
                    await waiting.keep_waiting(transaction, record, asker.member, EDITING_WAIT)
                    return
                proof, make = holding.proof, secret_maker(self.gateway.settings.secret_key, record, asker)
                version, lease = record.version, EDITING_LEASE
                kept = await renew_lock(
                    transaction, record, asker.member, proof, version, lease=lease, make_secret=make
                )
                editors = await read_editors(transaction, record)
        except Refused:
            self.end(holding, "not allowed")
            return
        if kept is None:
            self.end(holding, "the lock is lost", 423)
        elif kept != holding.proof and self.is_kept(holding):
            holding.proof = kept
            self.greet(holding, editors)
