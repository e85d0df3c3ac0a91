"""The migrations make the tables that the models describe."""

from __future__ import annotations

from pathlib import Path

from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, inspect

import app.accounts.audit
import app.accounts.tokens
import app.chat.attachments
import app.chat.timeline
import app.editing.drafts
import app.editing.waiting
import app.live.log
import app.operators.figures
import app.operators.log
import app.operators.operators
import app.records.records  # noqa: F401
from app.database import Base
from app.migration import configuration, is_ordinary, migrate_database


def test_a_migrated_database_is_what_the_models_say(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    migrate_database(f"sqlite+aiosqlite:///{path}")
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert (
            compare_metadata(
                MigrationContext.configure(connection, opts={"include_object": is_ordinary}), Base.metadata
            )
            == []
        )
    engine.dispose()


def test_migrations_go_down_and_up_again(tmp_path: Path) -> None:
    url = f"sqlite+aiosqlite:///{tmp_path / 'new.sqlite'}"
    migrate_database(url)
    command.downgrade(configuration(url), "base")
    engine = create_engine(url.replace("+aiosqlite", ""))
    assert set(inspect(engine).get_table_names()) <= {"alembic_version", "sqlite_sequence"}
    engine.dispose()
    migrate_database(url)


def test_migrating_twice_changes_nothing(tmp_path: Path) -> None:
    path = tmp_path / "new.sqlite"
    migrate_database(f"sqlite+aiosqlite:///{path}")
    before = path.read_bytes()
    migrate_database(f"sqlite+aiosqlite:///{path}")
    assert path.read_bytes() == before
