"""The keys of a new field are written by a job: a field says whether all are there"""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
needs_stop = "has fields in which records have no key yet, which earlier programs leave out of lists"


def upgrade() -> None:
    op.add_column("field", sa.Column("keyed", sa.Boolean(), server_default=sa.true(), nullable=False))
    # Their keys were forgotten when they were removed, or are about to be.
    op.execute("UPDATE field SET keyed = false WHERE removed_at IS NOT NULL")


def downgrade() -> None:
    op.drop_column("field", "keyed")
