"""Programs list the records of a collection that have changed since a moment"""

from alembic import op

revision = "0090"
down_revision = "0071"


def upgrade() -> None:
    op.create_index("ix_record_changed", "record", ["tenant_id", "collection_id", "updated_at", "number"])


def downgrade() -> None:
    op.drop_index("ix_record_changed", "record")
