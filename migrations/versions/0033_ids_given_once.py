"""No id is given twice: SQLite counts those of deleted rows too, as PostgreSQL does by itself"""

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"

# Those whose ids SQLite gave again when the newest row was deleted.
TABLES = (
    *("tenant", "member", "audit_entry", "operator", "operator_entry"),
    *("collection", "field", "record_file", "attachment", "waiting"),
    *("announcement", "activity", "failed_mail"),
)


def upgrade() -> None:
    make_anew(counting=True)
    if op.get_bind().dialect.name == "sqlite":
        # Who has muted an announcement that was withdrawn meant no other.
        op.execute(
            "UPDATE sqlite_sequence SET seq = max(seq, (SELECT coalesce(max(subject_id), 0) FROM notification_mute"
            " WHERE subject_kind = 'announcement')) WHERE name = 'announcement'"
        )


def downgrade() -> None:
    make_anew(counting=False)


def make_anew(*, counting: bool) -> None:
    """Make the tables anew with their rows, columns, keys and indexes, and with the triggers that go with a table.

    The rows that are put into a table that counts are what it counts from.
    """
    connection = op.get_bind()
    if connection.dialect.name != "sqlite":
        return
    if connection.scalar(sa.text("PRAGMA foreign_keys")):
        raise RuntimeError("with foreign keys a table that goes takes along what refers to it")
    for table in TABLES:
        triggers = connection.scalars(
            sa.text("SELECT sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = :table ORDER BY name"),
            {"table": table},
        ).all()
        with op.batch_alter_table(table, recreate="always", table_kwargs={"sqlite_autoincrement": counting}):
            pass
        for trigger in triggers:
            connection.exec_driver_sql(trigger)
