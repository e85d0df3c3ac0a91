"""Addresses of rooms, to which programs of others post"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0071"
down_revision = "0070"


def upgrade() -> None:
    op.create_table(
        "incoming_address",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("room_id", WHOLE_NUMBER, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, nullable=False),
        sa.Column("maker_id", WHOLE_NUMBER, nullable=True),
        sa.Column("secret_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "room_id"],
            ["room.tenant_id", "room.id"],
            name=op.f("fk_incoming_address_tenant_id_room_id_room"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_incoming_address_tenant_id_member_id_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_incoming_address_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_incoming_address")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_incoming_address_tenant_id_id")),
        sa.UniqueConstraint("secret_hash", name=op.f("uq_incoming_address_secret_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_incoming_address_member_id"), "incoming_address", ["member_id"])
    op.create_index(op.f("ix_incoming_address_room_id"), "incoming_address", ["room_id"])


def downgrade() -> None:
    op.drop_table("incoming_address")
