"""Events that apps' servers are still to be told"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0181"
down_revision = "0180"


def upgrade() -> None:
    op.create_table(
        "gateway_app_event",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("app_id", WHOLE_NUMBER, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("size", WHOLE_NUMBER, nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "app_id"],
            ["gateway_app.tenant_id", "gateway_app.id"],
            name=op.f("fk_gateway_app_event_tenant_id_app_id_gateway_app"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_gateway_app_event_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_app_event")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_gateway_app_event_at"), "gateway_app_event", ["at"])
    op.create_index("ix_gateway_app_event_app_id", "gateway_app_event", ["tenant_id", "app_id", "id"])
    op.create_table(
        "gateway_app_turn",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("workspace_id", WHOLE_NUMBER, nullable=False),
        sa.Column("app_id", WHOLE_NUMBER, nullable=False),
        sa.Column("what", sa.String(10), nullable=False),
        sa.Column("delivery_id", WHOLE_NUMBER, nullable=True),
        sa.Column("failures", WHOLE_NUMBER, server_default="0", nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("attempts", WHOLE_NUMBER, server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "app_id"],
            ["gateway_app.tenant_id", "gateway_app.id"],
            name=op.f("fk_gateway_app_turn_workspace_id_app_id_gateway_app"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["tenant.id"], name=op.f("fk_gateway_app_turn_workspace_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_gateway_app_turn")),
        sqlite_autoincrement=True,
    )
    for column in ("app_id", "due_at", "workspace_id"):
        op.create_index(op.f(f"ix_gateway_app_turn_{column}"), "gateway_app_turn", [column])


def downgrade() -> None:
    for table in ("gateway_app_turn", "gateway_app_event"):
        op.drop_table(table)
