"""Collections say what each role may do with their records, and which guests they are open to; invitations say where
guests are invited to"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0025"
down_revision = "0024"
needs_stop = "has viewers and guests, to whom earlier programs would show and allow what members may see and do"


def of_collection(table: str, keys: list[str], *columns: Any) -> None:
    op.create_table(
        table,
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.Column("collection_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        *columns,
        sa.ForeignKeyConstraint(
            ["tenant_id", "collection_id"],
            ["collection.tenant_id", "collection.id"],
            name=f"fk_{table}_tenant_id_collection_id_collection",
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(["tenant_id"], ["tenant.id"], name=f"fk_{table}_tenant_id_tenant", ondelete="CASCADE"),
        sa.PrimaryKeyConstraint("collection_id", *keys, name=f"pk_{table}"),
    )


def upgrade() -> None:
    of_collection(
        "collection_permission",
        ["role"],
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("may_browse", sa.Boolean(), nullable=False),
        sa.Column("may_read", sa.Boolean(), nullable=False),
        sa.Column("may_add", sa.Boolean(), nullable=False),
        sa.Column("may_edit", sa.String(length=4), nullable=False),
        sa.Column("may_delete", sa.String(length=4), nullable=False),
    )
    of_collection(
        "collection_guest",
        ["member_id"],
        sa.Column("member_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("admitted_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name="fk_collection_guest_tenant_id_member_id_member",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_collection_guest_member", "collection_guest", ["tenant_id", "member_id"])
    op.add_column("invitation", sa.Column("invited_to", sa.JSON(), server_default="[]", nullable=False))


def downgrade() -> None:
    op.drop_column("invitation", "invited_to")
    op.drop_index("ix_collection_guest_member", table_name="collection_guest")
    op.drop_table("collection_guest")
    op.drop_table("collection_permission")
