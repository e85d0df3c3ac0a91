"""Messages have their text without markup beside them"""

import sqlalchemy as sa
from alembic import op

from app.chat.markdown import plain_text
from app.database.types import WHOLE_NUMBER

revision = "0009"
down_revision = "0008"

# Messages that are filled in at once.
BATCH = 500


def upgrade() -> None:
    op.add_column("message", sa.Column("plain", sa.Text(), nullable=False, server_default=""))
    message = sa.table(
        "message", sa.column("id", WHOLE_NUMBER), sa.column("text", sa.Text()), sa.column("plain", sa.Text())
    )
    connection = op.get_bind()
    fill = sa.update(message).where(message.c.id == sa.bindparam("message_id")).values(plain=sa.bindparam("plain_text"))
    last = 0
    while rows := connection.execute(
        sa.select(message.c.id, message.c.text)
        .where(message.c.id > last, message.c.text != "")
        .order_by(message.c.id)
        .limit(BATCH)
    ).all():
        connection.execute(fill, [{"message_id": row.id, "plain_text": plain_text(row.text)} for row in rows])
        last = rows[-1].id


def downgrade() -> None:
    op.drop_column("message", "plain")
