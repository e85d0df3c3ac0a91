"""No is no empty value: lists that are sorted by yes or no have it before or after Yes, by their direction"""

import sqlalchemy as sa
from alembic import op

revision = "0038"
down_revision = "0037"

needs_stop = "fills the keys by which lists are sorted by yes or no"

KEYS = "UPDATE record_key SET sort_key = :new WHERE sort_key = :old"
OF_YES_NO = " AND field_id IN (SELECT id FROM field WHERE kind_name = 'yes_no')"


def upgrade() -> None:
    change(new="~", old="\U0010ffff")


def downgrade() -> None:
    change(new="\U0010ffff", old="~")


def change(**keys: str) -> None:
    op.get_bind().execute(sa.text(KEYS + OF_YES_NO), keys)
