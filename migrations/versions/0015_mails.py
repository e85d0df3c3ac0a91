"""Mails count apart how often the server broke off at them, and their index is in the order in which they go"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.add_column("mail", sa.Column("broken_off", WHOLE_NUMBER, server_default="0", nullable=False))
    op.drop_index("ix_mail_urgency", "mail")
    op.create_index("ix_mail_turn", "mail", ["urgency", "workspace_id", "due_at", "id"])


def downgrade() -> None:
    op.drop_index("ix_mail_turn", "mail")
    op.create_index("ix_mail_urgency", "mail", ["urgency", "due_at"])
    with op.batch_alter_table("mail", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_column("broken_off")
