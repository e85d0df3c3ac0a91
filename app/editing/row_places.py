"""Where editable rows are seen, by which names they are found, and who may read them.

Each kind registers how that is said of its rows; drafts, queues, cards and notifications know a row by the kind's name
and an id, such as `record-42`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from typing import Any

from msgspec import Struct

from app.accounts.members import Member
from app.database import Transaction
from app.editing.rows import Editable
from app.web.forms import number_of


class RowPlace(Struct, frozen=True):
    """Where people see an editable row, and as what: its name in element ids, its channel, its address, its title with
    a state such as 'Lent', whether it is in the bin, the channel of the list it is in, its icon, and what that list is
    called."""

    name: str
    channel: str
    address: str
    title: str
    list_channel: str
    state: str = ""
    gone: bool = False
    icon: str = "book"
    list_name: str = ""

    @property
    def list_address(self) -> str:
        """Where the list is."""
        return self.address.rpartition("/")[0]


FindRowPlaces = Callable[[Transaction, Sequence[Any]], Awaitable[list[RowPlace]]]
FindPeople = Callable[[Transaction, Any], Awaitable[list[int]]]
Written = tuple[str, int]
FindRows = Callable[[Transaction, Sequence[Written]], Awaitable[Mapping[Written, Any]]]


class EditableKind(Struct, frozen=True):
    """A model of editable rows, under the name that drafts and queues know it by.

    `find_rows` gives the rows that people write as `#42`, or as `#42` of a list, as far as they are there;
    `find_people` the ids of those who made a row and changed it. `find_rows` and `find_places` are in a fixed number
    of queries for any number of rows.
    """

    name: str
    model: type[Editable]
    find_places: FindRowPlaces
    find_rows: FindRows
    find_people: FindPeople


class Card(Struct, frozen=True):
    """A row as other things refer to it. Of one that not everybody may read who gets it, only its name is `told`: each
    asks for the rest alone, but whom it is `refused`."""

    row: Editable
    place: RowPlace
    told: bool = True
    refused: bool = False


EDITABLE_KINDS: dict[str, EditableKind] = {}


def editable(
    model: type[Editable], find_rows: FindRows, find_people: FindPeople
) -> Callable[[FindRowPlaces], FindRowPlaces]:
    """Register a model whose rows are edited by one person at a time, with the function that tells rows' places."""

    def add(find_places: FindRowPlaces) -> FindRowPlaces:
        EDITABLE_KINDS[model.kind_name] = EditableKind(model.kind_name, model, find_places, find_rows, find_people)
        return find_places

    return add


def kind_of(row: Editable) -> EditableKind:
    """The kind that a row is of."""
    return EDITABLE_KINDS[row.kind_name]


# Those of some rows that a member may read; of None, that everybody may read who belongs to the whole workspace.
ListReadable = Callable[[Transaction, Member | None, Sequence[Any]], Awaitable[Sequence[Any]]]
READABLE: dict[str, ListReadable] = {}


def tells_readable(model: type[Editable]) -> Callable[[ListReadable], ListReadable]:
    """Register the function that says which rows of a model somebody may read."""

    def add(list_readable: ListReadable) -> ListReadable:
        READABLE[model.kind_name] = list_readable
        return list_readable

    return add


# The rows that somebody edits now, a number at most, of those that everybody may read who belongs to the whole
# workspace.
ListEdited = Callable[[Transaction, int], Awaitable[Sequence[Any]]]
EDITED: dict[str, ListEdited] = {}


def lists_edited(model: type[Editable]) -> Callable[[ListEdited], ListEdited]:
    """Register the function that lists the rows of a model that are edited now."""

    def add(list_edited: ListEdited) -> ListEdited:
        EDITED[model.kind_name] = list_edited
        return list_edited

    return add


async def list_readable_rows(
    transaction: Transaction, member: Member | None, rows: Iterable[Editable]
) -> list[Editable]:
    """Those of some rows that a member may read; of None, that everybody may read who is no guest."""
    wanted = list(rows)
    found: set[Editable] = set()
    for name in {row.kind_name for row in wanted}:
        found |= set(await READABLE[name](transaction, member, [row for row in wanted if row.kind_name == name]))
    return [row for row in wanted if row in found]


async def find_subjects(
    transaction: Transaction, written: Sequence[Written], author: Member | None = None
) -> dict[Written, str]:
    """The names, such as `record-42`, of the rows that people write as numbers in lists ('' for the first list), as far
    as the author may read them, where one is given."""
    subjects: dict[Written, str] = {}
    for kind in EDITABLE_KINDS.values():
        wanted = [each for each in written if each not in subjects]
        rows = await kind.find_rows(transaction, wanted) if wanted else {}
        if rows and author is not None:
            allowed = set(await READABLE[kind.name](transaction, author, list(rows.values())))
            rows = {each: row for each, row in rows.items() if row in allowed}
        subjects |= {each: f"{kind.name}-{row.id}" for each, row in rows.items()}
    return subjects


async def find_card(transaction: Transaction, subject: str) -> Card | None:
    """The row of a name such as `record-42`, if there is one."""
    return (await find_cards(transaction, [subject])).get(subject)


async def find_cards(transaction: Transaction, subjects: Iterable[str]) -> dict[str, Card]:
    """The rows of names such as `record-42`, as far as they are there."""
    ids: dict[str, list[int]] = defaultdict(list)
    for subject in subjects:
        name, _, number = subject.rpartition("-")
        if name in EDITABLE_KINDS:
            ids[name].append(number_of(number))
    cards: dict[str, Card] = {}
    for name, numbers in ids.items():
        rows = await transaction.find_all(EDITABLE_KINDS[name].model, numbers)
        places = await find_row_places(transaction, list(rows.values()))
        cards |= {place.name: Card(row, place) for row, place in places.items()}
    return cards


async def find_row_places(transaction: Transaction, rows: Sequence[Editable]) -> dict[Editable, RowPlace]:
    """Where rows are seen. A transaction finds that once, and again when something has changed what they are called."""
    known: dict[Editable, RowPlace] = transaction.info.setdefault(RowPlace, {})
    missing = [row for row in rows if row not in known]
    for name in {row.kind_name: None for row in missing}:
        own = [row for row in missing if row.kind_name == name]
        known.update(zip(own, await EDITABLE_KINDS[name].find_places(transaction, own), strict=True))
    return {row: known[row] for row in rows}
