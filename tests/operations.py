"""Operations that no form of the world of tests/test_statements.py reaches: each in a transaction of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from unittest.mock import patch

from sqlalchemy import select

from app.accounts.members import Member, add_member, find_member
from app.accounts.sessions import Session, digest
from app.database import Actor, Database, Transaction, now
from app.jobs.jobs import FUNCTIONS, ClaimedJob
from app.live.cutoff import end_expired_sessions
from app.notifications.announcements import Announcement, acknowledge
from app.notifications.models import Activity, Notification
from app.operators.workspaces import close_workspace, reopen
from app.tenants.confirmation import confirm_mail
from app.tenants.invitations import Invitation, accept_invitation
from app.tenants.members import (
    change_role,
    hand_over_ownership,
    leave_workspace,
    remove_member,
    restore_member,
    suspend_member,
)
from tests.test_isolation import SETTINGS

ACME, GLOBEX = 1, 2
# What an operation needs is put there before its `yield`, and it is done after it.
Steps = Callable[[Transaction], AsyncIterator[None]]
PAGE, COMMAND = Actor("page", member_id=1, address="192.0.2.1"), Actor("command line")


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation, by whom and where."""

    name: str
    steps: Steps
    actor: Actor
    tenant_id: int = ACME

    async def run(self, database: Database) -> None:
        """Do it, up to the commit."""
        async with database.write(self.tenant_id) as transaction:
            transaction.actor = self.actor
            async for _ in self.steps(transaction):
                await transaction.flush()


async def find(transaction: Transaction, name: str) -> Member:
    found = await find_member(transaction, f"{name}@acme.test")
    assert found
    return found


async def take_admin_away(transaction: Transaction) -> AsyncIterator[None]:
    bruno = await find(transaction, "bruno")
    bruno.role = "admin"
    yield
    await change_role(transaction, await find(transaction, "ana"), bruno, "member")


async def give_role(transaction: Transaction) -> AsyncIterator[None]:
    yield
    await change_role(transaction, None, await find(transaction, "carla"), "admin")


async def hand_over(transaction: Transaction) -> AsyncIterator[None]:
    yield
    await hand_over_ownership(transaction, await find(transaction, "ana"), await find(transaction, "carla"))


async def suspend_one(transaction: Transaction) -> AsyncIterator[None]:
    yield
    await suspend_member(transaction, await find(transaction, "carla"))


async def restore_one(transaction: Transaction) -> AsyncIterator[None]:
    carla = await find(transaction, "carla")
    carla.suspended_at = now()
    yield
    await restore_member(transaction, carla, await find(transaction, "ana"))


async def restore_by_command(transaction: Transaction) -> AsyncIterator[None]:
    carla = await find(transaction, "carla")
    carla.suspended_at = now()
    yield
    await restore_member(transaction, carla)


async def remove_one(transaction: Transaction) -> AsyncIterator[None]:
    """One whose joining Bruno has not read of yet."""
    carla = await find(transaction, "carla")
    await tell(transaction, "newcomer", ("member", carla.id), await find(transaction, "bruno"))
    yield
    await remove_member(transaction, carla)


async def leave(transaction: Transaction) -> AsyncIterator[None]:
    """With two sessions and something that waits to be mailed."""
    bruno = await find(transaction, "bruno")
    for token in ("one", "two"):
        row = {"member_id": bruno.id, "expires_at": now() + timedelta(days=1), "address": "", "agent": ""}
        transaction.add(Session(token_hash=digest(token), **row))
    await tell(transaction, "password", ("account", bruno.id), bruno, mail_at=now())
    yield
    await leave_workspace(transaction, bruno)


async def add_by_command(transaction: Transaction) -> AsyncIterator[None]:
    yield
    await add_member(transaction, email="eva@example.org", name="Eva", role="admin", password_hash="x")


async def join(transaction: Transaction) -> AsyncIterator[None]:
    row = {"email": None, "role": "member", "most_uses": 2, "made_by_id": 1}
    transaction.add(Invitation(token_hash=digest("token"), expires_at=now() + timedelta(days=1), **row))
    yield
    await accept_invitation(transaction, "token", email="eva@example.org", name="Eva", password_hash="x")


async def end_invitation(transaction: Transaction) -> AsyncIterator[None]:
    row = {"email": None, "role": "member", "most_uses": 2, "made_by_id": 1}
    invitation = Invitation(token_hash=digest("token"), expires_at=now(), **row)
    transaction.add(invitation)
    yield
    await do_job(transaction, "invitation end", invitation=invitation.id)


