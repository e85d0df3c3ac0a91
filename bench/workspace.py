"""A workspace of many members, each with a session, as the load generator needs it."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import asyncpg
from sqlalchemy import select

from app.accounts.members import Member
from app.accounts.sessions import Session, digest
from app.chat.memberships import Membership
from app.chat.rooms import GENERAL, Room
from app.database import Database, Tenant, now
from app.demo import WORKSPACES, seed_demo
from app.features import open_database
from app.migration import migrate_database
from app.tenants.workspaces import create_workspace


@dataclass(frozen=True, slots=True)
class Crowd:
    """The room of a workspace that all are in, the log's cursor, and a file with a token and a member's id a line."""

    room_id: int
    slug: str
    cursor: int
    lines: Path
    workspace: str = "acme"

    def hello(self, last: int | None = None) -> str:
        """What a page of the room says when it has connected, for the load generator to put the member's id in."""
        channels = f"tenant user.%u room.{self.room_id} news.{self.room_id}"
        return f'{{"sub":"{channels}","last":{self.cursor if last is None else last},"n":1}}'


async def gather_statistics(owner_url: str) -> None:
    """Have PostgreSQL look at what is in its tables, as it does by itself within a minute: until then it takes them for
    as good as empty, and goes through all members for each of them."""
    if owner_url:
        connection = await asyncpg.connect(owner_url.replace("+asyncpg", ""))
        await connection.execute("ANALYZE")
        await connection.close()


async def add_crowd(database: Database, directory: Path, tenant_id: int, members: int, sessions: int = 1) -> Crowd:
    """This many more members of a workspace in its room `general`, and sessions of each."""
    async with database.write(tenant_id) as transaction:
        workspace = transaction.tenant.slug
        room = (await transaction.scalars(select(Room).where(Room.slug == GENERAL))).one()
        people = [
            Member(email=f"m{number}@{workspace}.test", name=f"Member {number}", role="member", password_hash="")
            for number in range(members)
        ]
        transaction.add_all(people)
        await transaction.flush()
        transaction.add_all(
            Membership(room_id=room.id, member_id=person.id, read_number=room.last_number) for person in people
        )
        lines = []
        for each in range(sessions * members):
            token = secrets.token_urlsafe(32)
            member = people[each % members]
            lines.append(f"{token} {member.id}\n")
            transaction.add(
                Session(
                    token_hash=digest(token),
                    member_id=member.id,
                    expires_at=now() + timedelta(days=1),
                    address="127.0.0.1",
                    agent="load",
                )
            )
    async with database.read(tenant_id) as transaction:
        cursor = await transaction.scalar(select(Tenant.cursor).where(Tenant.id == tenant_id)) or 0
    file = directory / f"lines-{workspace}"
    file.write_text("".join(lines))
    return Crowd(room.id, room.slug, cursor, file, workspace)


async def fill(url: str, directory: Path, *, members: int, sessions: int = 1, owner_url: str = "") -> Crowd:
    """The demo with this many more members of acme in the room `general`, and sessions of each."""
    migrate_database(url, owner_url)
    database = open_database(url)
    await seed_demo(database)
    crowd = await add_crowd(database, directory, 1, members, sessions)
    async with database.read(1) as transaction:
        count = len((await transaction.scalars(select(Member.id))).all())
    await database.close()
    await gather_statistics(owner_url)
    assert count == members + len(WORKSPACES[0].people)
    return crowd


async def fill_workspaces(url: str, directory: Path, *, workspaces: int, members: int, owner_url: str) -> list[Crowd]:
    """New workspaces with this many members each, all in the room `general`, with a session."""
    migrate_database(url, owner_url)
    database = open_database(url)
    crowds = []
    for number in range(workspaces):
        async with database.write() as transaction:
            slug = f"team-{number}"
            owner = await create_workspace(
                transaction,
                slug=slug,
                name=f"Team {number}",
                language="en",
                owner="Owner",
                email=f"owner@{slug}.test",
                password_hash="",
            )
        crowds.append(await add_crowd(database, directory, owner.tenant_id, members))
    await database.close()
    await gather_statistics(owner_url)
    return crowds
