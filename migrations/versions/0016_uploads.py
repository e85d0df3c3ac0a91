"""Files know the key that their page made for the upload"""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.add_column("attachment", sa.Column("upload", sa.String(length=40), nullable=True))
    op.create_index("ix_attachment_upload", "attachment", ["tenant_id", "member_id", "upload"], unique=True)


def downgrade() -> None:
    op.drop_index("ix_attachment_upload", "attachment")
    op.drop_column("attachment", "upload")
