"""Keeping: the locks of sockets, and their places in line, are renewed while those live, and what changes is told.

Who is there is read anew when a fact or a partial tells of it, and now and then; then whoever waits takes what it is
their turn to take. `editing.py` has how locks are taken and left.
"""

from __future__ import annotations

import asyncio

import msgspec

from app.accounts.members import find_member_names
from app.editing import waiting
from app.editing.locks import renew_lock
from app.gateway.editing import EDITING_LEASE, EDITING_WAIT, TakenLocks
from app.gateway.editors import (
    LOCK_EVENTS,
    Editors,
    find_standing_record,
    read_editors,
    secret_maker,
    write_requested,
)
from app.gateway.holdings import SocketLock
from app.gateway.messages import Refused, write_event, write_json
from app.gateway.roster import Spot
from app.live.log import Event
from app.records.records import Record

# How often what sockets hold is renewed; and how often it is looked who is there, if nothing has told of it.
RENEW_EVERY = LOOK_EVERY = 10.0


class EditingChannels(TakenLocks):
    """Takes, keeps and frees locks for the sockets of this process."""

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
            elif holding.proof is not None:
                if editors.holder_id is None:
                    await self.renew_one(holding)
            elif editors.offered and editors.holder_id == holding.member_id:
                editors = await self.come(holding) or editors
            elif editors.in_line.get(holding.member_id) == "missed":
                self.end(holding, "the place in line is lost", 423)
            elif holding.member_id not in editors.in_line:  # another tab of the member's has taken the lock, say
                lost = not await self.is_held_alive(spot)
                editors = await self.come(holding, takes_up=lost) or editors
        if editors is not None and spot in self.holdings:
            self.tell(spot, editors)

    async def come(self, holding: SocketLock, *, takes_up: bool = False) -> Editors | None:
        """It may be the turn of who waits: take the lock, and tell its client what proves it; or wait on. `takes_up`
        says whether its client has lost the connection by which it had the lock."""
        try:
            async with self.acting(holding) as (transaction, asker):
                record = await self.open_channel(transaction, asker, holding.channel)
                proof = await self.take(transaction, record, asker, takes_up=takes_up)
                if proof is not None:
                    self.takers.add((holding.spot, holding.connection.socket_id))
                elif self.is_kept(holding):
                    await self.wait_for(transaction, record, asker)
                editors = await read_editors(transaction, record)
        except Refused:
            self.end(holding, "not allowed")
            return None
        finally:
            self.takers.discard((holding.spot, holding.connection.socket_id))
        if proof is not None and holding.left:
            await self.give_back(holding, proof)
            return None
        if proof is None or holding.connection.ending is not None or not self.is_kept(holding):
            return editors  # of a connection that was lost meanwhile the lock stays its client's
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
                record = await self.open_channel(transaction, asker, holding.channel)
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
