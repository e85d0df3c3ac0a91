"""Texts are sorted by keys a quarter as long: what is sorted is made anew"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0273"
down_revision = "0272"

needs_stop = "sorts texts by shorter keys, among which those that earlier programs write have no place"

REINDEX = "records.reindex-all"
job = sa.table(
    "job",
    *(sa.column(name, sa.String()) for name in ("name", "key")),
    sa.column("workspace_id", sa.BigInteger()),
    sa.column("payload", sa.JSON()),
    sa.column("due_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    connection = op.get_bind()
    there = set(connection.scalars(sa.select(job.c.workspace_id).where(job.c.name == REINDEX)))
    tenants = connection.scalars(sa.select(sa.table("tenant", sa.column("id", sa.BigInteger())))).all()
    about = {"name": REINDEX, "payload": {}, "due_at": datetime.now(UTC)}
    if waiting := [about | {"key": str(each), "workspace_id": each} for each in tenants if each not in there]:
        connection.execute(sa.insert(job), waiting)


def downgrade() -> None:
    upgrade()  # the keys of earlier programs are others
