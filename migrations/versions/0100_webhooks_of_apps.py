"""Webhooks of apps"""

import sqlalchemy as sa
from alembic import op

revision = "0100"
down_revision = "0120"


def upgrade() -> None:
    op.add_column("gateway_app", sa.Column("hook_address", sa.String(1000), nullable=False, server_default=""))
    op.add_column("gateway_app", sa.Column("hook_kinds", sa.JSON(), nullable=False, server_default="[]"))


def downgrade() -> None:
    op.drop_column("gateway_app", "hook_kinds")
    op.drop_column("gateway_app", "hook_address")
