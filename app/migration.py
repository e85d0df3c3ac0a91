"""Migrations, run by Alembic; copies of the database; and the move to another one.

Alembic is imported when there is something to be done: a process that serves has no use for it.
"""

from __future__ import annotations

import asyncio
import functools
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from msgspec import Struct
from sqlalchemy import Connection, Select, column, create_engine, inspect, make_url, select, table
from sqlalchemy.exc import DatabaseError
from sqlalchemy.ext.asyncio import create_async_engine

from app.database import Base, Database, postgresql
from app.database.copying import Compared, CopyError, copy_tables
from app.database.sqlite import open_snapshot
from app.settings import SettingsError

if TYPE_CHECKING:
    from alembic.config import Config
    from alembic.script import ScriptDirectory

PACKAGE = Path(__file__).parent
# Installed, they are in the package (pyproject.toml puts them there); in a checkout, beside it.
MIGRATIONS = next(path for path in (PACKAGE / "migrations", PACKAGE.parent / "migrations") if path.is_dir())

TABLES_VERSION: Select[str] = select(column("version_num")).select_from(table("alembic_version"))
# What a migration says of itself, and of the one that it comes after.
REVISION = re.compile(r'^revision = "(\w+)"\ndown_revision = (?:"(\w+)"|None)$', re.MULTILINE)


@functools.cache
def read_scripts(folder: Path) -> ScriptDirectory:
    """The migrations in a folder, read once: a start asks for them two to four times."""
    from alembic.script import ScriptDirectory

    return ScriptDirectory(str(folder))


def configuration(url: str, owner_url: str = "") -> Config:
    """Alembic's configuration, without a file. `role_url` in it is for PostgreSQL: whom the tables are made for."""
    from alembic.config import Config

    config = Config()
    if url.startswith("postgresql"):
        config.attributes["role_url"] = url
        url = owner_url or url
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%").replace("sqlite+aiosqlite", "sqlite"))
    return config


def is_ordinary(thing: Any, name: str | None, kind: str, reflected: bool, compared_to: Any) -> bool:
    """Whether models and database are compared in this; not in full-text indexes, which are virtual tables."""
    return kind != "table" or not (thing.info.get("virtual") or (name or "").startswith("message_index"))


class MigrationPlan(Struct, frozen=True):
    """Which migrations bring the tables up to this version, and why no earlier program can run meanwhile or afterwards:
    what those of them say that have `needs_stop`."""

    revisions: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()

    def __str__(self) -> str:
        """One line, whose first word programs read: `nothing`, `running` or `stop`."""
        if self.reasons:
            return f"stop: {'; '.join(self.reasons)}"
        return f"running: {' '.join(self.revisions)}" if self.revisions else "nothing"


def plan_migration(url: str, owner_url: str = "") -> MigrationPlan:
    """What there is to be done to the tables; nothing is changed. On PostgreSQL there is no event loop here.

    Raises SettingsError when they are newer.
    """

    async def ask_postgresql() -> MigrationPlan:
        engine = create_async_engine(owner_url or url)
        try:
            async with engine.connect() as connection:
                return await connection.run_sync(find_pending)
        finally:
            await engine.dispose()

    if url.startswith("postgresql"):
        return asyncio.run(ask_postgresql())
    path = make_url(url).database
    if not path or not Path(path).exists():  # to connect would make it
        return MigrationPlan(tuple(list_table_versions()))
    engine = create_engine(url.replace("sqlite+aiosqlite", "sqlite"))
    try:
        with engine.connect() as connection:
            return find_pending(connection)
    finally:
        engine.dispose()


def find_pending(connection: Connection) -> MigrationPlan:
    """What there is to be done to these tables; of none that are there yet nobody makes use."""
    refuse_newer(connection)
    current, _ = find_revisions(connection)
    known = list_table_versions()
    pending = known[known.index(current) + 1 :] if current else known
    modules = [read_scripts(MIGRATIONS).get_revision(each).module for each in pending]
    reasons = [f"{each.revision} {each.needs_stop}" for each in modules if hasattr(each, "needs_stop")]
    return MigrationPlan(tuple(pending), tuple(reasons) if current else ())


def migrate_database(url: str, owner_url: str = "") -> None:
    """Bring the tables up to this version, in one transaction; nothing happens when they are.

    On PostgreSQL the owner of the tables does it, and gives the role of `url` what the program needs.

    Raises RoleError when there is no such role and the owner may not make it, SettingsError when they are newer.
    """
    path = make_url(url).database
    if path and url.startswith("sqlite"):
        if not plan_migration(url).revisions:
            return
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    from alembic.runtime.environment import EnvironmentContext

    scripts = read_scripts(MIGRATIONS)
    with EnvironmentContext(
        configuration(url, owner_url),
        scripts,
        fn=lambda revision, context: scripts._upgrade_revs("head", revision),
        destination_rev="head",
    ):
        scripts.run_env()


