"""Promise 1, first wall: a transaction reaches the rows of its tenant alone. Each known hole is tried."""

from __future__ import annotations

import pytest
from sqlalchemy import Connection, delete, func, insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError

from app.accounts.members import Member
from app.accounts.sessions import Session
from app.database import Database, Tenant, TenantScopeError, postgresql
from app.database.types import now
from app.records.collections import Collection
from app.records.records import Record

ACME, GLOBEX = 1, 2


async def member_of(database: Database, tenant_id: int) -> Member:
    async with database.read(tenant_id) as transaction:
        return (await transaction.scalars(select(Member).order_by(Member.id).limit(1))).one()


async def test_selects_counts_and_joins_see_one_tenant(database: Database) -> None:
    async with database.read(GLOBEX) as transaction:
        members = list(await transaction.scalars(select(Member)))
        assert {member.email for member in members} == {"gil@globex.test", "hana@globex.test"}
        assert await transaction.scalar(select(func.count(Record.id))) == 12
        joined = await transaction.execute(select(Member, Record).join(Record, Record.id == Member.id))
        assert all(record.tenant_id == GLOBEX for _, record in joined)
        assert [tenant.slug for tenant in await transaction.scalars(select(Tenant))] == ["globex"]


async def test_getting_another_tenants_row_by_its_key_finds_nothing(database: Database) -> None:
    ana = await member_of(database, ACME)
    async with database.read(GLOBEX) as transaction:
        assert await transaction.get(Member, ana.id) is None


async def test_a_transaction_without_a_tenant_raises(database: Database) -> None:
    async with database.read() as transaction:
        for statement in (
            select(Member),
            select(func.count()).select_from(Record),
            select(Tenant).join(Member, Member.tenant_id == Tenant.id),
            select(Tenant).where(Tenant.id.in_(select(Member.tenant_id))),
        ):
            with pytest.raises(TenantScopeError):
                await transaction.execute(statement)
        with pytest.raises(TenantScopeError):
            await transaction.get(Member, 1)


async def test_plain_sql_is_refused(database: Database) -> None:
    async with database.read(GLOBEX) as transaction:
        for statement in (text("SELECT * FROM member"), select(Member.__table__), update(Member.__table__)):
            with pytest.raises(TenantScopeError):
                await transaction.execute(statement)
        with pytest.raises(TenantScopeError):
            await transaction.execute(select(Member).from_statement(text("SELECT * FROM member")))


async def test_updates_and_deletes_by_criteria_touch_one_tenant(database: Database) -> None:
    async with database.write(GLOBEX) as transaction:
        await transaction.execute(update(Member).values(name="changed"))
        await transaction.execute(delete(Session))
    assert (await member_of(database, ACME)).name == "Ana"
    assert (await member_of(database, GLOBEX)).name == "changed"


async def test_inserts_and_updates_by_primary_key_are_refused(database: Database) -> None:
    ana = await member_of(database, ACME)
    async with database.read(GLOBEX) as transaction:
        with pytest.raises(TenantScopeError):
            await transaction.execute(insert(Collection), [{"tenant_id": ACME, "slug": "x", "name": "x"}])
        with pytest.raises(TenantScopeError):
            await transaction.execute(update(Member), [{"id": ana.id, "name": "stolen"}])


async def test_another_tenants_object_is_not_flushed(database: Database) -> None:
    ana = await member_of(database, ACME)
    with pytest.raises(TenantScopeError):
        async with database.write(GLOBEX) as transaction:
            ana.name = "stolen"
            transaction.add(ana)
    with pytest.raises(TenantScopeError):
        async with database.write(GLOBEX) as transaction:
            transaction.add(Collection(tenant_id=ACME, slug="x", name="x"))
    assert (await member_of(database, ACME)).name == "Ana"


async def test_a_refresh_of_another_tenants_object_is_refused(database: Database) -> None:
    ana = await member_of(database, ACME)
    async with database.read(GLOBEX) as transaction:
        transaction.add(ana)
        with pytest.raises(Exception):  # noqa: B017, PT011  (the row is not found, or is refused)
            await transaction.refresh(ana)
        transaction.expunge(ana)


async def test_a_transaction_never_changes_its_tenant(database: Database) -> None:
    async with database.read(ACME) as transaction:
        with pytest.raises(TenantScopeError):
            transaction.sync_session.enter(GLOBEX)


async def test_the_database_itself_refuses_a_link_across_tenants(database: Database) -> None:
    ana = await member_of(database, ACME)
    statement = insert(inspect(Session).local_table).values(
        tenant_id=GLOBEX, token_hash=b"0", member_id=ana.id, expires_at=now(), address="", agent=""
    )
    async with database.writer.connect() as connection:
        await connection.run_sync(enter_globex)
        with pytest.raises(IntegrityError, match=r"(?i)foreign key"):
            await connection.execute(statement)


def enter_globex(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        postgresql.enter_tenant(connection, GLOBEX)
