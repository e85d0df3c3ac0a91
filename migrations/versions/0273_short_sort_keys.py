"""Texts are sorted by keys a quarter as long: those that are there are written as the program writes them now"""

from __future__ import annotations

from bisect import bisect_left
from datetime import UTC, datetime
from itertools import groupby, pairwise

import sqlalchemy as sa
from alembic import op

revision = "0273"
down_revision = "0272"

needs_stop = "sorts texts by shorter keys, among which those that earlier programs write have no place"

# Keys of texts have characters from FIRST on, a weight each, and blanks between the letters, the accents and the cases.
FIRST, EMPTY, LIMIT, BATCH = "\u0100", "\U0010ffff", 120, 5000
SURROGATES = 0xD800, 0x800
# Of a blank, the digits and the letters from a to z.
OFTEN = [
    *(521, 7229, 7230, 7231, 7232, 7233, 7234, 7235, 7236, 7237, 7238, 7239, 7264, 7290, 7311, 7338, 7397, 7412, 7448),
    *(7474, 7500, 7525, 7543, 7594, 7609, 7645, 7692, 7713, 7731, 7793, 7829, 7861, 7907, 7925, 7935, 7947, 7969),
]
DISTANCES = [1 if weight == before + 1 else 2 for before, weight in pairwise([0, *OFTEN])]
CODES = [ord("?") + sum(DISTANCES[: place + 1]) - 1 for place in range(len(OFTEN))]
KEY = ("tenant_id", "record_id", "field_id")
REINDEX = "records.reindex-all"
record_key = sa.table(
    "record_key",
    *(sa.column(name, sa.BigInteger()) for name in KEY),
    sa.column("sort_key", sa.String()),
)
job = sa.table(
    "job",
    *(sa.column(name, sa.String()) for name in ("name", "key")),
    sa.column("workspace_id", sa.BigInteger()),
    sa.column("payload", sa.JSON()),
    sa.column("due_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    connection = op.get_bind()
    shorten_keys(connection)
    reindex_soon(connection)


def downgrade() -> None:
    reindex_soon(op.get_bind())  # by the program of before


def shorten_keys(connection: sa.Connection) -> None:
    """Some thousands at a time, so that they need no memory."""
    of_key = record_key.c.record_id, record_key.c.field_id
    behind = sa.tuple_(*of_key) > sa.tuple_(*(sa.bindparam(f"after_{each.name}", type_=each.type) for each in of_key))
    of_text, of_accents = record_key.c.sort_key >= FIRST, record_key.c.sort_key.between(" ", " " + EMPTY)
    found = (
        sa.select(*of_key, record_key.c.sort_key)
        .where(behind, sa.or_(of_text, of_accents), record_key.c.sort_key != EMPTY)
        .order_by(*of_key)
        .limit(BATCH)
    )
    write = (
        sa.update(record_key)
        .where(*(column == sa.bindparam(f"of_{column.name}") for column in of_key))
        .values(sort_key=sa.bindparam("shorter"))
    )
    after = {"after_record_id": 0, "after_field_id": 0}
    while rows := connection.execute(found, after).all():
        changed = [
            {"of_record_id": record_id, "of_field_id": field_id, "shorter": shorten(key)}
            for record_id, field_id, key in rows
        ]
        connection.execute(write, changed)
        after = {"after_record_id": rows[-1].record_id, "after_field_id": rows[-1].field_id}


def shorten(key: str) -> str:
    """A key of before as it is written now."""
    letters, *others = ([weigh(each) for each in level] for level in key.split(" "))
    written = "".join(map(write_letter, letters))
    for weights, usual in zip(others, (0x20, 0x02), strict=False):
        written += " " + write_level(weights, usual)
    return written[:LIMIT].rstrip(" ")


def weigh(character: str) -> int:
    first, count = SURROGATES
    code = ord(character)
    return (code - count if code >= first else code) - ord(FIRST)


def write_weight(weight: int) -> str:
    first, count = SURROGATES
    code = weight + ord(FIRST)
    return chr(code + count if code >= first else code)


def write_letter(weight: int) -> str:
    place = bisect_left(OFTEN, weight)
    if place == len(OFTEN):
        return write_weight(weight - OFTEN[-1])
    return chr(CODES[place]) if OFTEN[place] == weight else chr(CODES[place] - 1) + write_weight(weight)


def write_level(weights: list[int], usual: int) -> str:
    written = ended = ""
    for weight, alike in groupby(weights):
        count = len(list(alike))
        if weight == usual:
            full, rest = divmod(count, 26)
            written += chr(ord("[") - 26) * full + (chr(ord("[") - rest) if rest else "")
        else:
            code = ord("`") + weight - usual
            written += (chr(code) if code <= ord("~") else write_weight(code)) * count
            ended = written
    return ended


def reindex_soon(connection: sa.Connection) -> None:
    """Open lists are fetched anew when it has been done; of keys as long as they may be the end is another one now."""
    there = set(connection.scalars(sa.select(job.c.workspace_id).where(job.c.name == REINDEX)))
    tenants = connection.scalars(sa.select(sa.table("tenant", sa.column("id", sa.BigInteger())))).all()
    about = {"name": REINDEX, "payload": {}, "due_at": datetime.now(UTC)}
    if waiting := [about | {"key": str(each), "workspace_id": each} for each in tenants if each not in there]:
        connection.execute(sa.insert(job), waiting)
