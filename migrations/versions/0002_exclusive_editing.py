"""Exclusive editing: locks on records, the queue behind them, drafts; the audit log"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_table(
        "audit_entry",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, nullable=True),
        sa.Column("what", sa.String(length=40), nullable=False),
        sa.Column("subject", sa.String(length=254), nullable=False),
        sa.Column("before", sa.Text(), nullable=False),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("address", sa.String(length=45), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_audit_entry_tenant_id_member_id_member"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_audit_entry_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit_entry")),
    )
    op.create_index("ix_audit_entry_at", "audit_entry", ["tenant_id", "at"])
    op.create_table(
        "draft",
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("row_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("token", sa.BigInteger(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("values", sa.JSON(none_as_null=True), nullable=True),
        sa.Column("typed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_draft_tenant_id_member_id_member"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_draft_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("kind", "row_id", "member_id", name=op.f("pk_draft")),
    )
    op.create_table(
        "waiting",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("kind", sa.String(length=20), nullable=False),
        sa.Column("row_id", WHOLE_NUMBER, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("page", WHOLE_NUMBER, nullable=False),
        sa.Column("role", sa.String(length=10), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("until", sa.BigInteger(), nullable=False),
        sa.Column("asked_at", sa.BigInteger(), nullable=True),
        sa.Column("kept", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("unanswered", sa.Boolean(), server_default=sa.false(), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_waiting_tenant_id_member_id_member"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_waiting_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_waiting")),
        sa.UniqueConstraint("tenant_id", "kind", "row_id", "member_id", name="uq_waiting_member"),
    )
    with op.batch_alter_table("record", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.add_column(sa.Column("lock_token", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
        batch.add_column(sa.Column("lock_member_id", WHOLE_NUMBER, nullable=True))
        batch.add_column(sa.Column("lock_name", sa.String(length=80), nullable=True))
        batch.add_column(sa.Column("lock_role", sa.String(length=10), nullable=True))
        batch.add_column(sa.Column("lock_since", sa.DateTime(timezone=True), nullable=True))
        batch.add_column(sa.Column("lock_until", sa.BigInteger(), nullable=True))
        batch.add_column(sa.Column("lock_offered", sa.Boolean(), server_default=sa.false(), nullable=False))
        batch.create_foreign_key(
            batch.f("fk_record_tenant_id_lock_member_id_member"),
            "member",
            ["tenant_id", "lock_member_id"],
            ["tenant_id", "id"],
        )
    op.create_index(
        "ix_record_locked",
        "record",
        ["tenant_id", "id"],
        sqlite_where=sa.text("lock_member_id IS NOT NULL"),
        postgresql_where=sa.text("lock_member_id IS NOT NULL"),
    )

    if op.get_bind().dialect.name == "postgresql":
        op.execute(
            "CREATE FUNCTION lease_clock() RETURNS bigint LANGUAGE sql VOLATILE AS"
            " $$ SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint $$"
        )


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION lease_clock()")
    op.drop_index("ix_record_locked", "record")
    with op.batch_alter_table("record", table_kwargs={"sqlite_autoincrement": True}) as batch:
        batch.drop_constraint(batch.f("fk_record_tenant_id_lock_member_id_member"), type_="foreignkey")
        for column in ("offered", "until", "since", "role", "name", "member_id", "token"):
            batch.drop_column(f"lock_{column}")
    op.drop_table("waiting")
    op.drop_table("draft")
    op.drop_table("audit_entry")
