"""Messages have their text without markup beside them"""

import re
from html import unescape

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0009"
down_revision = "0008"

# Messages that are filled in at once.
BATCH = 500


# Enough of Markdown for what was there: marks at the start of lines, of code and emphasis, links, escapes. The program
# of today is not asked: it may have become another one, or be gone.
LINE_MARKS = re.compile(r"^[ \t]*(?:(?:>|[-*+]|\d{1,9}[.)]|#{1,6})[ \t]+)+|^[ \t]*(?:`{3,}|~{3,})[^\n]*$", re.MULTILINE)
LINK = re.compile(r"!?\[([^\[\]]{1,500})\]\((?:https?://|mailto:)[^\s()]{1,2000}\)")
MARKS = re.compile(r"\*\*|~~|`+|(?<!\w)[*_]+(?=\S)|(?<=\S)[*_]+(?!\w)")
ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
REMOVED = re.compile("[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")


def plain_text(text: str) -> str:
    """A message on one line, without its markup; one of nothing but markup stays as it is."""
    kept: list[str] = []

    def keep(found: re.Match[str]) -> str:
        kept.append(found[1])
        return "\ue000"

    words = LINK.sub(r"\1", LINE_MARKS.sub("", ESCAPED.sub(keep, text.replace("\ue000", ""))))
    words = unescape(MARKS.sub("", words))
    for each in kept:
        words = words.replace("\ue000", each, 1)
    words = " ".join(REMOVED.sub("", words).split())
    return (words or " ".join(REMOVED.sub("", text).split()))[: len(text)]


def upgrade() -> None:
    op.add_column("message", sa.Column("plain", sa.Text(), nullable=False, server_default=""))
    message = sa.table(
        "message", sa.column("id", WHOLE_NUMBER), sa.column("text", sa.Text()), sa.column("plain", sa.Text())
    )
    connection = op.get_bind()
    fill = sa.update(message).where(message.c.id == sa.bindparam("message_id")).values(plain=sa.bindparam("plain_text"))
    last = 0
    while rows := connection.execute(
        sa.select(message.c.id, message.c.text)
        .where(message.c.id > last, message.c.text != "")
        .order_by(message.c.id)
        .limit(BATCH)
    ).all():
        connection.execute(fill, [{"message_id": row.id, "plain_text": plain_text(row.text)} for row in rows])
        last = rows[-1].id


def downgrade() -> None:
    op.drop_column("message", "plain")
