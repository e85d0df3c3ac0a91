"""PostgreSQL as this program needs it: connections that fail in clear words, and the wall of row-level security."""

from __future__ import annotations

import builtins
import time
from typing import Any

from sqlalchemy import ColumnElement, Connection, Text, cast, event, func, make_url, text
from sqlalchemy.exc import DBAPIError, InterfaceError, InvalidatePoolError, TimeoutError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

# How long to wait: for a connection to open or to become free, for a lock, for a statement.
CONNECT_SECONDS = 5
POOL_SECONDS = 10
LOCK_MILLISECONDS = 10_000
STATEMENT_MILLISECONDS = 30_000
# Longer than this a connection has not been used: whether it still leads to the server is asked first.
ASK_AFTER_SECONDS = 5
# How many statements the server keeps for each connection: all that pages and posts use. Each takes some 30 kB there.
KEPT_STATEMENTS = 250
# For an answer, from a server that does not keep to that itself: its machine is stopped, or the link to it is dead.
ANSWER_SECONDS = 35
# Where the driver's errors are, which SQLAlchemy imports when it is asked for this database.
DRIVER = "sqlalchemy.dialects.postgresql.asyncpg"
# Classes of SQLSTATE that say 'not now' and not 'never': connection lost, serialization failure or deadlock, out of
# resources, not available or cancelled, shutting down (https://www.postgresql.org/docs/current/errcodes-appendix.html).
NOT_NOW = ("08", "40", "53", "55", "57", "58")

# A workspace's rows, whoever asks. `tenant` itself is read by its address before it is known which one is meant.
OWN = "tenant_id = nullif(current_setting('app.tenant', true), '')::bigint"
COUNTING = "current_setting('app.counting', true) = 'on'"
OWN_TENANT = "id = nullif(current_setting('app.tenant', true), '')::bigint"
# The owner reads this one for the program, through a function that looks into one workspace (fulltext.py).
READ_BY_OWNER = "message_index"


class RoleError(Exception):
    """The role that the program connects with is not one that row-level security holds for."""


