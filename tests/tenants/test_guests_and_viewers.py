"""Guests see what they were invited to, and the people there; viewers read, and write nothing."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.accounts.acquaintance import is_known
from app.accounts.members import Member, add_member
from app.accounts.rights import may
from app.chat.discussions import enter_discussion
from app.chat.memberships import Membership, add_membership
from app.chat.message_changes import edit_message
from app.chat.new_rooms import create_room
from app.chat.people import list_permitted
from app.chat.posting import post_message
from app.chat.rooms import GENERAL, Room
from app.database import Database, Transaction
from app.demo import PASSWORD
from app.live.channels import list_allowed
from app.records.collections import get_collection
from app.records.granting import change_permissions
from app.records.permissions import NOTHING, CollectionGuest, list_permissions
from app.records.records import Record
from app.tenants.invitations import accept_invitation, make_link
from app.tenants.members import change_role
from tests.conftest import Server
from tests.sessions import sign_in
from tests.test_isolation import list_targets

ACME = 1
OTHERS = ("Ana", "Bruno", "Carla", "Davi")


async def join_as_guest(transaction: Transaction, *invited_to: str) -> Member:
    ana = await sign_in(transaction, "ana")
    _, token = await make_link(transaction, ana, "guest", 1, 7, invited_to)
    return await accept_invitation(transaction, token, email="gus@acme.test", name="Gus", password_hash="x")


async def names_known(transaction: Transaction, member: Member) -> set[str]:
    known = is_known(member.id, insider=may(member, "see", "everybody"))
    return set(await transaction.scalars(select(Member.name).where(known)))


async def test_a_guest_comes_into_the_collections_and_rooms_of_the_invitation_alone(database: Database) -> None:
    async with database.write(ACME) as transaction:
        carla = await sign_in(transaction, "carla")
        room = await create_room(transaction, carla, name="Loans", private=True)
        books = await get_collection(transaction, "books")
        gus = await join_as_guest(transaction, f"room-{room.id}", f"collection-{books.id}", "room-999", "poem-1")
        await transaction.settle()
    async with database.read(ACME) as transaction:
        gus = await transaction.get_one(Member, gus.id)
        inside = await transaction.scalars(select(Membership.room_id).where(Membership.member_id == gus.id))
        assert inside.all() == [room.id], "not even the general room"
        opened = select(CollectionGuest.collection_id).where(CollectionGuest.member_id == gus.id)
        assert (await transaction.scalars(opened)).all() == [books.id]
        assert await names_known(transaction, gus) == {"Gus", "Carla"}
        wanted = ["tenant", "guests", "admins", f"room.{room.id}", "room.1", f"user.{gus.id}", "user.1"]
        assert await list_allowed(transaction, gus, wanted) == ["guests", f"room.{room.id}", f"user.{gus.id}"]


async def test_nobody_else_is_invited_to_things(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana = await sign_in(transaction, "ana")
        _, token = await make_link(transaction, ana, "member", 1, 7, ["collection-1"])
        await accept_invitation(transaction, token, email="eva@acme.test", name="Eva", password_hash="x")
    async with database.read(ACME) as transaction:
        assert not (await transaction.scalars(select(CollectionGuest.member_id))).all()


async def test_who_becomes_a_guest_leaves_the_public_rooms_and_comes_back_as_a_member(database: Database) -> None:
    async def rooms_of(transaction: Transaction) -> set[str]:
        places = select(Room.slug).join(Membership, Membership.room_id == Room.id).where(Membership.member_id == 3)
        return set(await transaction.scalars(places))

    async with database.write(ACME) as transaction:
        davi = await sign_in(transaction, "davi")
        room = await create_room(transaction, davi, name="Loans", private=True)
        carla = await transaction.get_one(Member, 3)
        await add_membership(transaction, room, carla)
    async with database.write(ACME) as transaction:
        await change_role(transaction, await sign_in(transaction, "ana"), await transaction.get_one(Member, 3), "guest")
    async with database.read(ACME) as transaction:
        assert await rooms_of(transaction) == {"loans"}
    async with database.write(ACME) as transaction:
        await change_role(
            transaction, await sign_in(transaction, "ana"), await transaction.get_one(Member, 3), "viewer"
        )
    async with database.read(ACME) as transaction:
        assert await rooms_of(transaction) == {"loans", GENERAL}


async def test_a_guest_mentions_those_whom_they_know_and_refers_to_what_they_may_read(database: Database) -> None:
    async with database.write(ACME) as transaction:
        carla = await sign_in(transaction, "carla")
        room = await create_room(transaction, carla, name="Loans", private=True)
        gus = await add_member(transaction, email="gus@acme.test", name="Gus", role="guest", password_hash="x")
        await add_membership(transaction, room, gus)
        message, _ = await post_message(transaction, room, gus, key="1", text="@Carla @Davi #40", origin="")
        assert f'data-member="{carla.id}"' in message.html
        assert "@Davi" in message.html
        assert message.html.count("data-member") == 1, "whoever that may be"
        assert "/records/40" not in message.html
        message, _ = await post_message(transaction, room, carla, key="2", text="@Davi #40", origin="")
        assert message.html.count("data-member") == 1
        assert "/records/40" in message.html


async def test_a_guest_of_a_collection_mentions_in_its_discussions_those_who_may_read_it(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana = await sign_in(transaction, "ana")
        books = await get_collection(transaction, "books")
        gus_id = (await join_as_guest(transaction, f"collection-{books.id}")).id
        await add_member(transaction, email="vera@acme.test", name="Vera", role="viewer", password_hash="x")
        await add_member(transaction, email="udo@acme.test", name="Udo", role="guest", password_hash="x")
        permissions = await list_permissions(transaction, books.id)
        await change_permissions(transaction, books, ana, permissions | {"viewer": NOTHING})
        await transaction.settle()
    async with database.write(ACME) as transaction:
        gus = await transaction.get_one(Member, gus_id)
        record = (await transaction.scalars(select(Record).where(Record.number == 40))).one()
        assert {each.name for each in await list_permitted(transaction, record)} == {*OTHERS, "Gus"}
        room = await enter_discussion(transaction, gus, f"record-{record.id}")
        message, _ = await post_message(transaction, room, gus, key="1", text="@Carla @Vera @Udo", origin="")
        assert 'data-member="3"' in message.html
        assert "@Vera" in message.html
        assert "@Udo" in message.html
        assert message.html.count("data-member") == 1, "whoever those may be"
        assert await edit_message(transaction, message, gus, text="@Davi @Vera", origin="")
        assert message.html.count("data-member") == 1
        assert "Carla" not in await names_known(transaction, gus), "elsewhere they are told of no more people"


async def test_a_guest_is_offered_names_for_a_mention_by_what_they_may_read(shared_server: Server) -> None:
    words = ("gita@acme.test", "--name", "Gita", "--role", "guest", "--password", PASSWORD)
    assert shared_server.run("member", "add", "acme", *words).returncode == 0
    (record_id,) = shared_server.store.rows("SELECT id FROM record WHERE tenant_id = 1 AND number = 41")[0]
    path = f"/choices/mentions?q=&about=record-{record_id}"
    async with (
        aclosing(shared_server.let_in("acme", "gita@acme.test")) as gita,
        aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana,
    ):
        assert (await gita.get(path)).status_code == 404
        assert (await ana.post("/c/books/guests", data={"person": "gita@acme.test"})).status_code == 303
        assert f'data-about="record-{record_id}"' in (await gita.get("/c/books/41")).text
        offered = [each["value"] for each in (await gita.get(path)).json()]
        assert {"Ana", "Bruno", "Carla", "Davi", "Gita"} <= {*offered}
        assert (await gita.get("/choices/mentions?q=ca")).json() == []
        assert (await gita.get("/choices/people?q=ca")).json() == []
        text = {"text": "@Carla", "key": "gita-1"}
        assert (await gita.post(f"/discussion/record-{record_id}", data=text)).status_code in (200, 303)
        (slug,) = shared_server.store.rows(f"SELECT slug FROM room WHERE subject = 'record-{record_id}'")[0]
        offered = [each["value"] for each in (await gita.get(f"/choices/mentions?q=dav&room={slug}")).json()]
        assert offered == ["Davi"], "also when it was begun"


@pytest.fixture(scope="module")
async def people(shared_server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    found: dict[str, httpx.AsyncClient] = {}
    for name, role in (("vera", "viewer"), ("gus", "guest")):
        words = (f"{name}@acme.test", "--name", name.title(), "--role", role, "--password", PASSWORD)
        assert shared_server.run("member", "add", "acme", *words).returncode == 0
        found[name] = shared_server.let_in("acme", f"{name}@acme.test")
    async with aclosing(found["vera"]), aclosing(found["gus"]):
        yield found


async def test_a_guest_of_nothing_is_told_of_nobody_and_nothing_by_any_page(
    people: dict[str, httpx.AsyncClient],
) -> None:
    for target in list_targets():
        if target.method == "GET" and not target.parameters:
            for more in ("", "?q=a&done=invited&about=1,2,3,4", "?q=casmurro"):
                text = (await people["gus"].get(target.path + more)).text
                for word in (*OTHERS, "Books", "Casmurro", "general"):
                    assert not re.search(rf"\b{word}\b", text), f"{target.path}{more} says {word}"


# What a viewer posts is their own: account, preferences, what they have read, which rooms they look into.
OWN = {
    *("/logout", "/account/name", "/account/time-zone", "/account/password", "/account/picture"),
    *("/account/picture/remove", "/account/sessions/end-others", "/account/sessions/{session_id:int}/end"),
    *("/account/leave", "/undo/{undo_id:int}", "/account/tokens", "/account/tokens/{token_id:int}/end"),
    *("/notifications/" + each for each in ("preferences", "read", "read-all", "mute", "mute-kind", "unmute")),
    *("/follow/{subject:str}", "/unfollow/{subject:str}", "/announcements/{announcement_id:int}/acknowledge"),
    *("/chat/{slug:str}/" + each for each in ("read", "notify", "join", "leave")),
    *("/chat/{slug:str}/messages/{number:int}/" + each for each in ("save", "unread")),
    # They take back what somebody may have typed before they were a viewer.
    *("/c/{slug:str}/{number:int}/lock/release", "/c/{slug:str}/{number:int}/queue/leave"),
    *("/chat/{slug:str}/draft/discard", "/discussion/{subject:str}/draft/discard"),
    *("/c/{slug:str}/{number:int}/draft/discard", "/files/{file_id:int}/take-out", "/files/take-out", "/files/hold"),
    # Which columns they look at; a look at what is typed, of which nothing is kept.
    *("/c/{slug:str}/columns", "/c/{slug:str}/pin", "/c/{slug:str}/preview/{key:str}"),
}


async def test_a_viewer_writes_nothing_by_any_form(shared_server: Server, people: dict[str, httpx.AsyncClient]) -> None:
    (record_id,) = shared_server.store.rows("SELECT id FROM record WHERE tenant_id = 1 AND number = 40")[0]
    values = {"number": "1", "version": "1", "key": "title", "subject": f"record-{record_id}", "member_id": "3"}
    tables = ("record", "revision", "message", "reaction", "room", "draft", "message_draft", "attachment", "collection")
    counted = [(f"SELECT count(*) FROM {table}",) for table in tables]
    before = shared_server.store.rows_of(*counted)
    tried = set()
    for target in list_targets():
        if target.method != "POST" or target.path in OWN:
            continue
        place = {"slug": "books" if target.path.startswith("/c/") else GENERAL}
        path = target.fill({**dict.fromkeys(target.parameters, "1"), **values, **place})
        form: dict[str, Any] = {"text": "Said", "key": "viewer", "emoji": "👍", "title": "Added", "name": "Named"}
        answer = await people["vera"].post(path, data={**form, "person": "Carla", "role": "admin", "version": "1"})
        assert answer.status_code in (403, 404), f"POST {target.path}: {answer.status_code}"
        tried.add(target.path)
    assert len(tried) > 30
    assert shared_server.store.rows_of(*counted) == before


async def test_an_invitation_of_a_guest_says_what_it_is_to(shared_server: Server) -> None:
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana:
        form = {"uses": "1", "days": "7", "role": "guest", "form-key": ""}
        nothing = await ana.post("/members/links", data=form)
        assert nothing.status_code == 422
        assert "guests see only what they are invited to" in nothing.text
        unknown = await ana.post("/members/links", data={**form, "collection": "Poems"})
        assert unknown.status_code == 422
        assert "Nothing here is called “Poems”" in unknown.text
        assert 'value="Poems"' in unknown.text
        made = await ana.post("/members/links", data={**form, "collection": "books", "room": "General"})
        assert made.status_code == 200
        assert re.search(r"Books, general|general, Books", made.text)
        kept = shared_server.store.rows("SELECT invited_to FROM invitation ORDER BY id DESC LIMIT 1")[0][0]
        assert "collection-1" in str(kept)
