"""What members are notified of is an activity; a mail is composed when it is sent, and has no text of its own"""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"

RENAMED = [
    ("activity", "fk_{}_tenant_id_actor_id_member"),
    ("activity", "fk_{}_tenant_id_tenant"),
    ("activity", "pk_{}"),
    ("activity", "uq_{}_tenant_id_id"),
    ("notification", "fk_notification_tenant_id_{0}_id_{0}"),
]


def upgrade() -> None:
    rename("happening", "activity")
    op.execute("DELETE FROM mail WHERE composer = ''")
    for column in ("receiver", "subject", "text"):
        op.drop_column("mail", column)


def downgrade() -> None:
    rename("activity", "happening")
    op.add_column("mail", sa.Column("receiver", sa.String(length=254), nullable=False, server_default=""))
    op.add_column("mail", sa.Column("subject", sa.String(length=300), nullable=False, server_default=""))
    op.add_column("mail", sa.Column("text", sa.Text(), nullable=False, server_default=""))


def rename(before: str, after: str) -> None:
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
