"""A field whose kind is changed is another one, which replaces it; collections have a colour and a description"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("collection", sa.Column("color", sa.String(length=10), nullable=False, server_default=""))
    op.add_column("collection", sa.Column("description", sa.String(length=500), nullable=False, server_default=""))
    op.add_column("field", sa.Column("replaces", WHOLE_NUMBER, nullable=True))


def downgrade() -> None:
    op.drop_column("field", "replaces")
    op.drop_column("collection", "description")
    op.drop_column("collection", "color")
