"""Letters with strokes are found by those without: what is searched is made anew"""

from datetime import UTC, datetime

import sqlalchemy as sa
from alembic import op

revision = "0044"
down_revision = "0043"

REINDEX = "records.reindex-all"
STROKED = "ØøĐđĦħıŁłŦŧƀƗƚƵƶǤǥǾǿȺȻȼȽȾɃɆɇɈɉɌɍɎɏɨᵽⱠⱡⱣⱥⱦꝀꝁꝂꝃꝄꝅꝈꝉꝊꝋꝐꝑꝖꝗꝘꝙꝞꝟꞒꞓꞘꞙꞠꞡꞢꞣꞤꞥꞦꞧꞨꞩꞸꞹꟇꟈꟉꟊ"
PLAIN = "OoDdHhiLlTtbIlZzGgOoACcLTBEeJjRrYyipLlPatKkKkKkLlOoPpQqQqVvCcFfGgKkNnRrSsUuDdSs"
job = sa.table(
    "job",
    *(sa.column(name, sa.String()) for name in ("name", "key")),
    sa.column("workspace_id", sa.BigInteger()),
    sa.column("payload", sa.JSON()),
    sa.column("due_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    connection = op.get_bind()
    there = set(connection.scalars(sa.select(job.c.workspace_id).where(job.c.name == REINDEX)))
    tenants = connection.scalars(sa.select(sa.table("tenant", sa.column("id", sa.BigInteger())))).all()
    about = {"name": REINDEX, "payload": {}, "due_at": datetime.now(UTC)}
    if waiting := [about | {"key": str(each), "workspace_id": each} for each in tenants if each not in there]:
        connection.execute(sa.insert(job), waiting)
    take_strokes_from_messages(connection)


def take_strokes_from_messages(connection: sa.Connection) -> None:
    """In the index of messages, of which only those are written that have any. PostgreSQL's has the folded words alone,
    and no letter of theirs means anything in the text of such an index."""
    if connection.dialect.name == "postgresql":
        connection.execute(
            sa.text(
                "UPDATE message_index SET text = translate(text::text, :stroked, :plain)::tsvector"
                " WHERE text::text <> translate(text::text, :stroked, :plain)"
            ),
            {"stroked": STROKED, "plain": PLAIN},
        )
        return
    without = str.maketrans(STROKED, PLAIN)
    found = connection.execute(
        sa.text("SELECT rowid, text FROM message_index WHERE text GLOB :any"), {"any": f"*[{STROKED}]*"}
    )
    changed = [{"id": rowid, "text": text.translate(without)} for rowid, text in found]
    if changed:
        connection.execute(sa.text("UPDATE message_index SET text = :text WHERE rowid = :id"), changed)


def downgrade() -> None:
    op.execute(sa.delete(job).where(job.c.name == REINDEX))
