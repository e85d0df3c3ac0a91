"""A lock is proven with random bits, of which the row has a digest; what was held before has none, and ends"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
needs_stop = "has locks proven with random bits, which earlier programs neither ask for nor give"


def upgrade() -> None:
    op.add_column("record", sa.Column("lock_proof", sa.String(length=64), nullable=True))
    # Nobody can prove to hold these any more. The watch frees them, and it is the turn of whoever waits.
    op.execute("UPDATE record SET lock_until = 0 WHERE lock_member_id IS NOT NULL")


def downgrade() -> None:
    op.drop_column("record", "lock_proof")
