"""Deliveries to apps' servers"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0150"
down_revision = "0100"


def upgrade() -> None:
    op.create_table(
        "gateway_app_delivery",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("app_id", WHOLE_NUMBER, nullable=False),
        sa.Column("kind", sa.String(120), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("milliseconds", WHOLE_NUMBER, nullable=False),
        sa.Column("status", WHOLE_NUMBER, nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("error", sa.String(200), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "app_id"],
            ["gateway_app.tenant_id", "gateway_app.id"],
            name=op.f("fk_gateway_app_delivery_tenant_id_app_id_gateway_app"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_gateway_app_delivery_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_app_delivery")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_gateway_app_delivery_sent_at"), "gateway_app_delivery", ["sent_at"])
    op.create_index("ix_gateway_app_delivery_app_id", "gateway_app_delivery", ["tenant_id", "app_id", "id"])


def downgrade() -> None:
    op.drop_table("gateway_app_delivery")