async def confirm(transaction: Transaction) -> AsyncIterator[None]:
    transaction.tenant.mail_confirmed_at = None
    yield
    confirm_mail(transaction, await find(transaction, "ana"))


async def acknowledge_one(transaction: Transaction) -> AsyncIterator[None]:
    bruno = await find(transaction, "bruno")
    announcement = await newest_announcement(transaction)
    await tell(transaction, "announcement", ("announcement", announcement.id), bruno, held=True)
    yield
    await acknowledge(transaction, bruno, announcement)


async def end_announcement(transaction: Transaction) -> AsyncIterator[None]:
    announcement = await newest_announcement(transaction)
    for name in ("bruno", "carla"):
        member = await find(transaction, name)
        await tell(transaction, "announcement", ("announcement", announcement.id), member, held=True)
    announcement.ends_at = now()
    yield
    await do_job(transaction, "announcement end", announcement=announcement.id)


async def end_old_sessions(transaction: Transaction) -> AsyncIterator[None]:
    sessions = (await transaction.scalars(select(Session).order_by(Session.id))).all()
    sessions[0].expires_at = now()
    yield
    await end_expired_sessions(transaction, 100)


async def suspend_workspace(transaction: Transaction) -> AsyncIterator[None]:
    """One in which somebody edits."""
    yield
    await close_workspace(transaction, "op@hero.test", reason="Unpaid")


async def suspend_by_command(transaction: Transaction) -> AsyncIterator[None]:
    yield
    await close_workspace(transaction, "", reason="Unpaid")


async def restore_workspace(transaction: Transaction) -> AsyncIterator[None]:
    transaction.tenant.suspended_at = now()
    yield
    await reopen(transaction, "op@hero.test")


async def tell(
    transaction: Transaction, kind: str, subject: tuple[str, int], member: Member, **columns: object
) -> None:
    """Put there what somebody was told and has not read."""
    activity = Activity(subject_kind=subject[0], subject_id=subject[1], number=0, actor_id=1, details={})
    transaction.add(activity)
    await transaction.flush()
    named = {"kind": kind, "subject_kind": subject[0], "subject_id": subject[1], "number": 0, "shown": True}
    row = {"activity_id": activity.id, "member_id": member.id, "held": False, **named, **columns}
    transaction.add(Notification(**row))


async def newest_announcement(transaction: Transaction) -> Announcement:
    return (await transaction.scalars(select(Announcement).order_by(Announcement.id.desc()).limit(1))).one()


async def do_job(transaction: Transaction, name: str, **payload: object) -> None:
    """Do a job's work in a transaction that is there."""

    @asynccontextmanager
    async def finishing(work: ClaimedJob) -> AsyncIterator[Transaction]:
        yield transaction

    with patch.object(ClaimedJob, "finishing", finishing):
        await FUNCTIONS[name].function(ClaimedJob(None, SETTINGS, 1, 1, ACME, dict(payload), None))  # type: ignore[arg-type]


OPERATIONS = [
    Operation("an admin is one no more", take_admin_away, PAGE),
    Operation("somebody becomes an admin by the command line", give_role, COMMAND),
    Operation("somebody hands over the workspace", hand_over, PAGE),
    Operation("somebody is suspended by the command line", suspend_one, COMMAND),
    Operation("somebody is restored", restore_one, PAGE),
    Operation("somebody is restored by the command line", restore_by_command, COMMAND),
    Operation("somebody is removed by the command line", remove_one, COMMAND),
    Operation("somebody leaves", leave, Actor("page", member_id=2, session_id=1, address="192.0.2.2")),
    Operation("somebody is added by the command line", add_by_command, COMMAND),
    Operation("somebody joins by an invitation", join, Actor("page", address="192.0.2.3")),
    Operation("an invitation ends", end_invitation, Actor()),
    Operation("an address is confirmed", confirm, Actor("page", address="192.0.2.4")),
    Operation("somebody acknowledges an announcement", acknowledge_one, Actor("page", member_id=2)),
    Operation("an announcement ends", end_announcement, Actor()),
    Operation("sessions are over", end_old_sessions, Actor()),
    Operation("a workspace is suspended by an operator", suspend_workspace, Actor("page", address="192.0.2.1")),
    Operation("a workspace is suspended by the command line", suspend_by_command, COMMAND),
    Operation(
        "a workspace is opened again by an operator", restore_workspace, Actor("page", address="192.0.2.1"), GLOBEX
    ),
]
