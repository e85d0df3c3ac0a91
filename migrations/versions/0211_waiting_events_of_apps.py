"""How much waits for apps' servers"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0211"
down_revision = "0210"


def upgrade() -> None:
    for name in ("waiting", "waiting_text"):
        op.add_column("gateway_app_turn", sa.Column(name, WHOLE_NUMBER, nullable=False, server_default="0"))


def downgrade() -> None:
    with op.batch_alter_table("gateway_app_turn") as turns:
        for name in ("waiting", "waiting_text"):
            turns.drop_column(name)
