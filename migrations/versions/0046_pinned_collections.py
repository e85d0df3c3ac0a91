"""Members pin collections, and their home page lists their drafts and what they follow"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0046"
down_revision = "0045"


def upgrade() -> None:
    op.create_table(
        "pinned_collection",
        sa.Column("member_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("collection_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "collection_id"],
            ["collection.tenant_id", "collection.id"],
            name=op.f("fk_pinned_collection_tenant_id_collection_id_collection"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_pinned_collection_tenant_id_member_id_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_pinned_collection_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("member_id", "collection_id", name=op.f("pk_pinned_collection")),
    )
    op.create_index("ix_follow_member", "follow", ["tenant_id", "member_id", "subject_kind", "subject_id"])
    op.create_index("ix_draft_member", "draft", ["tenant_id", "member_id", "typed_at"])


def downgrade() -> None:
    op.drop_index("ix_draft_member", "draft")
    op.drop_index("ix_follow_member", "follow")
    op.drop_table("pinned_collection")
