"""Which field an undone change of kind has restored"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0240"
down_revision = "0230"


def upgrade() -> None:
    op.add_column("field", sa.Column("restores", WHOLE_NUMBER, nullable=True))


def downgrade() -> None:
    with op.batch_alter_table("field") as fields:
        fields.drop_column("restores")
