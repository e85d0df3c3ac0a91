"""The lines of an import, whatever they were read from."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from typing import Any, Literal, Protocol

from msgspec import Struct, field

from app.records.fields import Field
from app.records.history import Difference
from app.records.records import Record, Values
from app.web.texts import Text, _l

What = Literal["add", "change", "same", "held"]

WRITTEN_BY_PROGRAM = _l("Skipped, because the program fills it in:")
NO_FILES = _l("Skipped, because files are not included:")
NO_FIELD = _l("Skipped, because there is no field with this name:")


class Line(Struct):
    """A line of the table: what it would do, to which record, and what is wrong with it, with each field's label.

    `at` is its place in what it was read from, and `place` what people know that by. `said` is what it was read from,
    where that is no table; `version` what the record was at when it was exported, 0 where that is not known; `given`
    are the fields that it has something for.
    """

    at: int
    place: Text
    cells: list[str]
    number: str = ""
    version: int = 0
    values: Values = field(default_factory=dict)
    given: list[Field] = field(default_factory=list)
    record: Record | None = None
    what: What = "add"
    title: str = ""
    differences: tuple[Difference, ...] = ()
    errors: list[tuple[str, Text]] = field(default_factory=list)
    held_by: Text | None = None
    said: Any = None

    @property
    def is_older(self) -> bool:
        """Whether the record was changed since it was exported."""
        return self.record is not None and 0 < self.version < self.record.version


# Reads the value of a cell over the one of before. Raises ValueError with a Text.
ReadCell = Callable[[str], str]


class ImportSource(Protocol):
    """What an import is read from: its lines, what of it is left out, each with the reason, the names of columns that
    have nothing in them, and whether it has times that are taken as those of the member's zone."""

    lines: list[Line]
    left_out: list[tuple[str, Text]]
    empty_columns: list[str]
    takes_times: bool

    @property
    def columns(self) -> Collection[object]:
        """What it has values of."""
        ...

    def cells(self, line: Line) -> Iterable[tuple[Field, ReadCell]]:
        """What a line has for fields whose values are typed."""
        ...

    def write(self, lines: Sequence[Line]) -> str:
        """Some of the lines, to be imported again."""
        ...


def why_left_out(field: Field) -> Text | None:
    """Why an import has nothing for a field, if so."""
    if field.kind.is_typed:
        return None
    return WRITTEN_BY_PROGRAM if field.kind.computed else NO_FILES
