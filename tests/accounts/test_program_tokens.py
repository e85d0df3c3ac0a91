"""Tokens: made once, known by their checksum, ended at once with what is theirs."""

from __future__ import annotations

from contextlib import aclosing
from datetime import timedelta
from typing import Any

import pytest

from app.accounts.members import Member, find_member
from app.accounts.program_tokens import (
    Token,
    WantedToken,
    end_token,
    find_by_secret,
    is_well_formed,
    make_program_token,
    make_secret,
    note_uses,
)
from app.accounts.scopes import SCOPES, Grant
from app.accounts.visits import Visits
from app.database import Actor, Database, Transaction, now
from app.editing.locks import take_lock
from app.records.collections import get_collection
from app.records.records import Record, get_record
from app.tenants.audit_list import select_entries
from app.tenants.members import restore_member, suspend_member
from app.web.forms import Invalid
from tests.conftest import Server

ACME, GLOBEX = 1, 2


async def find(transaction: Transaction, name: str) -> Member:
    found = await find_member(transaction, f"{name}@acme.test")
    assert found
    return found


async def make(transaction: Transaction, **said: Any) -> tuple[Token, str]:
    """A token of Carla's."""
    wanted: dict[str, Any] = {"name": "nightly", "scopes": list(SCOPES), **said}
    return await make_program_token(transaction, await find(transaction, "carla"), WantedToken(**wanted))


async def take_with(transaction: Transaction, token: Token) -> Record | None:
    """Record 40, locked by Carla's program, if it could be."""
    carla = await find(transaction, "carla")
    transaction.actor = Actor("token", member_id=carla.id, token_id=token.id, program=token.name)
    record = await get_record(transaction, await get_collection(transaction, "books"), 40)
    return record if await take_lock(transaction, record, carla, lease=60) else None


def test_a_token_is_known_by_how_it_begins_and_by_its_checksum() -> None:
    secret = make_secret()
    assert secret.startswith("mut_")
    assert len(secret) == 53
    assert is_well_formed(secret)
    other = "A" if secret[10] != "A" else "B"
    for wrong in (secret[:-1], secret + "0", secret[:10] + other + secret[11:], "mut_" + "é" * 49, "", secret[4:]):
        assert not is_well_formed(wrong)


async def test_a_token_is_stored_as_a_digest_and_finds_its_member_in_its_workspace(database: Database) -> None:
    async with database.write(ACME) as transaction:
        token, secret = await make(transaction)
        assert secret.encode() not in token.token_hash
    async with database.read(ACME) as transaction:
        found = await find_by_secret(transaction, secret)
        assert found
        assert found[1].name == "Carla"
        assert await find_by_secret(transaction, make_secret()) is None
    async with database.read(GLOBEX) as transaction:
        assert await find_by_secret(transaction, secret) is None


async def test_a_token_that_is_over_or_of_somebody_kept_out_finds_nobody(database: Database) -> None:
    async def works(secret: str) -> bool:
        async with database.read(ACME) as transaction:
            return await find_by_secret(transaction, secret) is not None

    async with database.write(ACME) as transaction:
        ending, ends = await make(transaction, ends_at=now() + timedelta(days=1))
        token, secret = await make(transaction)
    async with database.write(ACME) as transaction:
        await suspend_member(transaction, await find(transaction, "carla"))
    assert not await works(secret)
    async with database.write(ACME) as transaction:
        await restore_member(transaction, await find(transaction, "carla"))
    assert await works(secret)
    async with database.write(ACME) as transaction:
        await end_token(transaction, await transaction.get_one(Token, token.id), await find(transaction, "carla"))
        (await transaction.get_one(Token, ending.id)).ends_at = now()
    assert not await works(secret)
    assert not await works(ends)


@pytest.mark.parametrize("how", ["ended", "suspended"])
async def test_what_a_token_holds_is_free_when_it_ends_or_its_member_is_kept_out(database: Database, how: str) -> None:
    async with database.write(ACME) as transaction:
        token, _ = await make(transaction)
    async with database.write(ACME) as transaction:
        record = await take_with(transaction, token)
        assert record
        assert record.lock_holder.translate("en") == "Carla, with the script “nightly”"
    async with database.write(ACME) as transaction:
        carla = await find(transaction, "carla")
        if how == "ended":
            await end_token(transaction, await transaction.get_one(Token, token.id), carla)
        else:
            await suspend_member(transaction, carla)
    async with database.read(ACME) as transaction:
        record = await get_record(transaction, await get_collection(transaction, "books"), 40)
        assert (record.lock_member_id, record.lock_program_id, record.lock_program) == (None, None, None)


