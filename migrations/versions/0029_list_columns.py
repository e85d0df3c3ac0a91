"""Members choose the columns of lists for themselves"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.create_table(
        "list_columns",
        sa.Column("collection_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("refs", sa.JSON(), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "collection_id"],
            ["collection.tenant_id", "collection.id"],
            name=op.f("fk_list_columns_tenant_id_collection_id_collection"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_list_columns_tenant_id_member_id_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_list_columns_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("collection_id", "member_id", name=op.f("pk_list_columns")),
    )


def downgrade() -> None:
    op.drop_table("list_columns")
