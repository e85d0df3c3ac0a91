"""Alembic's environment: the models' tables, on the database of the settings."""

import asyncio
import threading

from alembic import context
from sqlalchemy import Connection, create_engine, event, make_url
from sqlalchemy.ext.asyncio import create_async_engine

import app.accounts.audit
import app.accounts.tokens
import app.chat.attachments
import app.chat.timeline
import app.editing.drafts
import app.editing.waiting_rows
import app.jobs.jobs
import app.live.log
import app.mail.outbox
import app.notifications.announcements
import app.notifications.preferences
import app.operators.figures
import app.operators.log
import app.operators.operators
import app.records.records
import app.tenants.invitations  # noqa: F401
from app.database import Base, postgresql
from app.database.sqlite import BUSY_TIMEOUT
from app.migration import is_ordinary, refuse_newer

URL = context.config.get_main_option("sqlalchemy.url") or ""


def migrate(connection: Connection) -> None:
    """Run the migrations, all in one transaction; on PostgreSQL what they have made is behind its wall then."""
    refuse_newer(connection)
    connection.rollback()  # what it has read began a transaction, in which Alembic would not commit its own
    role_url = context.config.attributes.get("role_url")
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=False,
        include_object=is_ordinary,
        transactional_ddl=True,
    )
    if role_url is not None and is_done(connection, role_url):
        return
    with context.begin_transaction():
        if role_url is not None:
            postgresql.open_for_migration(connection)
        context.run_migrations()
        if role_url is not None:
            postgresql.ensure_role(connection, role_url)
            postgresql.protect(connection, make_url(role_url).username or "")


def is_done(connection: Connection, role_url: str) -> bool:
    """Whether nothing is to be done: then no table is locked, as other processes may be at work."""
    newest = context.get_head_revision()
    return (
        context.get_revision_argument() == newest == context.get_context().get_current_revision()
        and postgresql.is_protected(connection, make_url(role_url).username or "")
    )


async def migrate_postgresql() -> None:
    """Migrate by the driver that the program uses anyway."""
    engine = create_async_engine(URL)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(migrate)
            await connection.commit()
    finally:
        await engine.dispose()


def run_in_thread() -> None:
    """Migrate in a thread, as there may be an event loop in this one."""
    failed: list[BaseException] = []

    def work() -> None:
        try:
            asyncio.run(migrate_postgresql())
        except BaseException as error:
            failed.append(error)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    if failed:
        raise failed[0]


if URL.startswith("postgresql"):
    run_in_thread()
else:
    # The driver's own transactions begin at the first row that is changed, and leave out what is done to tables.
    engine = create_engine(URL, connect_args={"isolation_level": None, "timeout": BUSY_TIMEOUT})

    @event.listens_for(engine, "begin")
    def begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    with engine.connect() as connection:
        migrate(connection)
    engine.dispose()
