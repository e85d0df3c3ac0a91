"""Collections are archived and deleted, and fields read-only for roles"""

import sqlalchemy as sa
from alembic import op

revision = "0030"
down_revision = "0029"


def upgrade() -> None:
    op.add_column("collection", sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("collection", sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True))
    op.add_column("field", sa.Column("read_only_for", sa.JSON(), server_default="[]", nullable=False))


def downgrade() -> None:
    op.drop_column("field", "read_only_for")
    op.drop_column("collection", "deleted_at")
    op.drop_column("collection", "archived_at")
