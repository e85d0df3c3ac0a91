"""Tokens of programs, and what these hold and wait for"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0040"
down_revision = "0039"

# Tables whose rows belong to a session, or from now on to a token; and what such columns are called there.
OWNED = {"record": "lock_program", "waiting": "program"}


def upgrade() -> None:
    op.create_table(
        "token",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, nullable=False),
        sa.Column("name", sa.String(60), nullable=False),
        sa.Column("token_hash", sa.LargeBinary(32), nullable=False),
        sa.Column("scopes", sa.JSON(), nullable=False),
        sa.Column("collections", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("rooms", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("origins", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("used_from", sa.String(45), nullable=True),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_token_tenant_id_member_id_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_token_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_token")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_token_tenant_id_id")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_token_token_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_token_member_id"), "token", ["member_id"])
    for table, name in OWNED.items():
        op.add_column(table, sa.Column(f"{name}_id", WHOLE_NUMBER, nullable=True))
        op.add_column(table, sa.Column(name, sa.String(60), nullable=True))


def downgrade() -> None:
    for table, name in OWNED.items():
        op.drop_column(table, name)
        op.drop_column(table, f"{name}_id")
    op.drop_table("token")
