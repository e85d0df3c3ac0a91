"""Who is on channels as apps' servers were told"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0230"
down_revision = "0211"


def upgrade() -> None:
    op.create_table(
        "gateway_app_told",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("app_id", WHOLE_NUMBER, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("digest", sa.String(32), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "app_id"],
            ["gateway_app.tenant_id", "gateway_app.id"],
            name=op.f("fk_gateway_app_told_tenant_id_app_id_gateway_app"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_gateway_app_told_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_app_told")),
        sa.UniqueConstraint("tenant_id", "app_id", "digest", name=op.f("uq_gateway_app_told_tenant_id_app_id_digest")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_gateway_app_told_gone_at"), "gateway_app_told", ["gone_at"])


def downgrade() -> None:
    op.drop_table("gateway_app_told")
