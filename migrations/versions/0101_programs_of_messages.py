"""The programs that have posted messages"""

import sqlalchemy as sa
from alembic import op

revision = "0101"
down_revision = "0100"


def upgrade() -> None:
    op.add_column("message", sa.Column("program", sa.String(60), nullable=True))


def downgrade() -> None:
    op.drop_column("message", "program")
