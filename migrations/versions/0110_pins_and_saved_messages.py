"""Messages are pinned to their rooms, and saved for later"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0110"
down_revision = "0091"


def upgrade() -> None:
    op.create_table(
        "pinned_message",
        sa.Column("message_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("room_id", WHOLE_NUMBER, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, nullable=False),
        sa.Column("pinned_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "message_id"],
            ["message.tenant_id", "message.id"],
            name=op.f("fk_pinned_message_tenant_id_message_id_message"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_pinned_message_tenant_id_member_id_member"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_pinned_message_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", name=op.f("pk_pinned_message")),
    )
    op.create_index("ix_pinned_message_room", "pinned_message", ["tenant_id", "room_id"])
    op.create_table(
        "saved_message",
        sa.Column("message_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("saved_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("done_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "message_id"],
            ["message.tenant_id", "message.id"],
            name=op.f("fk_saved_message_tenant_id_message_id_message"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_saved_message_tenant_id_member_id_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_saved_message_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "member_id", name=op.f("pk_saved_message")),
    )
    op.create_index("ix_saved_message_member", "saved_message", ["tenant_id", "member_id"])


def downgrade() -> None:
    op.drop_table("saved_message")
    op.drop_table("pinned_message")
