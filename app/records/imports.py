"""Importing a table, or what was exported as JSON: planned line by line. `import_writing.py` writes it.

A line with a number changes that record, one without adds one. The plan is shown first, and what it was made from is
checked again when it is written.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence

from msgspec import Struct, field
from sqlalchemy import bindparam, select

from app.accounts.form_answers import digest_values
from app.accounts.members import Member
from app.database import PreparedSelect, Transaction
from app.database.tenancy import read_locale
from app.editing.lock_statements import is_held
from app.editing.rows import Held
from app.records.access import find_refused
from app.records.bulk import reason_of
from app.records.collections import Collection
from app.records.fields import Field, Fields, list_fields
from app.records.history import Difference, compare
from app.records.import_json import JsonSource, open_json
from app.records.import_lines import ImportSource, Line, What
from app.records.import_table import TableSource, UnknownColumns
from app.records.json_files import JsonFile, is_json, read_json_file
from app.records.keys import Taken, check_taken, find_taken, unique_key
from app.records.records import Record, Values, title_of
from app.records.tables import Table, parse_table
from app.records.values import find_overstepped, list_read_only
from app.web.forms import Invalid, number_of
from app.web.texts import LANGUAGES, Text, _l

MOST_LINES = 2_000
# Reading values takes a while: after so many, others get a turn.
CELLS_AT_ONCE = 200
# What a text was read as, or why it can't be imported.
ImportedText = Table | JsonFile | Invalid


class Plan(Struct):
    """What an import would do. `errors` are about the whole; then it has no lines.

    `definition` is what the fields were that it was made with, `formats` how their values are written, and `keys` are
    theirs by the labels that errors have.
    """

    source: ImportSource | None = None
    errors: list[Text] = field(default_factory=list)
    definition: tuple[tuple[str, int], ...] = ()
    formats: str = ""
    keys: Mapping[str, str] = field(default_factory=dict)
    # Columns are called as no field, and there are others beside them.
    lacks_fields: bool = False
    skippable: bool = False

    @property
    def lines(self) -> list[Line]:
        """The lines, in their order."""
        return self.source.lines if self.source else []

    @property
    def wrong(self) -> list[Line]:
        """The lines that can't be imported as they are."""
        return [line for line in self.lines if line.errors]

    def count(self, what: What) -> int:
        """How many lines would do something."""
        return sum(line.what == what for line in self.lines)

    @property
    def width(self) -> int:
        """Of how many fields it has values."""
        return len(self.source.columns) if self.source else 0

    @property
    def empty_columns(self) -> list[str]:
        """The names of the columns that have nothing in them; '' for one without a name."""
        return self.source.empty_columns if self.source else []

    @property
    def is_from_elsewhere(self) -> bool:
        """Whether it is what was exported from another collection."""
        return isinstance(self.source, JsonSource) and not self.source.is_same

    @property
    def left_out(self) -> list[tuple[Text, list[str]]]:
        """What is not taken, by the reason."""
        found: dict[str, tuple[Text, list[str]]] = {}
        for label, reason in self.source.left_out if self.source else ():
            found.setdefault(reason.message, (reason, []))[1].append(label)
        return list(found.values())

    @property
    def seen(self) -> str:
        """Numbers and versions of the records that the plan would change."""
        return " ".join(f"{line.record.number}:{line.record.version}" for line in self.lines if line.record)

    @property
    def shown_definition(self) -> str:
        """What the preview was made with, in short: the fields, and how numbers, dates and times are read."""
        return digest_values(self.definition, self.formats)[:24]

    def table_of(self, lines: Sequence[Line]) -> str:
        """Some of the lines, to be imported again."""
        return self.source.write(lines) if self.source else ""


def definition_of(fields: Sequence[Field]) -> tuple[tuple[str, int], ...]:
    """What tells fields that were changed from those of before."""
    return tuple((each.ref, each.version) for each in fields)


def parse_import(text: str) -> ImportedText:
    """What a text is read as: what was exported as JSON, or a table; or why it is neither. That takes a while, and
    needs no transaction."""
    try:
        return read_json_file(text, MOST_LINES) if is_json(text) else parse_table(text, most=MOST_LINES)
    except Invalid as invalid:
        return invalid


async def open_source(
    transaction: Transaction, collection: Collection, fields: Fields, parsed: ImportedText, *, skips: bool
) -> TableSource | JsonSource:
    """What was read, as lines for the fields of a collection. Raises Invalid."""
    if isinstance(parsed, Invalid):
        raise parsed
    if isinstance(parsed, JsonFile):
        return await open_json(transaction, collection, fields, parsed)
    language = fields[0].language if fields else transaction.tenant.language
    return TableSource(fields, parsed, language, skips=skips)


def written_in(fields: Fields, locale: str) -> None:
    """Let what fields read be written as in a locale, such as `pt_BR`, whatever the workspace's is: numbers and dates,
    and words for yes and no, where the program speaks its language."""
    spoken = locale.partition("_")[0]
    for each in fields:
        each.locale = read_locale(locale)
        each.language = next((one for one in LANGUAGES if one.partition("_")[0] == spoken), each.language)


