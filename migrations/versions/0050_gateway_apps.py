"""Apps: keys for the gateway, and the bots that act for them"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0050"
down_revision = "0046"


def upgrade() -> None:
    op.add_column("member", sa.Column("bot", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.create_table(
        "gateway_app",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, nullable=False),
        sa.Column("maker_id", WHOLE_NUMBER, nullable=True),
        sa.Column("key", sa.String(40), nullable=False),
        sa.Column("seed", sa.LargeBinary(16), nullable=False),
        sa.Column("old_seed", sa.LargeBinary(16), nullable=True),
        sa.Column("origins", sa.JSON(), nullable=False),
        sa.Column("client_events", sa.Boolean(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_gateway_app_tenant_id_member_id_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_gateway_app_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_app")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_gateway_app_tenant_id_id")),
        sa.UniqueConstraint("key", name=op.f("uq_gateway_app_key")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_gateway_app_member_id"), "gateway_app", ["member_id"])


def downgrade() -> None:
    op.drop_table("gateway_app")
    op.drop_column("member", "bot")
