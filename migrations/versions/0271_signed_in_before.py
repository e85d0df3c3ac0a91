"""Who has ever signed in: of all who are there it is taken for true"""

import sqlalchemy as sa
from alembic import op

revision = "0271"
down_revision = "0270"


def upgrade() -> None:
    op.add_column("member", sa.Column("has_signed_in", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.execute("UPDATE member SET has_signed_in = true WHERE NOT bot")


def downgrade() -> None:
    with op.batch_alter_table("member") as members:
        members.drop_column("has_signed_in")
