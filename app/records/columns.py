"""Which columns of a collection's list somebody looks at, and in which order: each member's own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from markupsafe import Markup, escape
from msgspec import Struct
from sqlalchemy import JSON, ForeignKeyConstraint, bindparam, delete, select
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.database import Base, PreparedChange, PreparedSelect, Tenanted, Transaction
from app.records.collections import Collection
from app.records.facts import ColumnsChosen
from app.records.fields import Field, Fields
from app.web.forms import number_of

# Of more fields than this a sheet of paper may be too narrow for the list.
MOST_SIDE_BY_SIDE = 7


class ListColumns(Tenanted, Base):
    """The columns that a member has chosen, by the refs of their fields; without a row, they see all."""

    __tablename__ = "list_columns"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "collection_id"], ["collection.tenant_id", "collection.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"], ondelete="CASCADE"),
    )

    collection_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    member_id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    refs: Mapped[list[str]] = mapped_column(JSON)


FIND_COLUMNS = PreparedSelect(
    lambda: select(ListColumns.refs).where(
        ListColumns.collection_id == bindparam("collection_id"), ListColumns.member_id == bindparam("member_id")
    )
)
FORGET_COLUMNS = PreparedChange(
    lambda: delete(ListColumns).where(
        ListColumns.collection_id == bindparam("collection_id"), ListColumns.member_id == bindparam("member_id")
    )
)


class Column(Struct, frozen=True):
    """A column of a list: a field, the classes of its cells, and what all of them begin with."""

    field: Field
    ref: str
    classes: str
    begins: str


class Columns(list[Column]):
    """The columns of a list."""

    def show_values(self, values: Mapping[str, str]) -> tuple[dict[str, str], dict[str, Markup]]:
        """The sort keys of a record, as the list in the page compares them, and its values as pages show them, but for
        the one that it is called by."""
        keys: dict[str, str] = {}
        shown: dict[str, Markup] = {}
        for column in self:
            value = values.get(column.ref, "")
            keys[column.ref] = column.field.sort_key(value)
            if column is not self[0]:
                shown[column.ref] = column.field.show(value)
        return keys, shown

    def show_cells(
        self, values: Mapping[str, str], keys: Mapping[str, str], shown: Mapping[str, Markup] | None = None
    ) -> Markup:
        """The cells of a record in the columns after the first, with the sort keys that there are, and with its values
        as they are shown if they were before; an empty one has a dash by css/table.css.

        A list has many, and each changed record another row of them: as a template they cost twice as much.
        """
        cells = []
        for column in self[1:]:
            ref = column.ref
            cell = column.field.show(values.get(ref, "")) if shown is None else shown[ref]
            key = f' data-key="{escape(keys[ref])}"' if ref in keys else ""
            cells.append(f"{column.begins}{key}>{cell}</td>")
        return Markup("".join(cells))  # noqa: S704  (all are markup, or escaped)


def columns_of(fields: Sequence[Field], chosen: Sequence[Field] | None = None) -> Columns:
    """The columns of a collection's list, all or some; the first is what records are called by, and on a phone the
    second is shown beneath it. Of many fields, each cell says what its column is called, for paper."""
    columns = Columns()
    labels = len(fields) > MOST_SIDE_BY_SIDE
    for place, field in enumerate(listed_of(fields) if chosen is None else chosen):
        classes = classes_of(field, place)
        label = f' data-label="{escape(field.label)}"' if labels else ""
        begins = f'<td{label} class="{classes}"' if classes else f"<td{label}"
        columns.append(Column(field, field.ref, classes, begins))
    return columns


def classes_of(field: Field, place: int) -> str:
    """The classes of a field's cells, in the column at a place."""
    classes = {
        "title": place == 0,
        "hide": place > 0 and not field.kind.has_choices,
        "numeric": field.kind.is_numeric,
        "whole": not field.kind.breaks,
        "address": field.kind.is_address,
    }
    return " ".join(name for name, has in classes.items() if has)


def listed_of(fields: Iterable[Field]) -> list[Field]:
    """The fields that a list can have columns of."""
    return [field for field in fields if field.kind.is_listed]


async def find_columns(
    transaction: Transaction, collection: Collection, fields: Fields, member: Member
) -> list[Field] | None:
    """The columns that a member has chosen, of the fields that are still there; None for who has not.

    What records are called by is always the first.
    """
    rows = await transaction.rows(FIND_COLUMNS, collection_id=collection.id, member_id=member.id)
    if not rows:
        return None
    listed = listed_of(fields)
    chosen = dict.fromkeys(fields.find_now(ref) for ref in rows[0][0])
    return listed[:1] + [field for field in chosen if field in listed[1:]]


async def find_columns_seen(
    transaction: Transaction, collection: Collection, fields: Fields, member: Member, key: str
) -> list[Field] | None:
    """Likewise, in a list that is sorted by a key: what that is of is seen, too, and compared when rows come."""
    chosen = await find_columns(transaction, collection, fields, member)
    sorted_by = fields.find_now(key)
    if chosen is not None and sorted_by and sorted_by.kind.is_listed and sorted_by not in chosen:
        chosen.append(sorted_by)
    return chosen


def put_in_order(places: Sequence[tuple[str, str]], chosen: Iterable[str]) -> list[str]:
    """The refs that were chosen, in the order of the places that were typed for them.

    They come as the form has shown them. What was moved onto the place of another takes it, and the other goes where
    the moved one came from; what has no place goes to the end.
    """
    wanted = set(chosen)
    order: list[tuple[float, int, str]] = []
    for at, (ref, typed) in enumerate(places, 1):
        place = float(number_of(typed)) or float("inf")
        order.append((place + (0.5 if place > at else -0.5 if place < at else 0), at, ref))
    return [ref for _, _, ref in sorted(order) if ref in wanted]


async def choose_columns(
    transaction: Transaction,
    collection: Collection,
    fields: Sequence[Field],
    member: Member,
    refs: Sequence[str] | None,
) -> None:
    """Let a member see these columns after the first, in this order; None for all. Other refs are left out."""
    await transaction.apply(FORGET_COLUMNS, collection_id=collection.id, member_id=member.id)
    if refs is not None:
        known = {field.ref for field in listed_of(fields)[1:]}
        kept = [ref for ref in dict.fromkeys(refs) if ref in known]
        transaction.add(ListColumns(collection_id=collection.id, member_id=member.id, refs=kept))
        await transaction.flush()
    transaction.note(ColumnsChosen(by=transaction.acting(member.id), member_id=member.id, collection_id=collection.id))
