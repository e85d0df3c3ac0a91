"""Which sessions are in use is written for all of them at once, and not more than once a minute."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import event, select

from app.accounts.members import Member
from app.accounts.sessions import Session
from app.accounts.visits import Visits
from app.database import Database, now
from app.live.cutoff import start_session
from app.live.site import Visitor, WorkspaceSite
from app.settings import read_settings


async def list_sessions(database: Database) -> list[Session]:
    async with database.read(1) as transaction:
        return list(await transaction.scalars(select(Session).order_by(Session.id)))


def visitor_of(session: Session) -> Visitor:
    """Whose page opens a socket with a session."""
    who = {"id": session.member_id, "name": "Ana", "session_id": session.id, "seen_at": session.seen_at}
    return Visitor(tenant_id=1, language="en", cursor=0, expires_at=session.expires_at, **who)


async def test_sessions_that_come_together_are_marked_by_one_writer(database: Database) -> None:
    before = now() - timedelta(hours=1)
    async with database.write(1) as transaction:
        member = (await transaction.scalars(select(Member))).first()
        assert member is not None
        for _ in range(50):
            await start_session(transaction, member, address="127.0.0.1", agent="test")
        for session in await transaction.scalars(select(Session)):
            session.seen_at = before
    commits: list[object] = []
    event.listen(database.writer.sync_engine, "commit", commits.append)
    visits = Visits(database)
    site = WorkspaceSite(read_settings({}, make=False), visits)
    for session in await list_sessions(database):
        site.note_visit(visitor_of(session))
    await visits.write()
    assert all(session.seen_at > before for session in await list_sessions(database))
    assert len(commits) == 1
    for session in await list_sessions(database):
        site.note_visit(visitor_of(session))
    await visits.write()
    assert len(commits) == 1


async def test_a_workspace_that_is_gone_does_not_keep_others_from_it(database: Database) -> None:
    before = now() - timedelta(hours=1)
    async with database.write(1) as transaction:
        member = (await transaction.scalars(select(Member))).first()
        assert member is not None
        await start_session(transaction, member, address="127.0.0.1", agent="test")
        for session in await transaction.scalars(select(Session)):
            session.seen_at = before
    visits = Visits(database)
    visits.note(99, 1)
    for session in await list_sessions(database):
        visits.note(1, session.id)
    visits.note(98, 1)
    await visits.write()
    assert all(session.seen_at > before for session in await list_sessions(database))
