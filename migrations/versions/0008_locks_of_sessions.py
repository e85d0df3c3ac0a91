"""Locks and places in line know the session that they were taken with, and end with it"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.add_column("record", sa.Column("lock_session_id", WHOLE_NUMBER, nullable=True))
    op.add_column("waiting", sa.Column("session_id", WHOLE_NUMBER, nullable=True))


def downgrade() -> None:
    op.drop_column("waiting", "session_id")
    op.drop_column("record", "lock_session_id")
