"""Files of records know the key that their page made for the upload"""

import sqlalchemy as sa
from alembic import op

revision = "0272"
down_revision = "0271"


def upgrade() -> None:
    op.add_column("record_file", sa.Column("upload", sa.String(40), nullable=True))
    op.create_index("ix_record_file_upload", "record_file", ["tenant_id", "member_id", "upload"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_record_file_upload", "record_file")
    with op.batch_alter_table("record_file") as files:
        files.drop_column("upload")