def list_table_versions() -> list[str]:
    """The versions of the tables that this program knows, the first one first; as they were when first asked for,
    whatever is installed afterwards."""
    return read_version_files(MIGRATIONS)


@functools.cache
def read_version_files(folder: Path) -> list[str]:
    """The versions of which the migrations in a folder say that they lead to them, the first one first."""
    found = [REVISION.search(path.read_text()) for path in (folder / "versions").glob("*.py")]
    following = {each[2]: each[1] for each in found if each}
    versions = [following[None]]
    while versions[-1] in following:
        versions.append(following[versions[-1]])
    return versions


def list_found(connection: Connection) -> list[str]:
    """The versions that the tables say they are at: one, or none where there are no tables."""
    there = inspect(connection).has_table("alembic_version")
    return list(connection.scalars(TABLES_VERSION)) if there else []


def refuse_newer(connection: Connection) -> None:
    """Raise SettingsError when the tables were made by a version of the program that this one doesn't know, or don't
    say by which."""
    known = list_table_versions()
    revisions = list_found(connection)
    if not revisions and inspect(connection).has_table("tenant"):
        raise SettingsError(
            "DATABASE_URL: the tables are there, and alembic_version does not say of which version: restore a backup"
        )
    for revision in revisions:
        if revision not in known:
            raise SettingsError(
                f"DATABASE_URL: the tables were made by a newer version of the program (revision {revision}; this one "
                f"knows {known[-1]}): run that version again, or restore a backup from before it"
            )


def has_current_tables(connection: Connection) -> bool:
    """Whether the tables are at this version."""
    current, newest = find_revisions(connection)
    return current == newest


def find_revisions(connection: Connection) -> tuple[str | None, str | None]:
    """The version that the tables are at, None where there are none, and that of this program."""
    return next(iter(list_found(connection)), None), list_table_versions()[-1]


async def read_newer(database: Database) -> str:
    """The version that the tables are at, where this program doesn't know it, in one statement; '' where it does."""
    async with database.reader.connect() as connection:
        current = await connection.scalar(TABLES_VERSION)
    return "" if current is None or current in list_table_versions() else str(current)


async def check_tables(database: Database) -> None:
    """Raise SettingsError unless the tables are at this version."""
    async with database.reader.connect() as connection:
        await connection.run_sync(refuse_newer)
        current, newest = await connection.run_sync(find_revisions)
    if current != newest:
        raise SettingsError(
            f"DATABASE_URL: the tables are at {current}, and this version needs {newest}: run `migrate`"
        )


async def check_database(database: Database) -> None:
    """Raise RoleError unless a PostgreSQL database is at this version, and the program's role is under its policies."""
    if not database.url.startswith("postgresql"):
        return
    async with database.reader.connect() as connection:
        await connection.run_sync(refuse_newer)
        await connection.run_sync(postgresql.check_database_role)
        current = await connection.run_sync(has_current_tables)
    if not current:
        raise postgresql.RoleError("the tables are not at this version: run `migrate` with DATABASE_OWNER_URL")


def copy_database(url: str, target: Path) -> None:
    """Copy a SQLite database while it is in use, in one snapshot."""
    import sqlite3

    source = sqlite3.connect(make_url(url).database or "")
    source.execute("VACUUM INTO ?", (str(target),))
    source.close()


async def move_database(path: Path, url: str, owner_url: str) -> list[Compared]:
    """Copy a SQLite file into a migrated and empty PostgreSQL database, and prove that both hold the same.

    All models have to be imported. Nothing is kept there when this raises, and nothing is ever changed in the file.

    Raises CopyError, with one line that says why.
    """

    def copy(target: Connection) -> list[Compared]:
        try:
            with open_snapshot(path) as source:
                if not has_current_tables(source):
                    raise CopyError(f"{path} is not at this version: run `migrate` on it first")
                return copy_tables(source, target, Base.metadata, role=make_url(url).username or "")
        except DatabaseError as error:
            raise CopyError(f"the copy failed: {str(error.orig).splitlines()[0]}") from error

    engine = create_async_engine(owner_url)
    try:
        async with engine.begin() as target:
            return await target.run_sync(copy)
    finally:
        await engine.dispose()
