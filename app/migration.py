"""Migrations, run by Alembic from migrations/; and copies of the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import make_url

from app.database import Database, postgresql

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def configuration(url: str, owner_url: str = "") -> Config:
    """Alembic's configuration, without a file. `role_url` in it is for PostgreSQL: whom the tables are made for."""
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


def migrate_database(url: str, owner_url: str = "") -> None:
    """Bring the tables up to this version; nothing happens when they are.

    On PostgreSQL the owner of the tables does it, and gives the role of `url` what the program needs.

    Raises RoleError when there is no such role and the owner may not make it.
    """
    path = make_url(url).database
    if path and url.startswith("sqlite"):
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    command.upgrade(configuration(url, owner_url), "head")


async def check_database(database: Database) -> None:
    """Raise RoleError unless a PostgreSQL database is at this version, and the program's role is under its policies."""
    if not database.url.startswith("postgresql"):
        return
    newest = ScriptDirectory(str(MIGRATIONS)).get_current_head()
    async with database.reader.connect() as connection:
        await connection.run_sync(postgresql.check_role)
        found = await connection.run_sync(lambda sync: MigrationContext.configure(sync).get_current_revision())
    if found != newest:
        raise postgresql.RoleError(
            "the tables are not at this version: run `python -m app migrate` with DATABASE_OWNER_URL"
        )


def copy_database(url: str, target: Path) -> None:
    """Copy a SQLite database while it is in use, in one snapshot."""
    import sqlite3

    source = sqlite3.connect(make_url(url).database or "")
    source.execute("VACUUM INTO ?", (str(target),))
    source.close()
