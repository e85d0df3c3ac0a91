"""A field whose kind is changed is another one, which replaces it"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("field", sa.Column("replaces", WHOLE_NUMBER, nullable=True))


def downgrade() -> None:
    op.drop_column("field", "replaces")
