"""Which program has acted for a member: of each revision of a record, and of each entry of the audit log"""

import sqlalchemy as sa
from alembic import op

revision = "0070"
down_revision = "0060"


def upgrade() -> None:
    op.add_column("revision", sa.Column("program", sa.String(60), nullable=True))
    op.add_column("audit_entry", sa.Column("program", sa.String(60), nullable=True))


def downgrade() -> None:
    op.drop_column("audit_entry", "program")
    op.drop_column("revision", "program")
