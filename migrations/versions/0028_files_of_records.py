"""Fields have files and pictures"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.create_table(
        "record_file",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("collection_id", WHOLE_NUMBER, nullable=False),
        sa.Column("record_id", WHOLE_NUMBER, nullable=True),
        sa.Column("member_id", WHOLE_NUMBER, nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("preview", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "collection_id"],
            ["collection.tenant_id", "collection.id"],
            name=op.f("fk_record_file_tenant_id_collection_id_collection"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_record_file_tenant_id_member_id_member"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_record_file_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_record_file")),
    )
    op.create_index("ix_record_file_record", "record_file", ["tenant_id", "record_id"], unique=False)


def downgrade() -> None:
    op.drop_index("ix_record_file_record", table_name="record_file")
    op.drop_table("record_file")
