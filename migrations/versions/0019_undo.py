"""What was done can be taken back for some minutes; since when it is somebody's turn to edit"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "undo_offer",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=40), nullable=False),
        sa.Column("state", sa.JSON(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_undo_offer_tenant_id_member_id_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_undo_offer_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_undo_offer")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_undo_offer_made", "undo_offer", ["tenant_id", "made_at"])
    op.add_column("waiting", sa.Column("called_at", sa.BigInteger(), nullable=True))


def downgrade() -> None:
    op.drop_column("waiting", "called_at")
    op.drop_index("ix_undo_offer_made", table_name="undo_offer")
    op.drop_table("undo_offer")
