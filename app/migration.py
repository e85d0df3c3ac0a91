"""Migrations, run by Alembic from migrations/; and copies of the database."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import make_url

import app.database.sqlite  # noqa: F401  (brings a safe SQLite)

MIGRATIONS = Path(__file__).parent.parent / "migrations"


def configuration(url: str) -> Config:
    """Alembic's configuration, without a file."""
    config = Config()
    config.set_main_option("script_location", str(MIGRATIONS))
    config.set_main_option("sqlalchemy.url", url.replace("%", "%%").replace("sqlite+aiosqlite", "sqlite"))
    return config


def migrate_database(url: str) -> None:
    """Bring the tables up to this version; nothing happens when they are."""
    path = make_url(url).database
    if path:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
    command.upgrade(configuration(url), "head")


def copy_database(url: str, target: Path) -> None:
    """Copy a SQLite database while it is in use, in one snapshot."""
    import sqlite3

    source = sqlite3.connect(make_url(url).database or "")
    source.execute("VACUUM INTO ?", (str(target),))
    source.close()
