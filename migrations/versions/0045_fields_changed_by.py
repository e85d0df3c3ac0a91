"""Who has changed a field last: their own other tab is told so"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0045"
down_revision = "0044"


def upgrade() -> None:
    op.add_column("field", sa.Column("changed_by", WHOLE_NUMBER, nullable=True))


def downgrade() -> None:
    op.drop_column("field", "changed_by")
