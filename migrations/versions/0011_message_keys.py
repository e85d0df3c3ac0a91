"""Messages keep a fingerprint of what was sent with their key; drafts know their key, and what they answer"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("message", sa.Column("sent", sa.String(length=64), nullable=True))
    op.add_column("message_draft", sa.Column("key", sa.String(length=40), server_default="", nullable=False))
    op.add_column("message_draft", sa.Column("reply_to_id", WHOLE_NUMBER, nullable=True))


def downgrade() -> None:
    op.drop_column("message_draft", "reply_to_id")
    op.drop_column("message_draft", "key")
    op.drop_column("message", "sent")
