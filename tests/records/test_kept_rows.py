"""A row of a list that is kept is what it would be if it were made anew, whatever has changed that it shows."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
from babel import Locale

from app.records import kept_rows
from app.records.collections import Collection
from app.records.columns import MOST_SIDE_BY_SIDE, columns_of
from app.records.fields import Field
from app.records.kept_rows import ShownRows
from app.records.kinds.known_people import People
from app.records.records import Record
from app.web.templates import environment

CHOICES = [
    {"id": 1, "name": "On the shelf", "color": "green", "archived": False},
    {"id": 2, "name": "Lent", "color": "red", "archived": False},
]


def make_field(number: int, kind: str, label: str, **other: Any) -> Field:
    return Field(id=number, tenant_id=1, collection_id=1, kind_name=kind, label=label, key=label.lower(), **other)


@dataclass
class World:
    """A collection with a record, and how its list is shown."""

    collection: Collection = field(default_factory=lambda: Collection(id=1, tenant_id=1, slug="books", name="Books"))
    fields: list[Field] = field(
        default_factory=lambda: [
            make_field(1, "text", "Title", options={}, choices=[]),
            make_field(2, "decimal", "Pages", options={}, choices=[]),
            make_field(3, "choice", "Status", options={}, choices=CHOICES),
            make_field(4, "rating", "Stars", options={"most": 5}, choices=[]),
        ]
    )
    record: Record = field(
        default_factory=lambda: Record(
            id=7,
            tenant_id=1,
            number=3,
            version=2,
            search="",
            values={"f1": "Dom Casmurro", "f2": "1234.5", "f3": "1", "f4": "4"},
        )
    )
    language: str = "en"
    keys: dict[str, str] = field(default_factory=dict)
    chosen: Sequence[int] | None = None

    def prepare(self) -> None:
        for each in self.fields:
            each.language = self.language

    def list_rows(self) -> ShownRows:
        self.prepare()
        columns = columns_of(self.fields, None if self.chosen is None else [self.fields[each] for each in self.chosen])
        return ShownRows(self.collection, self.fields, columns)

    def macro(self) -> Any:
        return environment(self.language).get_template("records/_row.html").module.row  # type: ignore[attr-defined]

    def shown(self) -> str:
        return str(self.list_rows().show(self.macro(), self.record, self.keys))

    def anew(self) -> str:
        rows = self.list_rows()
        return str(self.macro()(self.collection, self.fields, rows.columns, self.record, self.keys))


def lock(world: World) -> None:
    world.record.lock_member_id, world.record.lock_name, world.record.lock_role = 1, "Bruno", "admin"
    world.record.lock_until, world.record.lock_offered = 10**15, False


def add_people(world: World, name: str) -> None:
    world.fields.append(make_field(5, "person", "Reader", options={}, choices=[]))
    world.fields[-1].people = People([(1, name, "", True)])
    world.record.values = {**world.record.values, "f5": "1"}


def rename_choice(world: World, **change: Any) -> None:
    world.fields[2].choices = [{**CHOICES[0], **change}, CHOICES[1]]  # type: ignore[typeddict-item,list-item]


def add_fields(world: World, label: str) -> None:
    more = range(10, 10 + MOST_SIDE_BY_SIDE)
    world.fields += [make_field(n, "text", f"{label} {n}", options={}, choices=[]) for n in more]


CHANGES: dict[str, Callable[[World], object]] = {
    "value": lambda world: world.record.values.update(f1="Quincas Borba"),
    "value beneath": lambda world: world.record.values.update(f2="9"),
    "no value": lambda world: world.record.values.pop("f1"),
    "number": lambda world: setattr(world.record, "number", 4),
    "version": lambda world: setattr(world.record, "version", 3),
    "record": lambda world: setattr(world.record, "id", 8),
    "address": lambda world: setattr(world.collection, "slug", "novels"),
    "choice's name": lambda world: rename_choice(world, name="Here"),
    "choice's colour": lambda world: rename_choice(world, color="blue"),
    "option": lambda world: world.fields[3].options.update(most=9),
    "kind": lambda world: setattr(world.fields[1], "kind_name", "text"),
    "order": lambda world: world.fields.reverse(),
    "fewer columns": lambda world: setattr(world, "chosen", [0, 2]),
    "other columns": lambda world: setattr(world, "chosen", [0, 3]),
    "fewer fields": lambda world: world.fields.pop(),
    "labels": lambda world: add_fields(world, "Other"),
    "other labels": lambda world: add_fields(world, "More"),
    "language": lambda world: setattr(world, "language", "pt_BR"),
    "no name in another language": lambda world: (setattr(world, "language", "pt_BR"), world.record.values.clear()),
    "no name": lambda world: world.record.values.clear(),
    "locale": lambda world: [setattr(each, "locale", Locale("de")) for each in world.fields],
    "sorted": lambda world: world.keys.update(f1="dom"),
    "sorted by another key": lambda world: world.keys.update(f1="dom casmurro"),
    "sorted by another field": lambda world: world.keys.update(f2="0"),
    "who edits": lock,
    "somebody": lambda world: add_people(world, "Ana"),
    "somebody renamed": lambda world: add_people(world, "Ana Maria"),
}


@pytest.fixture(autouse=True)
def nothing_kept(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(kept_rows, "KEPT", {})
    return


def test_a_row_is_made_once() -> None:
    world = World()
    first = world.shown()
    assert first == world.anew()
    assert len(kept_rows.KEPT) == 1
    rows = World().list_rows()

    def fail(*_: Any) -> Any:
        raise AssertionError("it is kept")

    assert str(rows.show(fail, World().record, {})) == first


def test_whatever_changes_that_it_shows_makes_another_row() -> None:
    before: dict[str, str] = {"nothing": World().shown()}
    for name, change in CHANGES.items():
        world = World()
        change(world)
        before[name] = world.shown()
        assert before[name] == world.anew(), name
    alike = [sorted(name for name in before if before[name] == row) for row in set(before.values())]
    assert [names for names in alike if len(names) > 1] == [["language", "nothing"]], "each change shows"
    for name, change in CHANGES.items():
        world = World()
        change(world)
        assert world.shown() == before[name], f"{name}: it is shown again as it was"


def test_few_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(kept_rows, "MOST_ROWS_KEPT", 3)
    for number in range(10):
        world = World()
        world.record.id = number
        world.shown()
    assert len(kept_rows.KEPT) == 3
