"""Values belong to fields by their ids, and to choices by theirs; definitions have versions; workspaces a locale"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

import sqlalchemy as sa
from alembic import op

from app.database.types import WHOLE_NUMBER

revision = "0026"
down_revision = "0025"
needs_stop = "stores the values of records under the ids of their fields"

# Records that are written at once, with their revisions and drafts.
BATCH = 200
COLORS = ("green", "amber", "blue", "grey")
# What a value of a kind looks like, where not every text will do.
SHAPES = {
    "date": re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}"),
    "yes_no": re.compile("yes"),
    "link": re.compile(r"https?://\S+"),
    "email": re.compile(r"\S+@\S+"),
}

field = sa.table(
    "field",
    *(sa.column(name, WHOLE_NUMBER) for name in ("tenant_id", "id", "collection_id")),
    *(sa.column(name, sa.String()) for name in ("key", "kind", "default")),
    sa.column("unique", sa.Boolean()),
    sa.column("choices", sa.JSON()),
    sa.column("options", sa.JSON()),
)
record = sa.table(
    "record",
    *(sa.column(name, WHOLE_NUMBER) for name in ("tenant_id", "id", "collection_id")),
    sa.column("values", sa.JSON()),
)
past = sa.table(
    "revision",
    *(sa.column(name, WHOLE_NUMBER) for name in ("record_id", "version")),
    sa.column("values", sa.JSON()),
)
draft = sa.table(
    "draft",
    sa.column("kind", sa.String()),
    *(sa.column(name, WHOLE_NUMBER) for name in ("tenant_id", "row_id", "member_id")),
    sa.column("values", sa.JSON(none_as_null=True)),
)
offer = sa.table(
    "undo_offer",
    *(sa.column(name, WHOLE_NUMBER) for name in ("tenant_id", "id")),
    sa.column("kind", sa.String()),
    sa.column("state", sa.JSON()),
)
keys = sa.table(
    "record_key",
    *(sa.column(name, WHOLE_NUMBER) for name in ("record_id", "field_id")),
    sa.column("unique_key", sa.String()),
)
job = sa.table(
    "job",
    *(sa.column(name, sa.String()) for name in ("name", "key")),
    sa.column("workspace_id", WHOLE_NUMBER),
    sa.column("payload", sa.JSON()),
    sa.column("due_at", sa.DateTime(timezone=True)),
)


def upgrade() -> None:
    op.add_column("tenant", sa.Column("locale", sa.String(length=20), nullable=False, server_default=""))
    op.add_column("collection", sa.Column("version", sa.BigInteger(), nullable=False, server_default="1"))
    op.add_column("field", sa.Column("version", sa.BigInteger(), nullable=False, server_default="1"))
    op.add_column("field", sa.Column("options", sa.JSON(), nullable=False, server_default="{}"))
    fields = read_fields()
    rewrite(fields, lambda each: each.key, NamedField.to_ids)
    for each in fields:
        options = {"grouping": False} if each.kind in ("whole_number", "decimal") else {}
        default = each.to_ids(each.default)[1] if each.default else ""
        each.store(default=default, choices=each.choices, options=options)
        if each.unique:
            mend_unique_keys(each)
    op.execute("ALTER TABLE field RENAME COLUMN kind TO kind_name")
    reindex_all()


def downgrade() -> None:
    op.execute("ALTER TABLE field RENAME COLUMN kind_name TO kind")
    fields = read_fields()
    rewrite(fields, lambda each: each.ref, NamedField.to_names)
    for each in fields:
        names = [choice["name"] for choice in each.choices if not choice["archived"]]
        each.store(default=each.to_names(each.default)[1] if each.default else "", choices=names)
    op.execute("DELETE FROM job WHERE name IN ('records.reindex', 'records.reindex-all')")
    op.drop_column("field", "options")
    op.drop_column("field", "version")
    op.drop_column("collection", "version")
    op.drop_column("tenant", "locale")


class NamedField:
    """A field as values know it: by its key and the names of its choices before, by its id and theirs afterwards."""

    def __init__(self, row: Any) -> None:
        self.tenant_id, self.id, self.collection_id = row.tenant_id, row.id, row.collection_id
        self.key, self.kind, self.default, self.unique = row.key, row.kind, row.default, row.unique
        self.choices: list[dict[str, Any]] = []
        for choice in row.choices or []:
            if isinstance(choice, dict):
                self.choices.append(choice)
            else:
                self.add_choice(choice, archived=False)

    @property
    def ref(self) -> str:
        """What its values are stored under."""
        return f"f{self.id}"

    def add_choice(self, name: str, *, archived: bool) -> dict[str, Any]:
        """One more choice: what records have that could not be chosen any more is archived."""
        number = len(self.choices) + 1
        choice = {"id": number, "name": name, "color": COLORS[(number - 1) % len(COLORS)], "archived": archived}
        self.choices.append(choice)
        return choice

    def to_ids(self, value: str) -> tuple[str, str]:
        """Under what a value is stored, and how. What can't be of this kind is set aside: a field that was removed, and
        added again as another kind, had what its predecessor's values were."""
        if self.kind == "choice":
            known = next((each for each in self.choices if each["name"] == value), None)
            return self.ref, str((known or self.add_choice(value, archived=True))["id"])
        if self.kind in ("whole_number", "decimal"):
            try:
                number = Decimal(value)
            except InvalidOperation:
                return f"removed.{self.key}", value
            return self.ref, format(number.normalize(), "f") if number else "0"
        if self.kind in SHAPES and not SHAPES[self.kind].fullmatch(value):
            return f"removed.{self.key}", value
        return self.ref, value

    def to_names(self, value: str) -> tuple[str, str]:
        """Under what a value was stored before, and how."""
        if self.kind == "choice":
            return self.key, next((each["name"] for each in self.choices if str(each["id"]) == value), value)
        return self.key, value

    def store(self, **values: Any) -> None:
        """Write what has become of the field."""
        here = sa.update(field).where(field.c.tenant_id == self.tenant_id, field.c.id == self.id)
        op.get_bind().execute(here.values(**values))