async def test_nothing_is_locked_with_a_token_that_has_ended(database: Database) -> None:
    async with database.write(ACME) as transaction:
        token, _ = await make(transaction)
        await end_token(transaction, token, await find(transaction, "carla"))
    async with database.write(ACME) as transaction:
        assert await take_with(transaction, token) is None


async def test_the_audit_log_tells_of_making_first_use_and_end(database: Database) -> None:
    async with database.write(ACME) as transaction:
        token, _ = await make(transaction, scopes=["records:read"])
    visits = Visits(database)
    for address in ("192.0.2.1", "192.0.2.2"):
        visits.note_used(ACME, token.id, address)
        await visits.write()
    async with database.write(ACME) as transaction:
        found = await transaction.get_one(Token, token.id)
        assert found.used_from == "192.0.2.2"
        await end_token(transaction, found, await find(transaction, "carla"))
        await note_uses(transaction, {99: "192.0.2.1"})  # which is gone
    async with database.read(ACME) as transaction:
        entries = await transaction.column(select_entries(()), most=100)
    told = [(each.what, each.subject, each.address) for each in reversed(entries) if each.what.startswith("token.")]
    carla = "carla@acme.test"
    assert told == [("token.made", carla, ""), ("token.used", carla, "192.0.2.1"), ("token.ended", carla, "")]


async def test_a_token_says_what_it_may_do_and_there_are_not_too_many(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.accounts.program_tokens.MOST_TOKENS", 1)
    async with database.write(ACME) as transaction:
        for said in ({"scopes": []}, {"scopes": ["everything"]}, {"ends_at": now()}):
            with pytest.raises(Invalid):
                await make(transaction, **said)
        await make(transaction)
        with pytest.raises(Invalid):
            await make(transaction)


def test_who_may_write_may_read_and_narrowing_is_of_each_kind_alone() -> None:
    grant = Grant(frozenset({"records:write"}), {"collection": frozenset({3})})
    assert [scope for scope in SCOPES if grant.holds(scope)] == ["records:read", "records:write"]
    assert grant.reaches([("collection", 3)])
    assert not grant.reaches([("collection", 4)])
    assert grant.reaches([("room", 4)])
    assert not grant.reaches([("room", 4), ("collection", 0)]), "a discussion may be about anything"


async def test_tokens_are_made_listed_and_ended_by_the_command_line(server: Server) -> None:
    made = server.run("token", "add", "acme", "ana@acme.test", "--name", "nightly", "--scope", "records:read")
    assert made.returncode == 0, made.stderr
    assert is_well_formed(made.stdout.removesuffix("\n"))
    listed = server.run("token", "list", "acme").stdout.splitlines()
    number = listed[0].split("\t")[0]
    assert listed == [f"{number}\tana@acme.test\tnightly\trecords:read"]
    assert server.run("token", "end", "acme", number).returncode == 0
    assert server.run("token", "list", "acme").stdout == ""
    again = server.run("token", "end", "acme", number)
    assert (again.returncode, again.stderr) == (1, "Error: This token has already been revoked.\n")
    narrowed = ("--collection", "books", "--room", "general", "--days", "3", "--origin", "https://example.org")
    assert server.run("token", "add", "acme", "ana@acme.test", "--name", "n", *narrowed).returncode == 0
    unknown = server.run("token", "add", "acme", "ana@acme.test", "--name", "n", "--collection", "poems")
    assert "Nothing here has the address “poems”" in unknown.stderr
    assert "no member" in server.run("token", "add", "acme", "nobody@acme.test", "--name", "n").stderr


async def test_an_admin_sees_all_tokens_and_ends_them(server: Server) -> None:
    async with (
        aclosing(server.let_in("acme", "carla@acme.test")) as carla,
        aclosing(server.let_in("acme", "bruno@acme.test")) as bruno,
    ):
        made = await carla.post("/account/tokens", data={"name": "nightly", "scopes": "records:read"})
        assert "mut_" in made.text
        assert "mut_" not in (await carla.get("/account/tokens")).text
        ((number,),) = server.store.rows("SELECT id FROM token")
        listed = await bruno.get("/settings/tokens")
        assert "nightly" in listed.text
        assert "Carla" in listed.text
        assert (await carla.get("/settings/tokens")).status_code == 403
        assert (await bruno.get(f"/account/tokens/{number}/end")).status_code == 404, "it is not his own"
        assert (await bruno.post(f"/settings/tokens/{number}/end")).status_code == 303
        assert "nightly" not in (await bruno.get("/settings/tokens")).text
        assert (await bruno.post(f"/settings/tokens/{number}/end")).status_code == 404
