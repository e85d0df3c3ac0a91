"""Which places in line are kept by tabs of the gateway"""

import sqlalchemy as sa
from alembic import op

revision = "0180"
down_revision = "0150"


def upgrade() -> None:
    op.add_column("waiting", sa.Column("by_gateway", sa.Boolean(), server_default=sa.false(), nullable=False))


def downgrade() -> None:
    op.drop_column("waiting", "by_gateway")
