"""In a workspace of 1,000 people, 300 rooms and 60 collections no page carries all of it.

Every page is asked of one with so many and of one with ten of each. The pages are those of the program's own routes, so
that a new one is covered without thinking of it.
"""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator

import pytest
from sqlalchemy import select

from app.accounts.members import Member
from app.accounts.program_tokens import Token
from app.chat.incoming import IncomingAddress, make_incoming
from app.chat.memberships import Membership
from app.chat.new_rooms import create_room, ensure_general, open_discussion
from app.chat.rooms import Room
from app.database import now
from app.editing.rows import read_clock
from app.editing.waiting_rows import Waiting
from app.gateway.apps import GatewayApp
from app.live.frames import read_hello
from app.live.socket import HELLO_SIZE_LIMIT
from app.notifications.announcements import announce
from app.records.collections import Collection, get_collection
from app.records.fields import Field
from app.records.records import get_record
from app.tenants.invitations import Invitation
from app.webhooks.webhooks import Webhook
from tests import test_statements
from tests.databases import Store
from tests.plenty import LONG_AGO, Plenty
from tests.test_statements import REFUSED, TARGETS, World, make_world, name_of

PEOPLE, ROOMS, COLLECTIONS = 1000, 300, 60
# How many of them wait for one record.
WAITING = 300
FEW = 10
HOME, PAGE, LIST = 27_000, 62_000, 80_000
# Lists of 50, whose rows may take more.
LISTS = {"/c/{slug:str}"}

asked = test_statements.asked


class Large(Plenty):
    """A workspace with rows of what has no bound; Ana is in all rooms, and everybody in two of them."""

    async def fill(self) -> tuple[dict[str, str], str]:
        large = self.count > FEW
        people, rooms, collections = (PEOPLE, ROOMS, COLLECTIONS) if large else (FEW, FEW, FEW)
        self.ana, self.bruno = await self.person("ana"), await self.person("bruno")
        token = await self.add_sessions()
        same = {"password_hash": "x"}
        await self.put(Member, [{"email": f"p{n}@acme.test", "name": f"Person {n:04d}", **same} for n in range(people)])
        found = await self.transaction.scalars(select(Member).where(Member.email.like("p%@acme.test")))
        self.people = sorted(found, key=lambda each: each.id)
        self.guests = [self.people[0].id]
        await ensure_general(self.transaction)
        await self.add_shelves(collections)
        room = await self.add_many_rooms(rooms)
        await self.add_rest()
        books = await get_collection(self.transaction, "books")
        self.record = await get_record(self.transaction, books, 40)
        self.binned, self.numbers = "1", range(1, 2)
        clock = await read_clock(self.transaction)
        waits = {"kind": "record", "row_id": self.record.id, "role": "member", "until": clock + 500_000}
        await self.put(Waiting, [{**waits, "member_id": each.id, "name": each.name} for each in self.people[:WAITING]])
        discussion = await open_discussion(self.transaction, f"record-{self.record.id}", "Dom Casmurro")
        await self.put(Membership, [{"room_id": discussion.id, "member_id": each.id} for each in self.people])
        await self.add_tokens()
        await self.add_apps()
        await self.add_webhooks()
        await make_incoming(self.transaction, room, self.ana, "Build server")
        return {
            **{"announcement_id": str(self.announced), "session_id": str(self.sessions[-1])},
            **{"token_id": await self.newest(Token), "call": "change_field"},
            **{"topic": "admins", "picture": "list.en.webp"},
            **{"app_id": await self.newest(GatewayApp)},
            "webhook_id": await self.newest(Webhook),
            "address_id": await self.newest(IncomingAddress),
            **{"invitation_id": await self.newest(Invitation), "member_id": str(self.people[-1].id)},
            **{"subject": f"record-{self.record.id}", "slug": "books", "room": room.slug, "number": "40"},
            **{"version": "1", "key": "title", "file_id": "1", "record_file_id": "1"},
        }, token

    async def add_shelves(self, count: int) -> None:
        rows = [{"slug": f"shelf-{n}", "name": f"Shelf {n:02d} of the library", "total": 1} for n in range(count)]
        await self.put(Collection, rows)
        shelves = (await self.transaction.scalars(select(Collection.id).where(Collection.slug.like("shelf-%")))).all()
        label = {"kind_name": "text", "label": "Title", "key": "title"}
        self.transaction.add_all([Field(**label, collection_id=each) for each in shelves])

    async def add_many_rooms(self, count: int) -> Room:
        room = await create_room(self.transaction, self.ana, name="Books", slug="books")
        await self.put(Membership, [{"room_id": room.id, "member_id": each.id} for each in self.people])
        kinds = ("public", "private", "direct")
        await self.put(
            Room,
            [
                {
                    "slug": f"room-{n}",
                    "name": f"Room number {n:03d}",
                    "kind": kinds[n % 3],
                    "created_by_id": self.ana.id,
                    "subject": f"people-{self.ana.id}-{each.id}" if n % 3 == 2 else None,
                }
                for n, each in zip(range(count), self.people, strict=False)
            ],
        )
        found = (
            await self.transaction.scalars(select(Room.id).where(Room.slug.like("room-%")).order_by(Room.id))
        ).all()
        inside = [{"room_id": each, "member_id": self.ana.id} for each in found]
        inside += [{"room_id": each, "member_id": who.id} for each, who in zip(found, self.people, strict=False)]
        await self.put(Membership, inside)
        return room

    async def add_rest(self) -> None:
        self.announced = (
            await announce(self.transaction, self.ana, title="Word", text="Word", acknowledge=True, ends_at=None)
        ).id
        invited = {"role": "member", "most_uses": 1, "made_by_id": self.ana.id, "expires_at": now() + LONG_AGO}
        count = min(len(self.people), 200)
        hashes = (n.to_bytes(32, "big") for n in range(count))
        await self.put(
            Invitation, [{**invited, "token_hash": each, "email": f"i{n}@acme.test"} for n, each in enumerate(hashes)]
        )


