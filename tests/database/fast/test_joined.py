"""Rows that are written together are what they would be one after the other, and no other tenant's."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from sqlalchemy import delete, select
from sqlalchemy.orm.exc import StaleDataError

from app.accounts.members import Member
from app.chat.new_rooms import ensure_general
from app.chat.rooms import Room
from app.database import ChangedObject, Database, NewObject, NewRows, TenantScopeError
from app.live.log import LoggedEvent
from app.notifications.models import Activity, Notification

ACME, GLOBEX = 1, 2


async def list_logged(database: Database) -> list[tuple[int, str | None, datetime | None]]:
    async with database.read(ACME) as transaction:
        statement = select(LoggedEvent.cursor, LoggedEvent.kind, LoggedEvent.created_at).order_by(LoggedEvent.cursor)
        return [tuple(row) for row in await transaction.execute(statement.where(LoggedEvent.cursor > 10_000))]


@pytest.mark.parametrize("count", [1, 3])
async def test_rows_are_inserted_with_the_row_that_counts_them(database: Database, count: int) -> None:
    rows: list[dict[str, Any]] = [
        {"cursor": 10_000 + place, "channel": "x", "body": "", "data": None} for place in range(1, count + 1)
    ]
    async with database.write(ACME) as transaction:
        rows[0]["kind"] = "first"
        tenant = transaction.tenant
        await transaction.write_together(ChangedObject(tenant, {"cursor": 10_000 + count}), NewRows(LoggedEvent, rows))
        assert tenant.cursor == 10_000 + count
    kinds = ["first", None, None][:count]
    logged = await list_logged(database)
    assert [row[:2] for row in logged] == [(10_001 + place, kind) for place, kind in enumerate(kinds)]
    assert all(row[2] for row in logged), "what is not given has its default"
    async with database.read(ACME) as transaction:
        assert transaction.tenant.cursor == 10_000 + count


async def test_rows_are_not_inserted_where_what_counts_them_is_gone_or_of_another_tenant(database: Database) -> None:
    row = {"cursor": 10_001, "channel": "x", "body": ""}
    with pytest.raises(StaleDataError):
        async with database.write(ACME) as transaction:
            room = await ensure_general(transaction)
            await transaction.execute(delete(Room).where(Room.id == room.id))
            await transaction.write_together(ChangedObject(room, {"last_number": 1}), NewRows(LoggedEvent, [row]))
    async with database.write(GLOBEX) as transaction:
        other = await ensure_general(transaction)
    for tenant_id in (ACME, None):
        with pytest.raises(TenantScopeError):
            async with database.write(tenant_id) as transaction:
                await transaction.write_together(ChangedObject(other, {"last_number": 1}), NewRows(LoggedEvent, [row]))
    assert await list_logged(database) == []


def activity(**other: Any) -> Activity:
    return Activity(subject_kind="room", subject_id=1, details={"excerpt": 'é "quoted"'}, **other)


def told(member_id: int) -> dict[str, Any]:
    return {"member_id": member_id, "kind": "mention", "subject_kind": "room", "subject_id": 1, "number": 3}


@pytest.mark.parametrize("count", [1, 3])
async def test_a_row_is_inserted_with_those_that_refer_to_it(database: Database, count: int) -> None:
    async with database.write(ACME) as transaction:
        members = list((await transaction.scalars(select(Member.id).order_by(Member.id).limit(count))).all())
        written = activity()
        rows = NewRows(Notification, [told(each) for each in members], link="activity_id")
        await transaction.write_together(NewObject(written), rows)
        assert (written.tenant_id, written.number) == (ACME, 0)
        assert None not in (written.id, written.created_at)
        assert await transaction.get(Activity, written.id) is written
        written.number = 7
    async with database.read(ACME) as transaction:
        read = await transaction.get_one(Activity, written.id)
        assert (read.number, read.details, read.created_at) == (7, written.details, written.created_at)
        statement = select(Notification).where(Notification.activity_id == read.id).order_by(Notification.member_id)
        found = (await transaction.scalars(statement)).all()
        assert [each.member_id for each in found] == members
        assert {(each.shown, each.held, each.number, each.mail_at) for each in found} == {(True, False, 3, None)}


async def test_what_refers_to_a_row_of_another_tenant_is_not_inserted(database: Database) -> None:
    for tenant_id, owner in ((ACME, GLOBEX), (None, None)):
        with pytest.raises(TenantScopeError):
            async with database.write(tenant_id) as transaction:
                rows = NewRows(Notification, [told(1)], link="activity_id")
                await transaction.write_together(NewObject(activity(tenant_id=owner)), rows)
