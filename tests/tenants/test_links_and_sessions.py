"""What lets somebody in ends with what it stood for: mailed links, sessions, invitations of who is above."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass

import httpx
import pytest

from app.accounts.hashing import load_hasher
from app.accounts.members import find_member
from app.accounts.sessions import MOST_SESSIONS, Session
from app.accounts.tokens import find_token, make_token
from app.database import Database
from app.demo import PASSWORD
from app.features import open_database
from app.live.cutoff import start_session
from app.operators.operators import find_operator
from app.operators.sessions import start_operator_session as start_operator_session
from tests.conftest import Server
from tests.databases import Store
from tests.test_isolation import hello

ACME = 1


@dataclass
class People:
    """Some of acme, signed in, and Carla's link to set a new password."""

    server: Server
    ana: httpx.AsyncClient
    bruno: httpx.AsyncClient
    carla: httpx.AsyncClient
    link: str

    async def link_works(self) -> bool:
        async with self.server.client("acme") as visitor:
            return (await visitor.get("/password", params={"token": self.link})).status_code == 200


@pytest.fixture
async def people(server: Server) -> AsyncIterator[People]:
    async with AsyncExitStack() as stack:
        ana, bruno, carla = [
            await stack.enter_async_context(aclosing(await server.sign_in("acme", f"{name}@acme.test")))
            for name in ("ana", "bruno", "carla")
        ]
        database = open_database(server.store.url)
        async with database.write(ACME) as transaction:
            member = await find_member(transaction, "carla@acme.test")
            assert member
            link = await make_token(transaction, member, "password")
        await database.close()
        yield People(server, ana, bruno, carla, link)


async def test_a_link_outlives_no_change_of_the_password(people: People) -> None:
    assert await people.link_works()
    typed = {"password": PASSWORD, "new_password": "a new password for Carla"}
    assert (await people.carla.post("/account/password", data=typed)).status_code == 303
    assert not await people.link_works()


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE member SET password_hash = '{load_hasher().hash('another password')}' WHERE id = 3",
        "UPDATE member SET email = 'carla@elsewhere.test' WHERE id = 3",
    ],
)
async def test_a_link_works_no_more_when_password_or_address_change_in_whatever_way(
    people: People, statement: str
) -> None:
    people.server.store.rows(statement)
    assert not await people.link_works()


async def test_signing_out_everywhere_voids_the_link(people: People) -> None:
    assert (await people.carla.post("/account/sessions/end-others")).status_code == 303
    assert not await people.link_works()


async def test_suspension_voids_the_link_for_good(people: People) -> None:
    assert (await people.ana.post("/members/3/suspend")).status_code == 303
    assert not await people.link_works()
    assert (await people.ana.post("/members/3/restore")).status_code == 303
    assert not await people.link_works()


async def test_signing_in_and_out_leaves_the_link_alone(people: People) -> None:
    async with aclosing(await people.server.sign_in("acme", "carla@acme.test")) as another:
        assert (await another.post("/logout")).status_code == 303
    assert await people.link_works()


async def test_what_confirms_an_address_is_bound_to_the_address_alone(database: Database) -> None:
    async with database.write(ACME) as transaction:
        member = await find_member(transaction, "ana@acme.test")
        assert member
        token = await make_token(transaction, member, "confirm")
        member.password_hash = "another"
        assert await find_token(transaction, token, "confirm") is member
        member.email = "ana@elsewhere.test"
        assert await find_token(transaction, token, "confirm") is None


async def test_an_admin_changes_no_invitation_to_be_an_owner(people: People) -> None:
    invited = await people.ana.post("/members/invitations", data={"email": "eva@example.org", "role": "owner"})
    assert invited.status_code == 303
    made = await people.ana.post("/members/links", data={"uses": "1", "days": "1", "role": "owner"})
    assert made.status_code == 200
    before = people.server.store.rows("SELECT token_hash, expires_at, revoked_at FROM invitation")
    shown = await people.bruno.get("/members")
    assert "eva@example.org" in shown.text
    assert "/members/invitations/" not in shown.text.replace('action="/members/invitations"', "")
    for path in ("1/resend", "1/revoke", "2/revoke"):
        refused = await people.bruno.post(f"/members/invitations/{path}")
        assert refused.status_code == 403
        assert "Only owners can change invitations for owners." in refused.text
    over = await people.bruno.post("/members/invitations", data={"email": "eva@example.org", "role": "member"})
    assert over.status_code == 422
    assert "An owner has already invited this address." in over.text
    assert people.server.store.rows("SELECT token_hash, expires_at, revoked_at FROM invitation") == before
    assert (await people.ana.post("/members/invitations/1/resend")).status_code == 303
    assert (await people.ana.post("/members/invitations/2/revoke")).status_code == 303


async def test_the_newest_fifty_sessions_are_kept_and_the_sockets_of_others_are_closed(
    server: Server,
) -> None:
    database = open_database(server.store.url)
    async with aclosing(await server.sign_in("acme", "carla@acme.test")) as first:
        async with database.write(ACME) as transaction:
            member = await find_member(transaction, "carla@acme.test")
            assert member
            for number in range(645):
                transaction.add(
                    Session(
                        token_hash=number.to_bytes(32, "big"),
                        member_id=member.id,
                        expires_at=member.joined_at.replace(year=2999),
                        address="192.0.2.1",
                        agent="a browser",
                    )
                )
        async with server.connect("acme", first) as socket:
            await hello(socket, ["tenant"], 0)
            async with aclosing(await server.sign_in("acme", "carla@acme.test")) as second:
                ends: set[str] = set()
                for number in (1, 2, 3):
                    page = await second.get(f"/account/security?page={number}")
                    assert page.status_code == 200
                    ends |= set(re.findall(r"/account/sessions/\d+/end", page.text))
                    assert len(page.content) < 60_000
                assert len(ends) == MOST_SESSIONS - 1
            await socket.wait_closed()
            assert socket.close_code == 4401
        assert (await first.get("/account")).status_code == 303
    await database.close()
    assert server.store.rows("SELECT count(*) FROM session") == [(MOST_SESSIONS,)]


async def test_a_browser_that_is_used_is_kept_before_newer_ones_that_are_not(database: Database) -> None:
    async with database.write(ACME) as transaction:
        member = await find_member(transaction, "carla@acme.test")
        assert member
        for number in range(MOST_SESSIONS):
            await start_session(transaction, member, address="192.0.2.1", agent=f"{number}")
    async with database.write(ACME) as transaction:
        used = await transaction.get_one(Session, 1)
        used.seen_at = used.seen_at.replace(year=2999)
    async with database.write(ACME) as transaction:
        member = await find_member(transaction, "carla@acme.test")
        assert member
        await start_session(transaction, member, address="192.0.2.1", agent="newest")
        await transaction.flush()
        assert await transaction.get(Session, 1) is not None
        assert await transaction.get(Session, 2) is None


async def test_an_operator_has_no_more_sessions_either(database: Database, store: Store) -> None:
    async with database.write() as transaction:
        operator = await find_operator(transaction, "op@hero.test")
        assert operator
        for _ in range(MOST_SESSIONS + 5):
            await start_operator_session(transaction, operator.id, address="192.0.2.1")
    assert store.rows("SELECT count(*), min(id) FROM operator_session") == [(MOST_SESSIONS, 6)]
