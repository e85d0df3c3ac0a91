"""What members are notified of is an activity; a mail is composed when it is sent, and has no text of its own"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0023"
down_revision = "0022"
needs_stop = "renames the table of what notifications tell of, and drops the texts of mails"

RENAMED = [
    ("activity", "fk_{}_tenant_id_actor_id_member"),
    ("activity", "fk_{}_tenant_id_tenant"),
    ("activity", "pk_{}"),
    ("activity", "uq_{}_tenant_id_id"),
    ("notification", "fk_notification_tenant_id_{0}_id_{0}"),
]


# Mails that wait and have no composer can't be sent: operators see them among those that were given up.
GIVE_UP = """
INSERT INTO failed_mail (workspace_id, composer, reason, attempts, failed_at)
SELECT workspace_id, 'earlier version', 'It was written by an earlier version, and can''t be composed anew', attempts,
CURRENT_TIMESTAMP FROM mail WHERE composer = ''
"""


def upgrade() -> None:
    rename("happening", "activity")
    op.execute(GIVE_UP)
    op.execute("DELETE FROM mail WHERE composer = ''")
    for column in ("receiver", "subject", "text"):
        op.drop_column("mail", column)


def downgrade() -> None:
    rename("activity", "happening")
    op.add_column("mail", sa.Column("receiver", sa.String(length=254), nullable=False, server_default=""))
    op.add_column("mail", sa.Column("subject", sa.String(length=300), nullable=False, server_default=""))
    op.add_column("mail", sa.Column("text", sa.Text(), nullable=False, server_default=""))


def rename(before: str, after: str) -> None:
    rename_in_tables(before, after)
    rename_in_offers(before, after)


def rename_in_offers(before: str, after: str) -> None:
    """Rename the column also where rows are kept by the names of their columns: to be put back by an undo."""
    offer = sa.table("undo_offer", sa.column("id", WHOLE_NUMBER), sa.column("state", sa.JSON()))
    connection = op.get_bind()
    for offer_id, state in connection.execute(sa.select(offer)).all():
        renamed = rename_key(state, f"{before}_id", f"{after}_id")
        if renamed != state:
            connection.execute(sa.update(offer).where(offer.c.id == offer_id).values(state=renamed))


def rename_key(kept: Any, before: str, after: str) -> Any:
    """The same with another name for one, however deep."""
    if isinstance(kept, dict):
        return {after if key == before else key: rename_key(value, before, after) for key, value in kept.items()}
    return [rename_key(each, before, after) for each in kept] if isinstance(kept, list) else kept


def rename_in_tables(before: str, after: str) -> None:
    op.drop_index(f"ix_{before}_subject", before)
    op.drop_index(f"ix_notification_{before}", "notification")
    op.rename_table(before, after)
    op.execute(f"ALTER TABLE notification RENAME COLUMN {before}_id TO {after}_id")
    if op.get_bind().dialect.name == "postgresql":
        for table, name in RENAMED:
            here = after if table == "activity" else table
            op.execute(f"ALTER TABLE {here} RENAME CONSTRAINT {name.format(before)} TO {name.format(after)}")
        op.execute(f"ALTER SEQUENCE {before}_id_seq RENAME TO {after}_id_seq")
    else:
        # SQLite has no statement for it: names of constraints are mended in what it keeps of the tables, as its
        # documentation says for what changes nothing on the disk (https://www.sqlite.org/lang_altertable.html#otheralter).
        version = op.get_bind().exec_driver_sql("PRAGMA schema_version").scalar_one()
        op.execute("PRAGMA writable_schema = ON")
        mend = sa.text("UPDATE sqlite_master SET sql = replace(sql, :old, :new) WHERE type = 'table' AND name = :table")
        for table, name in RENAMED:
            here = after if table == "activity" else table
            op.get_bind().execute(mend, {"old": name.format(before), "new": name.format(after), "table": here})
        op.execute(f"PRAGMA schema_version = {version + 1}")
        op.execute("PRAGMA writable_schema = OFF")
    op.create_index(f"ix_{after}_subject", after, ["tenant_id", "subject_kind", "subject_id", "number"])
    op.create_index(f"ix_notification_{after}", "notification", ["tenant_id", f"{after}_id"])
