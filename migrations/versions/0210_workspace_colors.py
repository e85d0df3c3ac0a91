"""The color of a workspace"""

import sqlalchemy as sa
from alembic import op

revision = "0210"
down_revision = "0181"


def upgrade() -> None:
    op.add_column("tenant", sa.Column("color", sa.String(10), nullable=False, server_default="green"))


def downgrade() -> None:
    with op.batch_alter_table("tenant") as tenant:
        tenant.drop_column("color")
