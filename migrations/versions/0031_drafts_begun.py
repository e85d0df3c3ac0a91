"""A draft of a new record knows the form that it was begun on"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"


def upgrade() -> None:
    op.add_column("draft", sa.Column("begun_form", sa.String(64), nullable=True))


def downgrade() -> None:
    op.drop_column("draft", "begun_form")
