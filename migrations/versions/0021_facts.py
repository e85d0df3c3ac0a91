"""The log has facts for programs beside the partials for pages"""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"
needs_stop = "puts facts into the log, of which earlier programs would show nothing as if it were a page"


def upgrade() -> None:
    op.add_column("event", sa.Column("kind", sa.String(length=40), nullable=True))
    op.add_column("event", sa.Column("data", sa.Text(), nullable=True))
    op.add_column("event", sa.Column("fact_cursor", sa.BigInteger(), nullable=True))
    partials = sa.text("kind IS NULL")
    op.create_index(
        "ix_event_partials", "event", ["tenant_id", "cursor"], sqlite_where=partials, postgresql_where=partials
    )


def downgrade() -> None:
    op.drop_index("ix_event_partials", table_name="event")
    op.drop_column("event", "fact_cursor")
    op.drop_column("event", "data")
    op.drop_column("event", "kind")
