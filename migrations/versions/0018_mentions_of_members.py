"""A mention in a message refers to the member, whatever that one is called by now"""

import re
from html import unescape

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0018"
down_revision = "0017"
needs_stop = "writes mentions as numbers of members, which earlier programs show as they are"

BATCH = 1_000
MENTION = re.compile(r'<span class="mention" data-member="([0-9]+)">@([^<]*)</span>')


def with_numbers(text: str, mentions: list[tuple[str, str]]) -> str:
    """The text with the members' numbers for their names, where it is certain which ones are mentions.

    The same name may also stand in code or in a link. Then the text stays as it is.
    """
    numbers = {name.casefold(): number for number, name in mentions}
    names = "|".join(re.escape(name) for _, name in sorted(mentions, key=lambda each: -len(each[1])))
    pattern = re.compile(rf"(?<!\w)@({names})(?!\w)", re.IGNORECASE)
    if [found[1].casefold() for found in pattern.finditer(text)] != [name.casefold() for _, name in mentions]:
        return text
    return pattern.sub(lambda found: f"\ufdd0{numbers[found[1].casefold()]}\ufdd1", text)


def upgrade() -> None:
    message = sa.table(
        "message",
        sa.column("id", WHOLE_NUMBER),
        sa.column("text", sa.Text()),
        sa.column("html", sa.Text()),
        sa.column("plain", sa.Text()),
    )
    connection = op.get_bind()
    fill = (
        sa.update(message)
        .where(message.c.id == sa.bindparam("message_id"))
        .values(text=sa.bindparam("typed"), plain=sa.bindparam("line"))
    )
    last = 0
    while rows := connection.execute(
        sa.select(message)
        .where(message.c.id > last, message.c.html.contains('<span class="mention" data-member='))
        .order_by(message.c.id)
        .limit(BATCH)
    ).all():
        changed = []
        for row in rows:
            mentions = [(found[1], unescape(found[2])) for found in MENTION.finditer(row.html)]
            typed, line = with_numbers(row.text, mentions), with_numbers(row.plain, mentions)
            if (typed, line) != (row.text, row.plain):
                changed.append({"message_id": row.id, "typed": typed, "line": line})
        if changed:
            connection.execute(fill, changed)
        last = rows[-1].id


def downgrade() -> None:
    message = sa.table(
        "message", sa.column("id", WHOLE_NUMBER), sa.column("text", sa.Text()), sa.column("plain", sa.Text())
    )
    member = sa.table("member", sa.column("id", WHOLE_NUMBER), sa.column("name", sa.Text()))
    connection = op.get_bind()
    names = {str(row.id): row.name for row in connection.execute(sa.select(member))}
    marked = sa.select(message).where(message.c.text.contains("\ufdd0") | message.c.plain.contains("\ufdd0"))
    for row in connection.execute(marked).all():
        values = {
            column: re.sub("\ufdd0([0-9]+)\ufdd1", lambda found: f"@{names.get(found[1], '')}", getattr(row, column))
            for column in ("text", "plain")
        }
        connection.execute(sa.update(message).where(message.c.id == row.id).values(**values))
