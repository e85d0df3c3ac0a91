"""Removed fields are known for a while, as somebody may be typing into them"""

import sqlalchemy as sa
from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.add_column("field", sa.Column("removed_at", sa.DateTime(timezone=True), nullable=True))


def downgrade() -> None:
    op.execute("DELETE FROM field WHERE removed_at IS NOT NULL")
    op.drop_column("field", "removed_at")
