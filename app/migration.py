"""Migrations, run by Alembic from migrations/; and copies of the database."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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


def is_ordinary(thing: Any, name: str | None, kind: str, reflected: bool, compared_to: Any) -> bool:
    """Whether models and database are compared in this; not in full-text indexes, which are virtual tables."""
    return kind != "table" or not (thing.info.get("virtual") or (name or "").startswith("message_index"))


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
