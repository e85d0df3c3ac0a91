"""Alembic's environment: the models' tables, on the database of the settings."""

from alembic import context
from sqlalchemy import create_engine

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
from app.migration import is_ordinary

engine = create_engine(context.config.get_main_option("sqlalchemy.url") or "")
with engine.connect() as connection:
    context.configure(
        connection=connection,
        target_metadata=Base.metadata,
        render_as_batch=True,
        compare_type=False,
        include_object=is_ordinary,
    )
    with context.begin_transaction():
        context.run_migrations()
engine.dispose()
