"""Each emoji has one form, and a unique key fits its column"""

import hashlib

import sqlalchemy as sa
from alembic import op
from emoji import demojize, emojize

revision = "0014"
down_revision = "0013"
needs_stop = "writes emoji and unique values in another form, in which earlier programs don't find them"

LIMIT = 500


def upgrade() -> None:
    connection = op.get_bind()
    reaction = sa.table("reaction", *map(sa.column, ("tenant_id", "message_id", "member_id", "emoji")))
    twin = reaction.alias()
    for (written,) in connection.execute(sa.select(reaction.c.emoji).distinct()).all():
        qualified = emojize(demojize(written))
        if qualified == written:
            continue
        both = sa.exists().where(
            twin.c.tenant_id == reaction.c.tenant_id,
            twin.c.message_id == reaction.c.message_id,
            twin.c.member_id == reaction.c.member_id,
            twin.c.emoji == qualified,
        )
        connection.execute(sa.delete(reaction).where(reaction.c.emoji == written, both))
        connection.execute(sa.update(reaction).where(reaction.c.emoji == written).values(emoji=qualified))
    key = sa.table("record_key", *map(sa.column, ("tenant_id", "record_id", "field_id", "unique_key")))
    long = sa.select(key.c.tenant_id, key.c.record_id, key.c.field_id, key.c.unique_key).where(
        sa.func.length(key.c.unique_key) > LIMIT
    )
    for tenant_id, record_id, field_id, folded in connection.execute(long).all():
        digest = hashlib.sha256(folded.encode()).hexdigest()
        connection.execute(
            sa.update(key)
            .where(key.c.tenant_id == tenant_id, key.c.record_id == record_id, key.c.field_id == field_id)
            .values(unique_key=f"{folded[: LIMIT - len(digest)]}{digest}")
        )


def downgrade() -> None:
    pass
