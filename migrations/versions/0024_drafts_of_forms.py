"""The draft of a new record knows which form it was typed on"""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    op.add_column("draft", sa.Column("form", sa.String(length=64), nullable=True))


def downgrade() -> None:
    op.drop_column("draft", "form")
