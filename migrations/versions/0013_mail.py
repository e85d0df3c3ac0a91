"""Mails have an urgency, and those that were given up are kept; what is pushed when an invitation ends is planned"""

from typing import Literal

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    # On SQLite an id must not be used again: who is late would settle another's row.
    anew: Literal["always", "never"] = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    counting = {"sqlite_autoincrement": True}
    with op.batch_alter_table("mail", recreate=anew, table_kwargs=counting) as batch:
        batch.add_column(sa.Column("urgency", WHOLE_NUMBER, server_default="1", nullable=False))
    op.create_index("ix_mail_urgency", "mail", ["urgency", "due_at"])
    with op.batch_alter_table("job", recreate=anew, table_kwargs=counting):
        pass
    op.create_table(
        "failed_mail",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("workspace_id", WHOLE_NUMBER, nullable=True),
        sa.Column("composer", sa.String(length=40), nullable=False),
        sa.Column("reason", sa.String(length=300), nullable=False),
        sa.Column("attempts", WHOLE_NUMBER, nullable=False),
        sa.Column("failed_at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["tenant.id"], name=op.f("fk_failed_mail_workspace_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_failed_mail")),
    )
    op.create_index(op.f("ix_failed_mail_failed_at"), "failed_mail", ["failed_at"])

    op.execute("UPDATE mail SET urgency = 0 WHERE composer = 'password link'")
    op.execute("UPDATE mail SET urgency = 2 WHERE composer = 'notifications'")
    text = "CAST(invitation.id AS VARCHAR)"
    payload = f"'{{\"invitation\": ' || {text} || '}}'"
    if op.get_bind().dialect.name == "postgresql":
        payload = f"CAST({payload} AS JSON)"
    op.execute(
        "INSERT INTO job (name, key, workspace_id, payload, due_at, lease, attempts)"  # noqa: S608  (our own words)
        f" SELECT 'invitation end', {text}, tenant_id, {payload}, expires_at, 0, 0 FROM invitation"
        " WHERE revoked_at IS NULL AND uses < most_uses"
    )
    # Workspaces from before there was chat: what each sweep saw to is seen to here, once.
    op.execute(
        "INSERT INTO room (tenant_id, slug, name, description, kind, last_number, created_at)"
        " SELECT id, 'general', 'general', '', 'public', 0, CURRENT_TIMESTAMP FROM tenant"
        " WHERE NOT EXISTS (SELECT 1 FROM room WHERE room.tenant_id = tenant.id AND room.slug = 'general')"
    )
    op.execute(
        "INSERT INTO membership (tenant_id, room_id, member_id, read_number, notify, joined_at)"
        " SELECT room.tenant_id, room.id, member.id, room.last_number, 'everything', CURRENT_TIMESTAMP"
        " FROM room JOIN member ON member.tenant_id = room.tenant_id"
        " WHERE room.slug = 'general' AND member.removed_at IS NULL AND NOT EXISTS ("
        "SELECT 1 FROM membership WHERE membership.room_id = room.id AND membership.member_id = member.id)"
    )


def downgrade() -> None:
    op.execute("DELETE FROM job WHERE name = 'invitation end'")
    op.drop_index(op.f("ix_failed_mail_failed_at"), "failed_mail")
    op.drop_table("failed_mail")
    op.drop_index("ix_mail_urgency", "mail")
    with op.batch_alter_table("mail") as batch:
        batch.drop_column("urgency")
