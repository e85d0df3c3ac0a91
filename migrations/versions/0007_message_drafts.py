"""Drafts of messages in a table of their own: they need no membership, and no room"""

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0007"
down_revision = "0006"
needs_stop = "moves drafts of messages out of the memberships, where earlier programs keep them"


def upgrade() -> None:
    op.create_table(
        "message_draft",
        sa.Column("member_id", WHOLE_NUMBER, autoincrement=False, nullable=False),
        sa.Column("place", sa.String(length=80), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("typed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("tenant_id", WHOLE_NUMBER, nullable=False),
        sa.ForeignKeyConstraint(
            ["tenant_id", "member_id"],
            ["member.tenant_id", "member.id"],
            name=op.f("fk_message_draft_tenant_id_member_id_member"),
            ondelete="CASCADE",
        ),
        sa.ForeignKeyConstraint(
            ["tenant_id"], ["tenant.id"], name=op.f("fk_message_draft_tenant_id_tenant"), ondelete="CASCADE"
        ),
        sa.PrimaryKeyConstraint("member_id", "place", name=op.f("pk_message_draft")),
    )
    op.execute(
        "INSERT INTO message_draft (member_id, place, text, typed_at, tenant_id) "
        "SELECT membership.member_id, "
        "CASE WHEN room.kind = 'discussion' THEN room.subject ELSE 'room-' || room.id END, "
        "membership.draft, CURRENT_TIMESTAMP, membership.tenant_id "
        "FROM membership JOIN room ON room.id = membership.room_id WHERE membership.draft <> ''"
    )
    op.drop_column("membership", "draft")


def downgrade() -> None:
    op.add_column("membership", sa.Column("draft", sa.Text(), server_default="", nullable=False))
    op.execute(
        "UPDATE membership SET draft = coalesce((SELECT message_draft.text FROM message_draft JOIN room "
        "ON message_draft.place = CASE WHEN room.kind = 'discussion' THEN room.subject ELSE 'room-' || room.id END "
        "WHERE room.id = membership.room_id AND message_draft.member_id = membership.member_id "
        "AND message_draft.tenant_id = membership.tenant_id AND room.tenant_id = membership.tenant_id), '')"
    )
    op.drop_table("message_draft")
