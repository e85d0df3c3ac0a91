"""Chat: rooms, messages, files, search"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

from app.database.types import WHOLE_NUMBER

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "room",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("slug", sa.String(length=80), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("description", sa.String(length=500), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=True),
        sa.Column("last_number", sa.BigInteger(), nullable=False),
        sa.Column("created_by_id", WHOLE_NUMBER, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "created_by_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_room_tenant_id_created_by_id_member"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_room_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_room")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_room_tenant_id_id")),
        sa.UniqueConstraint("tenant_id", "slug", name="uq_room_slug"),
        sa.UniqueConstraint("tenant_id", "subject", name="uq_room_subject"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "membership",
        sa.Column("room_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("read_number", sa.BigInteger(), nullable=False),
        sa.Column("notify", sa.String(length=10), nullable=False),
        sa.Column("draft", sa.Text(), nullable=False),
        sa.Column("joined_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_membership_tenant_id_member_id_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "room_id"],
            ["room.tenant_id", "room.id"],
            name=op.f("fk_membership_tenant_id_room_id_room"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_membership_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("room_id", "member_id", name=op.f("pk_membership")),
    )
    op.create_index("ix_membership_member", "membership", ["tenant_id", "member_id"])

    op.create_table(
        "message",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("room_id", WHOLE_NUMBER, nullable=False),
        sa.Column("number", sa.BigInteger(), nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, nullable=False),
        sa.Column("key", sa.String(length=40), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("html", sa.Text(), nullable=False),
        sa.Column("reply_to_id", WHOLE_NUMBER, nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("edited_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("deleted_by_id", WHOLE_NUMBER, nullable=True),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "deleted_by_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_message_tenant_id_deleted_by_id_member"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_message_tenant_id_member_id_member"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "reply_to_id"],
            ["message.tenant_id", "message.id"],
            name=op.f("fk_message_tenant_id_reply_to_id_message"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "room_id"],
            ["room.tenant_id", "room.id"],
            name=op.f("fk_message_tenant_id_room_id_room"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_message_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_message")),
        sa.UniqueConstraint("tenant_id", "id", name=op.f("uq_message_tenant_id_id")),
        sa.UniqueConstraint("tenant_id", "member_id", "key", name="uq_message_key"),
        sa.UniqueConstraint("tenant_id", "room_id", "number", name="uq_message_number"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "attachment",
        sa.Column("id", WHOLE_NUMBER, nullable=False),
        sa.Column("room_id", WHOLE_NUMBER, nullable=False),
        sa.Column("message_id", WHOLE_NUMBER, nullable=True),
        sa.Column("member_id", WHOLE_NUMBER, nullable=False),
        sa.Column("key", sa.String(length=32), nullable=False),
        sa.Column("name", sa.String(length=120), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("media_type", sa.String(length=100), nullable=False),
        sa.Column("width", WHOLE_NUMBER, nullable=True),
        sa.Column("height", WHOLE_NUMBER, nullable=True),
        sa.Column("preview", sa.Boolean(), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_attachment_tenant_id_member_id_member"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "message_id"],
            ["message.tenant_id", "message.id"],
            name=op.f("fk_attachment_tenant_id_message_id_message"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "room_id"],
            ["room.tenant_id", "room.id"],
            name=op.f("fk_attachment_tenant_id_room_id_room"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_attachment_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_attachment")),
    )
    op.create_index("ix_attachment_message", "attachment", ["tenant_id", "message_id"])

    op.create_table(
        "mention",
        sa.Column("message_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "message_id"],
            ["message.tenant_id", "message.id"],
            name=op.f("fk_mention_tenant_id_message_id_message"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_mention_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "member_id", name=op.f("pk_mention")),
    )
    op.create_table(
        "message_revision",
        sa.Column("message_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("number", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "message_id"],
            ["message.tenant_id", "message.id"],
            name=op.f("fk_message_revision_tenant_id_message_id_message"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_message_revision_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "number", name=op.f("pk_message_revision")),
    )
    op.create_table(
        "reaction",
        sa.Column("message_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("member_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("emoji", sa.String(length=16), nullable=False),
        sa.Column("made_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_reaction_tenant_id_member_id_member"),
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id", "message_id"],
            ["message.tenant_id", "message.id"],
            name=op.f("fk_reaction_tenant_id_message_id_message"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_reaction_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "member_id", "emoji", name=op.f("pk_reaction")),
    )
    op.create_table(
        "record_reference",
        sa.Column("message_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("position", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("subject", sa.String(length=80), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "message_id"],
            ["message.tenant_id", "message.id"],
            name=op.f("fk_record_reference_tenant_id_message_id_message"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_record_reference_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("message_id", "position", name=op.f("pk_record_reference")),
    )
    op.create_index(op.f("ix_record_reference_subject"), "record_reference", ["subject"])
    if op.get_bind().dialect.name == "sqlite":
        op.execute(
            "CREATE VIRTUAL TABLE message_index"
            " USING fts5(tenant_id UNINDEXED, text, tokenize = 'unicode61 remove_diacritics 2')"
        )
    else:
        create_index_on_postgresql()


def create_index_on_postgresql() -> None:
    op.create_table(
        "message_index",
        sa.Column("rowid", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("tenant_id", sa.BigInteger(), nullable=False),
        sa.Column("text", postgresql.TSVECTOR(), nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_message_index_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("rowid", name=op.f("pk_message_index")),
    )
    op.create_index("ix_message_index_text", "message_index", ["text"], postgresql_using="gin")
    # Why a function: app/database/fulltext.py.
    op.execute(
        """
        CREATE FUNCTION search_message_index(query tsquery) RETURNS SETOF bigint
        LANGUAGE sql STABLE SECURITY DEFINER SET search_path FROM CURRENT AS $$
            SELECT rowid FROM message_index
            WHERE text @@ query AND tenant_id = nullif(current_setting('app.tenant', true), '')::bigint
        $$
        """
    )
    op.execute("REVOKE ALL ON FUNCTION search_message_index FROM PUBLIC")


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        op.execute("DROP FUNCTION search_message_index")
    for table in (
        "message_index",
        "attachment",
        "record_reference",
        "mention",
        "reaction",
        "message_revision",
        "message",
        "membership",
        "room",
    ):
        op.drop_table(table)
