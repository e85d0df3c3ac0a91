"""People: invitations, pictures, time zones, length of sessions; an audit log that nobody can rewrite"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    with op.batch_alter_table("member") as member:
        member.add_column(sa.Column("picture", sa.String(length=32), nullable=True))
        member.add_column(sa.Column("time_zone", sa.String(length=64), nullable=False, server_default="UTC"))
    with op.batch_alter_table("tenant") as tenant:
        tenant.add_column(sa.Column("logo", sa.String(length=32), nullable=True))
        tenant.add_column(sa.Column("pictures", WHOLE_NUMBER, nullable=False, server_default="0"))
        tenant.add_column(sa.Column("session_days", WHOLE_NUMBER, nullable=False, server_default="30"))
    op.create_table(
        "invitation",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("token_hash", sa.LargeBinary(length=32), nullable=False),
        sa.Column("email", sa.String(length=254), nullable=True),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("uses", WHOLE_NUMBER, nullable=False),
        sa.Column("most_uses", WHOLE_NUMBER, nullable=False),
        sa.Column("made_by_id", WHOLE_NUMBER, nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "made_by_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_invitation_tenant_id_made_by_id_member"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_invitation_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_invitation")),
        sa.UniqueConstraint("token_hash", name=op.f("uq_invitation_token_hash")),
        sqlite_autoincrement=True,
    )
    op.create_index(op.f("ix_invitation_tenant_id"), "invitation", ["tenant_id"])
    op.drop_index("ix_audit_entry_at", "audit_entry")
    op.create_index("ix_audit_entry_tenant_id_id", "audit_entry", ["tenant_id", "id"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION refuse_audit_change() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN RAISE EXCEPTION 'the audit log is only added to'; END $$"
        )
        op.execute(
            "CREATE TRIGGER audit_entry_unchanged BEFORE UPDATE OR DELETE ON audit_entry"
            " FOR EACH ROW EXECUTE FUNCTION refuse_audit_change()"
        )
        return
    for what in ("UPDATE", "DELETE"):
        op.execute(
            f"CREATE TRIGGER audit_entry_no_{what.lower()} BEFORE {what} ON audit_entry"
            " BEGIN SELECT raise(ABORT, 'the audit log is only added to'); END"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP TRIGGER audit_entry_unchanged ON audit_entry")
        op.execute("DROP FUNCTION refuse_audit_change")
    else:
        for what in ("update", "delete"):
            op.execute(f"DROP TRIGGER audit_entry_no_{what}")
    op.drop_index("ix_audit_entry_tenant_id_id", "audit_entry")
    op.create_index("ix_audit_entry_at", "audit_entry", ["tenant_id", "at"])
    op.drop_table("invitation")
    with op.batch_alter_table("tenant") as tenant:
        tenant.drop_column("session_days")
        tenant.drop_column("pictures")
        tenant.drop_column("logo")
    with op.batch_alter_table("member") as member:
        member.drop_column("time_zone")
        member.drop_column("picture")
