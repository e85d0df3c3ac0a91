"""An index by which members of all workspaces are found by an address"""

from alembic import op

revision = "0120"
down_revision = "0110"


def upgrade() -> None:
    op.create_index("ix_member_email", "member", ["email"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_member_email", table_name="member")
