"""When the log of each workspace has grown lately, by an index, so that nodes look at those alone"""

import sqlalchemy as sa
from alembic import op

revision = "0042"
down_revision = "0041"


def upgrade() -> None:
    op.add_column("tenant", sa.Column("logged_at", sa.DateTime(timezone=True), nullable=True))
    op.create_index("ix_tenant_logged_at", "tenant", ["logged_at"])


def downgrade() -> None:
    op.drop_index("ix_tenant_logged_at", "tenant")
    op.drop_column("tenant", "logged_at")
