"""The choices of a field: each is a thing with a name, a colour and a place among the others, and can be archived."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import ColumnElement, String, literal, or_, select
from sqlalchemy.orm import InstrumentedAttribute

from app.database import Transaction
from app.editing.drafts import Draft
from app.folding import fold
from app.records.fields import Field
from app.records.kinds.choices import CHOICE_REFERENCE
from app.records.kinds.kind import FieldChoice
from app.records.new_drafts import KIND as NEW_RECORD
from app.records.records import Record
from app.records.revisions import Revision
from app.web.forms import clean_line
from app.web.texts import TOO_MANY_MARKS, Text, _l, drop_unseen, has_heaps, is_blank

MOST_CHOICES = 100
# With those that can't be chosen any more.
MOST_KEPT_CHOICES = 150
MOST_OF_A_CHOICE = 60
CHOICE_COLORS = ("green", "amber", "blue", "grey", "red", "violet")
# The greatest id that a field's choices have had, in its options: none is given again.
LAST_CHOICE = "last_choice"
# A choice as it is wanted: one that is there, with what is to be known of it, or the name of one.
GivenChoice = FieldChoice | str


def name_choices(given: Sequence[GivenChoice], before: Sequence[FieldChoice] = (), last: int = 0) -> list[FieldChoice]:
    """The choices that are wanted, in that order: those that are there stay who they are, and other names are new.

    Those that are not wanted any more come last, and can't be chosen: records that have them keep them.
    """
    left = {choice["id"]: choice for choice in before}
    last = max(last, *left, 0)
    named: list[FieldChoice] = []
    wanted = {choice["id"] for choice in given if not isinstance(choice, str)}
    seen: set[str] = set()
    for each in given:
        if not isinstance(each, str):
            known = left.pop(each["id"], None)
            if known is not None:
                color = each["color"] if each["color"] in CHOICE_COLORS else known["color"]
                named.append(FieldChoice(id=known["id"], name=each["name"], color=color, archived=each["archived"]))
            continue
        if each in seen:
            continue
        seen.add(each)
        same = [choice for choice in left.values() if fold(choice["name"]) == fold(each) and choice["id"] not in wanted]
        if same:
            named.append(left.pop(same[0]["id"]) | {"name": each, "archived": False})
            continue
        last += 1
        color = CHOICE_COLORS[(last - 1) % len(CHOICE_COLORS)]
        named.append(FieldChoice(id=last, name=each, color=color, archived=False))
    return named + [choice | {"archived": True} for choice in left.values()]


def clean_choice(given: GivenChoice) -> GivenChoice:
    """A choice that is wanted, with a name as `clean_line` makes it."""
    return clean_line(given) if isinstance(given, str) else given | {"name": clean_line(given["name"])}


def find_fault(choices: Sequence[FieldChoice]) -> Text | None:
    """Why these can't be the choices of a field."""
    names = [choice["name"] for choice in choices if not choice["archived"]]
    if not names:
        return _l("Enter one choice per line.")
    if any(is_blank(choice["name"]) for choice in choices):
        return _l("A choice needs a name.")
    if any(has_heaps(choice["name"]) for choice in choices):
        return TOO_MANY_MARKS
    if len(names) > MOST_CHOICES or any(len(choice["name"]) > MOST_OF_A_CHOICE for choice in choices):
        return _l("At most %(number)d choices of up to 60 characters.", number=MOST_CHOICES)
    if len(choices) > MOST_KEPT_CHOICES:
        return _l("At most %(number)d choices, including archived ones.", number=MOST_KEPT_CHOICES)
    if any(CHOICE_REFERENCE.fullmatch(name) for name in names):
        return _l("The name of a choice can't be # and a number.")
    if len({fold(drop_unseen(name)) for name in names}) < len(names):
        return _l("Two choices have the same name.")
    return None


def list_gone(before: Sequence[FieldChoice], given: Sequence[GivenChoice], after: Iterable[FieldChoice]) -> list[int]:
    """The ids of the choices that nobody wants any more. A list of names says nothing of those archived already."""
    archived = {choice["id"] for choice in after if choice["archived"]}
    wanted = {choice["id"] for choice in given if not isinstance(choice, str)}
    by_id = bool(wanted) or not given
    return [
        choice["id"]
        for choice in before
        if choice["id"] in archived and choice["id"] not in wanted and (by_id or not choice["archived"])
    ]


def holds_choice(
    values: InstrumentedAttribute[dict[str, str]] | InstrumentedAttribute[dict[str, str] | None], ref: str, choice: int
) -> ColumnElement[bool]:
    """Whether values, or what was typed, have a choice: by its id, of several with spaces or ends of lines between."""
    value = values[ref].as_string()
    space, line = literal(" ", String()), literal("\n", String())
    stored = space.concat(value).concat(space).contains(f" {choice} ")
    return or_(stored, line.concat(value).concat(line).contains(f"\n#{choice}\n"))


async def is_choice_used(transaction: Transaction, field: Field, choice: int) -> bool:
    """Whether a record, a revision of one, or what somebody has typed and not saved, has a choice."""
    own = Record.collection_id == field.collection_id
    for statement in (
        select(Record.id).where(own, holds_choice(Record.values, field.ref, choice)),
        select(Draft.row_id).where(
            Draft.kind == NEW_RECORD,
            Draft.row_id == field.collection_id,
            Draft.values.is_not(None),
            holds_choice(Draft.values, field.ref, choice),
        ),
        select(Draft.row_id)
        .join(Record, (Record.id == Draft.row_id) & (Record.tenant_id == Draft.tenant_id))
        .where(
            own,
            Draft.kind == Record.kind_name,
            Draft.values.is_not(None),
            holds_choice(Draft.values, field.ref, choice),
        ),
        select(Revision.record_id)
        .join(Record, (Record.id == Revision.record_id) & (Record.tenant_id == Revision.tenant_id))
        .where(own, holds_choice(Revision.values, field.ref, choice)),
    ):
        if await transaction.scalar(statement.limit(1)) is not None:
            return True
    return False


async def drop_unused(
    transaction: Transaction, field: Field, choices: Sequence[FieldChoice], gone: Sequence[int]
) -> list[FieldChoice]:
    """The choices without those that nobody wants and nothing has."""
    dropped = [each for each in gone if not await is_choice_used(transaction, field, each)]
    return [choice for choice in choices if choice["id"] not in dropped]