def read_fields() -> list[NamedField]:
    """All fields, in a fixed order."""
    has_options = "options" in {column["name"] for column in sa.inspect(op.get_bind()).get_columns("field")}
    columns = [column for column in field.c if has_options or column.name != "options"]
    return [NamedField(row) for row in op.get_bind().execute(sa.select(*columns).order_by(field.c.id)).all()]


def rewrite(
    fields: Sequence[NamedField],
    name_of: Callable[[NamedField], str],
    convert: Callable[[NamedField, str], tuple[str, str]],
) -> None:
    """Write all values under other names: of records, their revisions and drafts, and of what waits to be put back."""
    by_name: dict[tuple[int, int], dict[str, NamedField]] = {}
    for each in fields:
        by_name.setdefault((each.tenant_id, each.collection_id), {})[name_of(each)] = each

    def convert_values(place: tuple[int, int], values: Mapping[str, str]) -> dict[str, str]:
        known = by_name.get(place, {})
        return dict(
            convert(known[name], value) if name in known else (f"removed.{name.removeprefix('removed.')}", value)
            for name, value in values.items()
        )

    def rename_typed(place: tuple[int, int], typed: Mapping[str, str] | None) -> dict[str, str] | None:
        """What is typed stays as it is typed: it is read again by those who typed it."""
        known = by_name.get(place, {})
        names = {name: each.key if name == each.ref else each.ref for name, each in known.items()}
        return {names.get(name, name): text for name, text in typed.items()} if typed else None

    connection = op.get_bind()
    places: dict[tuple[int, int], tuple[int, int]] = {}
    for rows in list_records():
        ids = [row.id for row in rows]
        of = {row.id: (row.tenant_id, row.collection_id) for row in rows}
        write = sa.update(record).where(record.c.id == sa.bindparam("record"))
        connection.execute(
            write.values(values=sa.bindparam("converted")),
            [{"record": row.id, "converted": convert_values(of[row.id], row.values)} for row in rows],
        )
        revisions = connection.execute(sa.select(past).where(past.c.record_id.in_(ids))).all()
        here = past.c.record_id == sa.bindparam("record"), past.c.version == sa.bindparam("at")
        if revisions:
            connection.execute(
                sa.update(past).where(*here).values(values=sa.bindparam("converted")),
                [
                    {
                        "record": row.record_id,
                        "at": row.version,
                        "converted": convert_values(of[row.record_id], row.values),
                    }
                    for row in revisions
                ],
            )
        drafted = sa.select(draft.c.row_id).where(draft.c.kind == "record", draft.c.row_id.in_(ids))
        offered = connection.execute(drafted).scalars()
        places.update({(of[each][0], each): of[each] for each in offered})
    for row in connection.execute(sa.select(draft)).all():
        place = (row.tenant_id, row.row_id)
        place = places.get(place, place) if row.kind == "record" else place
        here_ = (
            draft.c.kind == row.kind,
            draft.c.tenant_id == row.tenant_id,
            draft.c.row_id == row.row_id,
            draft.c.member_id == row.member_id,
        )
        connection.execute(sa.update(draft).where(*here_).values(values=rename_typed(place, row.values)))
    for row in connection.execute(
        sa.select(offer).where(offer.c.kind.in_(["draft.discarded", "new-draft.discarded"]))
    ).all():
        collection_id = row.state.get("collection") or connection.scalar(
            sa.select(record.c.collection_id).where(record.c.id == row.state["record"])
        )
        if collection_id is None:
            continue
        state = {**row.state, "values": rename_typed((row.tenant_id, collection_id), row.state["values"])}
        connection.execute(sa.update(offer).where(offer.c.id == row.id).values(state=state))


