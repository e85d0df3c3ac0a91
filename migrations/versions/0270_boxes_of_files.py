"""Which box or message has a file that is not sent yet"""

import sqlalchemy as sa
from alembic import op

revision = "0270"
down_revision = "0241"

COLUMNS = ("box", "taken_by")


def upgrade() -> None:
    for name in COLUMNS:
        op.add_column("attachment", sa.Column(name, sa.String(40), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("attachment") as attachments:
        for name in COLUMNS:
            attachments.drop_column(name)
