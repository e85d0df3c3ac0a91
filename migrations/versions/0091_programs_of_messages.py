"""Which program has written a message for a member"""

import sqlalchemy as sa
from alembic import op

revision = "0091"
down_revision = "0090"


def upgrade() -> None:
    op.add_column("message", sa.Column("program", sa.String(60), nullable=True))


def downgrade() -> None:
    op.drop_column("message", "program")