def list_records() -> Iterator[Sequence[Any]]:
    """All records, batch by batch."""
    last = 0
    chosen = sa.select(record).order_by(record.c.id).limit(BATCH)
    while rows := op.get_bind().execute(chosen.where(record.c.id > last)).all():
        yield rows
        last = rows[-1].id


def mend_unique_keys(each: NamedField) -> None:
    """Let what keeps values unique be what they are now: numbers are the same however they were typed, and choices are
    their ids. Of two that have become the same, the second keeps what it had: nothing is taken from a record."""
    if each.kind not in ("whole_number", "decimal", "choice"):
        return
    connection = op.get_bind()
    statement = (
        sa.select(record.c.id, record.c["values"], keys.c.unique_key)
        .join(keys, keys.c.record_id == record.c.id)
        .where(keys.c.field_id == each.id, keys.c.unique_key.is_not(None))
        .order_by(record.c.id)
    )
    rows = connection.execute(statement).all()
    taken = {row.unique_key for row in rows}
    for row in rows:
        key = row.values.get(each.ref, row.unique_key)
        if key not in taken:
            here = keys.c.record_id == row.id, keys.c.field_id == each.id
            connection.execute(sa.update(keys).where(*here).values(unique_key=key))
            taken.add(key)


def reindex_all() -> None:
    """Have what is searched and sorted made anew, soon after the start: lists are as they were until then."""
    connection = op.get_bind()
    collection = sa.table("collection", sa.column("tenant_id", WHOLE_NUMBER), sa.column("id", WHOLE_NUMBER))
    waiting = [
        {
            "name": "records.reindex",
            "key": f"{row.tenant_id} {row.id}",
            "workspace_id": row.tenant_id,
            "payload": {"collection": row.id},
            "due_at": datetime.now(UTC),
        }
        for row in connection.execute(sa.select(collection)).all()
    ]
    if waiting:
        connection.execute(sa.insert(job), waiting)
