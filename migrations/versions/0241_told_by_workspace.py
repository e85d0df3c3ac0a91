"""Who is on channels as apps' servers were told, by workspace"""

from alembic import op

revision = "0241"
down_revision = "0240"

TABLE, NAME = "gateway_app_told", "ix_gateway_app_told_gone_at"


def upgrade() -> None:
    op.drop_index(NAME, TABLE)
    op.create_index(NAME, TABLE, ["tenant_id", "gone_at", "id"])


def downgrade() -> None:
    op.drop_index(NAME, TABLE)
    op.create_index(NAME, TABLE, ["gone_at"])