def create_engine(url: str, *, reads: bool, pool_size: int) -> AsyncEngine:
    """An engine for reading transactions, each in one snapshot, or for writing ones."""
    engine = create_async_engine(
        url,
        pool_size=pool_size,
        max_overflow=0,
        pool_timeout=POOL_SECONDS,
        connect_args={
            "timeout": CONNECT_SECONDS,
            "prepared_statement_cache_size": KEPT_STATEMENTS,
            "command_timeout": ANSWER_SECONDS,
            "server_settings": {
                "application_name": "mutirao",
                "lock_timeout": str(LOCK_MILLISECONDS),
                "statement_timeout": str(STATEMENT_MILLISECONDS),
                "idle_in_transaction_session_timeout": str(2 * STATEMENT_MILLISECONDS),
            },
        },
        execution_options={"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
        if reads
        else {"isolation_level": "READ COMMITTED"},
    )

    @event.listens_for(engine.sync_engine, "do_connect")
    def connect(dialect: Any, record: Any, arguments: Any, options: Any) -> Any:
        """Connect; what the network says becomes an error of the database."""
        try:
            return dialect.connect(*arguments, **options)
        except (OSError, EOFError) as error:  # TimeoutError is an OSError
            raise InterfaceError("connect", None, error) from error

    @event.listens_for(engine.sync_engine, "checkin")
    def note_use(connection: Any, record: Any) -> None:
        """Note when a connection was used last."""
        record.info["used_at"] = time.monotonic()

    @event.listens_for(engine.sync_engine, "checkout")
    def check_connection(connection: Any, record: Any, proxy: Any) -> None:
        """Have a connection replaced that the server has closed, so that after its restart the first request gets a new
        one. Whether one still leads anywhere is asked only where nothing has told lately: that costs two trips."""
        idle = time.monotonic() - record.info.get("used_at", time.monotonic())
        if connection._connection.is_closed() or (idle > ASK_AFTER_SECONDS and not answers(connection)):
            raise InvalidatePoolError("the server has closed this connection")

    return engine


def answers(connection: Any) -> bool:
    """Whether a pooled connection still leads to a server."""
    try:
        connection.ping()
    except connection.dbapi.Error:
        return False
    return True


def is_away(error: BaseException | None) -> bool:
    """Whether an exception says that the database can't do it now: it may be tried again."""
    if isinstance(error, TimeoutError | builtins.TimeoutError | InterfaceError | ConnectionError):
        return True
    if not isinstance(error, DBAPIError):
        return False
    # The driver's own error is of a connection that was lost in the middle of an answer.
    if is_stale_statement(error) or name_driver_error(error) == "InternalClientError":
        return True
    code = getattr(error.orig, "sqlstate", None) or ""
    return error.connection_invalidated or code[:2] in NOT_NOW


def is_stale_statement(error: BaseException | None) -> bool:
    """Whether an exception says that a statement was prepared for a table as it is not any more. It is prepared anew in
    the next transaction: this one can't go on."""
    if not isinstance(error, DBAPIError):
        return False
    name = name_driver_error(error)
    return name == "InvalidCachedStatementError" or (
        name == "InternalServerError" and "cache lookup failed" in str(error.orig)
    )


def name_driver_error(error: DBAPIError) -> str:
    """What the driver of this database calls its own error below an exception; nothing where it is another's."""
    kind = type(error.orig)
    return kind.__name__ if kind.__module__ == DRIVER else ""


def telling(tenant_id: Any) -> ColumnElement[str]:
    """A column of a select that lets the policies of this transaction pass the rows of the workspace that it finds."""
    return func.set_config("app.tenant", cast(tenant_id, Text), True)


def enter_tenant(connection: Connection, tenant_id: int) -> None:
    """Let the policies of this transaction pass the rows of one workspace."""
    connection.execute(text("SELECT set_config('app.tenant', :tenant, true)"), {"tenant": str(tenant_id)})


def start_counting(connection: Connection) -> None:
    """Let the policies of this transaction pass all rows for reading: what is read of them is judged in tenancy.py."""
    connection.execute(text("SELECT set_config('app.counting', 'on', true)"))


def open_for_migration(connection: Connection) -> None:
    """Wait for other migrations, and let the owner see all rows until `protect`."""
    connection.execute(text("SELECT pg_advisory_xact_lock(727004)"))
    for table in list_tables(connection):
        connection.execute(text(f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"))


def protect(connection: Connection, role: str) -> None:
    """Put every table that belongs to workspaces behind its policy, and let the program's role read and write.

    It runs at the end of each migration, over all tables that are there, so that no migration can forget it.
    """
    tables = list_tables(connection)
    if not tables:  # all the way down
        return
    for table in tables:
        renew_policy(connection, table, "own", f"USING ({OWN}) WITH CHECK ({OWN})")
        if table != READ_BY_OWNER:
            renew_policy(connection, table, "counted", f"FOR SELECT USING ({COUNTING})")
            connection.execute(text(f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"))
    renew_policy(connection, "tenant", "found", "FOR SELECT USING (true)")
    renew_policy(connection, "tenant", "made", "FOR INSERT WITH CHECK (true)")
    # A writing transaction finds its workspace and locks it in one statement; it can change no other.
    renew_policy(connection, "tenant", "changed", f"FOR UPDATE USING (true) WITH CHECK ({OWN_TENANT})")
    renew_policy(connection, "tenant", "deleted", f"FOR DELETE USING ({OWN_TENANT})")
    quoted = connection.dialect.identifier_preparer.quote(role)
    schema = connection.dialect.identifier_preparer.quote(connection.scalar(text("SELECT current_schema()")))
    for statement in (
        f"GRANT USAGE ON SCHEMA {schema} TO {quoted}",
        f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA {schema} TO {quoted}",
        f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {quoted}",
        f"GRANT USAGE ON ALL SEQUENCES IN SCHEMA {schema} TO {quoted}",
        f"GRANT EXECUTE ON FUNCTION search_message_index TO {quoted}",
    ):
        connection.execute(text(statement))


def is_protected(connection: Connection, role: str) -> bool:
    """Whether `protect` has nothing left to do for a role."""
    statement = text(
        "SELECT bool_and((relrowsecurity AND (relforcerowsecurity OR relname IN ('tenant', :read_by_owner)))"
        "  OR relname <> 'tenant' AND NOT EXISTS ("
        "   SELECT 1 FROM pg_attribute WHERE attrelid = pg_class.oid AND attname = 'tenant_id'))"
        " AND bool_and(has_table_privilege(pg_roles.oid, pg_class.oid, 'INSERT'))"
        " FROM pg_class, pg_roles WHERE rolname = :role AND relnamespace = current_schema()::regnamespace"
        " AND relkind = 'r' AND relname <> 'alembic_version'"
    )
    return bool(connection.scalar(statement, {"role": role, "read_by_owner": READ_BY_OWNER}))


def renew_policy(connection: Connection, table: str, name: str, rule: str) -> None:
    """Make a policy what it has to be now."""
    connection.execute(text(f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"))
    connection.execute(text(f"DROP POLICY IF EXISTS {name} ON {table}"))
    connection.execute(text(f"CREATE POLICY {name} ON {table} {rule}"))


def list_tables(connection: Connection) -> list[str]:
    """The tables with a column `tenant_id`, quoted where they need it."""
    statement = text(
        "SELECT quote_ident(relname) FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid"
        " WHERE relnamespace = current_schema()::regnamespace AND relkind IN ('r', 'p') AND attname = 'tenant_id'"
        " ORDER BY relname"
    )
    return list(connection.scalars(statement))


def ensure_role(connection: Connection, url: str) -> None:
    """Make the program's role, with the password of its URL, where there is none.

    Raises RoleError when the connected role may not.
    """
    wanted = make_url(url)
    name = wanted.username or ""
    if connection.scalar(text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": name}):
        return
    if not connection.scalar(text("SELECT rolcreaterole OR rolsuper FROM pg_roles WHERE rolname = current_user")):
        raise RoleError(f"there is no role {name}, and this one may not make it: CREATE ROLE {name} LOGIN PASSWORD '…'")
    quoted = connection.dialect.identifier_preparer.quote(name)
    password = (wanted.password or "").replace("'", "''")
    connection.execute(text(f"CREATE ROLE {quoted} LOGIN PASSWORD '{password}'".replace(":", r"\:")))


def check_database_role(connection: Connection) -> None:
    """Raise RoleError when row-level security would not hold for the connected role."""
    row = connection.execute(
        text(
            "SELECT current_user AS name, rolsuper OR rolbypassrls AS above,"
            " EXISTS (SELECT 1 FROM pg_class WHERE relnamespace = current_schema()::regnamespace"
            "  AND relkind = 'r' AND pg_has_role(current_user, relowner, 'MEMBER')) AS owns"
            " FROM pg_roles WHERE rolname = current_user"
        )
    ).one()
    if row.above:
        raise RoleError(
            f"the role {row.name} is a superuser or has BYPASSRLS: row-level security would not hold for it."
            " Give the program a plain role, and the other one as DATABASE_OWNER_URL"
        )
    if row.owns:
        raise RoleError(
            f"the role {row.name} owns the tables: it could take row-level security away."
            " Give the program a role that owns nothing, and the owner as DATABASE_OWNER_URL"
        )
