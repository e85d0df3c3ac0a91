"""Webhooks, what they have to send, and what they have sent"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0060"
down_revision = "0050"


def upgrade() -> None:
    op.create_table(
        "webhook",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, nullable=False),
        sa.Column("address", sa.String(1000), nullable=False),
        sa.Column("kinds", sa.JSON(), nullable=False),
        sa.Column("collections", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("rooms", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("seed", sa.LargeBinary(16), nullable=False),
        sa.Column("old_seed", sa.LargeBinary(16), nullable=True),
        sa.Column("rotated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("disabled_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("disabled_why", sa.String(200), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_webhook_tenant_id_member_id_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_webhook_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_webhook_tenant_id_id")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_webhook_member_id"), "webhook", ["member_id"])
    op.create_table(
        "webhook_turn",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("workspace_id", WHOLE_NUMBER, nullable=False),
        sa.Column("webhook_id", WHOLE_NUMBER, nullable=False),
        sa.Column("what", sa.String(10), nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=False),
        sa.Column("active", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("failures", WHOLE_NUMBER, server_default="0", nullable=False),
        sa.Column("failing_since", sa.DateTime(timezone=True), nullable=True),
        sa.Column("failing_cursor", sa.BigInteger(), nullable=True),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("attempts", WHOLE_NUMBER, server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id", "webhook_id"],
            ["webhook.tenant_id", "webhook.id"],
            name=op.f("fk_webhook_turn_workspace_id_webhook_id_webhook"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["tenant.id"], name=op.f("fk_webhook_turn_workspace_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_turn")),
        sqlite_autoincrement=True,
    )
    for column in ("due_at", "webhook_id", "workspace_id"):
        op.create_index(op.f(f"ix_webhook_turn_{column}"), "webhook_turn", [column])
    op.create_table(
        "webhook_delivery",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("webhook_id", WHOLE_NUMBER, nullable=False),
        sa.Column("cursor", sa.BigInteger(), nullable=True),
        sa.Column("channel", sa.String(60), nullable=False),
        sa.Column("kind", sa.String(40), nullable=False),
        sa.Column("message_id", sa.String(60), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("sent_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("milliseconds", WHOLE_NUMBER, nullable=False),
        sa.Column("status", WHOLE_NUMBER, nullable=True),
        sa.Column("answer", sa.Text(), nullable=False),
        sa.Column("error", sa.String(200), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "webhook_id"],
            ["webhook.tenant_id", "webhook.id"],
            name=op.f("fk_webhook_delivery_tenant_id_webhook_id_webhook"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_webhook_delivery_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_webhook_delivery")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_webhook_delivery_sent_at"), "webhook_delivery", ["sent_at"])
    op.create_index("ix_webhook_delivery_webhook_id", "webhook_delivery", ["tenant_id", "webhook_id", "id"])


def downgrade() -> None:
    for table in ("webhook_delivery", "webhook_turn", "webhook"):
        op.drop_table(table)
