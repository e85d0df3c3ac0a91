"""Visits: which sessions are in use, as people see it on their account's page."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import update

from app.accounts.sessions import Session
from app.database import Database, now

SEEN_STEP = timedelta(minutes=1)


class Visits:
    """The sessions that were used just now, written down together.

    After a restart every open page comes back within some seconds: they would be as many writers.
    """

    def __init__(self, database: Database) -> None:
        self.database = database
        self.noted: dict[int, set[int]] = {}

    def note(self, tenant_id: int, session_id: int, *, seen_at: datetime) -> None:
        """Note that a session is in use, unless that was written within the last minute."""
        if now() - seen_at > SEEN_STEP:
            self.noted.setdefault(tenant_id, set()).add(session_id)

    async def write(self) -> bool:
        """Write down what was noted. False: there is nothing more to do at once."""
        while self.noted:
            tenant_id, sessions = self.noted.popitem()
            try:
                async with self.database.write(tenant_id) as transaction:
                    statement = update(Session).where(Session.id.in_(sessions)).values(seen_at=now())
                    await transaction.execute(statement.execution_options(synchronize_session=False))
            except LookupError:
                continue  # the workspace is gone, and its sessions with it
        return False