@pytest.fixture(scope="module")
async def worlds(
    seeded: Store, asked: list[str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[World, World]]:
    """An installation with ten of everything, and a large one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(test_statements, "Plenty", Large)
        few = await make_world(seeded, tmp_path_factory.mktemp("few"), FEW, asked)
        many = await make_world(seeded, tmp_path_factory.mktemp("large"), PEOPLE, asked)
    yield few, many
    for world in (few, many):
        await world.client.aclose()
        await world.operator.aclose()
        await world.database.close()


async def test_no_page_carries_all_of_a_large_workspace(worlds: tuple[World, World]) -> None:
    faults = []
    for central, target in TARGETS:
        if central or target.method != "GET" or name_of((central, target)) in REFUSED or "static" in target.path:
            continue
        statements = []
        for world in worlds:
            values = {**world.values, **({"number": "1"} if "/chat/" in target.path else {})}
            world.asked.clear()
            with test_statements.undoing():
                answer = await world.client.get(target.fill(values))
            statements.append(len(world.asked))
        page = answer.headers.get("content-type", "").startswith("text/html") and answer.status_code == 200
        bound = HOME if target.path == "/" else LIST if target.path in LISTS else PAGE
        if answer.status_code >= 500:
            faults.append(f"{target.path}: {answer.status_code}")
        if page and len(answer.content) > bound:
            faults.append(f"{target.path}: {len(answer.content)} bytes")
        if statements[1] > statements[0] + test_statements.TOLERATED:
            faults.append(f"{target.path}: {statements[0]} statements, and {statements[1]}")
        # What the page follows, its hello says: at most so many channels, in at most so many bytes.
        followed = re.findall(r'data-(?:channels|follow)="([^"]*)"', answer.text)
        if page and not central:
            read_hello(json.dumps({"sub": " ".join(followed), "last": 10**9, "n": 10**6}))
            assert len(" ".join(followed)) < HELLO_SIZE_LIMIT - 200, target.path
    assert not faults, "\n".join(faults)
