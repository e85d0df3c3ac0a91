"""Members whose time zone nobody has said are in UTC until their device says one"""

import sqlalchemy as sa
from alembic import op

revision = "0037"
down_revision = "0034"


def upgrade() -> None:
    op.add_column("member", sa.Column("time_zone_known", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE member SET time_zone_known = true WHERE time_zone != 'UTC'")


def downgrade() -> None:
    op.drop_column("member", "time_zone_known")