async def plan_import(
    transaction: Transaction,
    collection: Collection,
    member: Member,
    parsed: ImportedText,
    *,
    locale: str = "",
    skips: bool = False,
) -> Plan:
    """What importing what was read would do, as written in a locale, or the workspace's; it changes nothing. Columns
    that are called as no field are refused, or left out if it `skips` them."""
    fields = await list_fields(transaction, collection)
    if locale:
        written_in(fields, locale)
    try:
        source = await open_source(transaction, collection, fields, parsed, skips=skips)
    except Invalid as invalid:
        skippable = isinstance(invalid, UnknownColumns) and invalid.others
        return Plan(
            errors=list(invalid.errors.values()),
            lacks_fields=isinstance(invalid, UnknownColumns),
            skippable=skippable,
        )
    formats = " ".join((*(f"{each.locale} {each.language}" for each in fields[:1]), member.time_zone))
    plan = Plan(source, [], definition_of(fields), formats, {each.label: each.key for each in fields})
    records = await find_records(transaction, collection, [line.number for line in plan.lines])
    read: list[tuple[Line, Values]] = []
    refused = await find_refused(transaction, member, collection, [record for record, _ in records.values() if record])
    at_once = max(1, CELLS_AT_ONCE // max(1, len(fields)))
    read_only = list_read_only(fields, member)
    for at, line in enumerate(plan.lines):
        if at % at_once == 0:
            await asyncio.sleep(0)
        if number := line.number:
            line.record, running = records.pop(number, (None, False))
            if line.record is None or line.record.deleted_at is not None:
                unknown = _l("There is no record with the number %(number)s, or it appears twice.", number=number)
                line.errors.append(("", unknown))
                continue
            if line.record in refused:
                line.errors.append(("", refused[line.record]))
                continue
            if running:
                line.held_by = reason_of(line.record, Held(), member)
        read_record_line(fields, source, line, read_only)
        if not line.errors:
            read.append((line, line.values))
    taken = await find_taken(transaction, fields, [values for _, values in read])
    earlier: dict[tuple[str, str], Line] = {}
    for at, (line, values) in enumerate(read):
        if at % at_once == 0:
            await asyncio.sleep(0)
        plan_line(fields, line, values, taken, earlier)
    return plan


LIST_HELD = PreparedSelect(
    lambda: select(Record, is_held(Record)).where(
        Record.collection_id == bindparam("collection_id"), Record.number.in_(bindparam("numbers"))
    )
)


async def find_records(
    transaction: Transaction, collection: Collection, numbers: Sequence[str]
) -> dict[str, tuple[Record | None, bool]]:
    """Records by what is written as their number, and whether somebody holds them."""
    wanted = {number_of(each): each for each in numbers}
    rows = await transaction.rows(LIST_HELD, collection_id=collection.id, numbers=wanted)
    return {wanted[record.number]: (record, held) for record, held in rows}


def read_record_line(fields: list[Field], source: ImportSource, line: Line, read_only: Sequence[Field]) -> None:
    """Read a line's values over those that its record has, or a new one begins with. What won't do, the line notes, and
    what its member may not change."""
    line.values = (
        dict(line.record.values) if line.record else {each.ref: each.default for each in fields if each.default}
    )
    touched = [] if line.record else list(fields)
    for each, read in source.cells(line):
        touched.append(each)
        line.given.append(each)
        try:
            value = read(line.values.get(each.ref, "") if line.record else "")
        except ValueError as error:
            line.errors.append((each.label, error.args[0]))
            continue
        line.values = {**line.values, each.ref: value}
    said = {label for label, _ in line.errors}
    line.errors += [
        (each.label, _l("This can't be empty."))
        for each in dict.fromkeys(touched)
        if each.required
        and not each.kind.computed
        and each not in read_only
        and not line.values.get(each.ref)
        and not (line.record and not line.record.values.get(each.ref))  # it was empty before that was asked for
        and each.label not in said
    ]
    line.values = {ref: value for ref, value in line.values.items() if value}
    overstepped = find_overstepped(read_only, line.record.values if line.record else None, line.values)
    line.errors += [(each.label, refusal) for each, refusal in overstepped.items()]


def note_errors(fields: list[Field], line: Line, invalid: Invalid) -> None:
    """Note what won't do in a line, by the names of the fields."""
    labels = {each.ref: each.label for each in fields}
    line.errors += [(labels[ref], reason) for ref, reason in invalid.errors.items()]


def plan_line(
    fields: list[Field], line: Line, values: Values, taken: Taken, earlier: dict[tuple[str, str], Line]
) -> None:
    """Note what a line would do. `taken` are unique values that records have, `earlier` those of the lines before."""
    try:
        check_taken(fields, values, line.record.id if line.record else None, taken)
    except Invalid as invalid:
        note_errors(fields, line, invalid)
        return
    for each in fields:
        if each.unique and values.get(each.ref):
            other = earlier.setdefault((each.ref, unique_key(each, values[each.ref])), line)
            if other is not line:
                line.errors.append((each.label, _l("%(place)s has the same value.", place=other.place)))
    before = line.record.values if line.record else {}
    line.title = title_of(fields, values)
    differences = {
        change.field: Difference(
            change.field,
            change.field.write(change.after),
            change.field.write(change.before),
            True,
            f"{change.before} {change.after}",
        )
        for change in compare(fields, before, values)
    }
    if not line.record:  # there it says something that the line has no value, as 'No' does
        nones = [each for each in line.given if each.kind.shows_none and each not in differences]
        differences |= {each: Difference(each, "", "", True) for each in nones}
    line.differences = tuple(differences[each] for each in fields if each in differences)
    if line.record:
        line.what = "same" if not line.differences else "held" if line.held_by else "change"
