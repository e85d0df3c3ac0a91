"""How far the log of its workspace was when a session began: its pages are told nothing of before"""

import sqlalchemy as sa
from alembic import op

revision = "0043"
down_revision = "0042"


def upgrade() -> None:
    op.add_column("session", sa.Column("began_cursor", sa.BigInteger(), server_default="0", nullable=False))


def downgrade() -> None:
    op.drop_column("session", "began_cursor")
