"""Notifications, jobs and mail"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "job",
        sa.Column("name", sa.String(length=40), nullable=False),
        sa.Column("key", sa.String(length=120), nullable=False),
        sa.Column("workspace_id", WHOLE_NUMBER, nullable=True),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("attempts", WHOLE_NUMBER, server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["tenant.id"], name=op.f("fk_job_workspace_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_job")),
        sa.UniqueConstraint("name", "key", name=op.f("uq_job_name_key")),
    )
    op.create_index(op.f("ix_job_due_at"), "job", ["due_at"])

    op.create_table(
        "mail",
        sa.Column("workspace_id", WHOLE_NUMBER, nullable=True),
        sa.Column("message_id", sa.String(length=80), nullable=False),
        sa.Column("receiver", sa.String(length=254), nullable=False),
        sa.Column("subject", sa.String(length=300), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("composer", sa.String(length=40), nullable=False),
        sa.Column("payload", sa.JSON(), nullable=False),
        sa.Column("useless_after", sa.DateTime(timezone=True), nullable=True),
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("lease", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("leased_until", sa.BigInteger(), nullable=True),
        sa.Column("attempts", WHOLE_NUMBER, server_default=sa.text("0"), nullable=False),
        sa.ForeignKeyConstraint(
            ["workspace_id"], ["tenant.id"], name=op.f("fk_mail_workspace_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_mail")),
    )
    op.create_index(op.f("ix_mail_due_at"), "mail", ["due_at"])

    op.create_table(
        "announcement",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, nullable=False),
        sa.Column("title", sa.String(length=120), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("acknowledge", sa.Boolean(), nullable=False),
        sa.Column("ends_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_announcement_tenant_id_member_id_member"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_announcement_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_announcement")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_announcement_tenant_id_id")),
    )
    op.create_table(
        "follow",
        sa.Column("following", sa.Boolean(), nullable=False),
        sa.Column("subject_kind", sa.String(length=20), nullable=False),
        sa.Column("subject_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_follow_tenant_id_member_id_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_follow_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subject_kind", "subject_id", "member_id", name=op.f("pk_follow")),
    )
    op.create_index("ix_follow_subject", "follow", ["tenant_id", "subject_kind", "subject_id"])

    op.create_table(
        "happening",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("subject_kind", sa.String(length=20), nullable=False),
        sa.Column("subject_id", WHOLE_NUMBER, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("actor_id", WHOLE_NUMBER, nullable=True),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "actor_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_happening_tenant_id_actor_id_member"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_happening_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_happening")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_happening_tenant_id_id")),
    )
    op.create_index("ix_happening_subject", "happening", ["tenant_id", "subject_kind", "subject_id", "number"])

    op.create_table(
        "notification_mail_times",
        sa.Column("quiet_from", WHOLE_NUMBER, nullable=True),
        sa.Column("quiet_until", WHOLE_NUMBER, nullable=True),
        sa.Column("member_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_notification_mail_times_tenant_id_member_id_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_notification_mail_times_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("member_id", name=op.f("pk_notification_mail_times")),
    )
    op.create_table(
        "notification_mute",
        sa.Column("subject_kind", sa.String(length=20), nullable=False),
        sa.Column("subject_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_notification_mute_tenant_id_member_id_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_notification_mute_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("subject_kind", "subject_id", "member_id", name=op.f("pk_notification_mute")),
    )
    op.create_index("ix_notification_mute_subject", "notification_mute", ["tenant_id", "subject_kind", "subject_id"])

    op.create_table(
        "notification_preference",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("in_app", sa.Boolean(), nullable=False),
        sa.Column("mail", sa.String(length=10), nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_notification_preference_tenant_id_member_id_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_notification_preference_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("kind", "member_id", name=op.f("pk_notification_preference")),
    )
    op.create_table(
        "notification",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("happening_id", WHOLE_NUMBER, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("subject_kind", sa.String(length=20), nullable=False),
        sa.Column("subject_id", WHOLE_NUMBER, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("shown", sa.Boolean(), server_default=sa.true(), nullable=False),
        sa.Column("held", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("read_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mail_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "happening_id"],
            ["happening.tenant_id", "happening.id"],
            name=op.f("fk_notification_tenant_id_happening_id_happening"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_notification_tenant_id_member_id_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_notification_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_notification")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_notification_tenant_id_id")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_notification_happening", "notification", ["tenant_id", "happening_id"])
    op.create_index(
        "ix_notification_mail",
        "notification",
        ["tenant_id", "mail_at"],
        sqlite_where=sa.text("mail_at IS NOT NULL"),
        postgresql_where=sa.text("mail_at IS NOT NULL"),
    )
    op.create_index("ix_notification_member", "notification", ["tenant_id", "member_id", "id"])
    op.create_index(
        "ix_notification_unread",
        "notification",
        ["tenant_id", "member_id", "subject_kind", "subject_id", "kind"],
        sqlite_where=sa.text("read_at IS NULL"),
        postgresql_where=sa.text("read_at IS NULL"),
    )


def downgrade() -> None:
    for table in (
        "notification",
        "notification_preference",
        "notification_mute",
        "notification_mail_times",
        "happening",
        "follow",
        "announcement",
        "mail",
        "job",
    ):
        op.drop_table(table)
