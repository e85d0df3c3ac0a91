"""What the state machine of records looks at: all there is of a collection, an open list of it, and what was typed."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from hypothesis.stateful import RuleBasedStateMachine
from sqlalchemy import select

from app.database import Transaction
from app.editing.drafts import Draft
from app.live.log import LoggedEvent
from app.records.collections import Collection, get_collection
from app.records.fields import Field, Fields, list_fields
from app.records.keys import RecordKey
from app.records.new_drafts import KIND as NEW_RECORD
from app.records.records import Record
from app.records.revisions import Revision
from tests.in_process import Program, rows_of
from tests.records.watched_keys import check_keys
from tests.sent_forms import SentForm, form_to

NAMES = ("ana", "bruno", "carla")
JOBS = "records."
# What is typed into fields of a kind; where it says nothing, and of others now and then, a text that nobody else types.
TYPED: dict[str, Sequence[str]] = {
    "whole_number": ["7", "1,234", "-1", ""],
    "decimal": ["1.50", "1,234.5", "0", ""],
    "yes_no": ["yes", ""],
    "choice": ["#1", "#2", "#3", ""],
    "choices": ["#1\n#2", "#3", "#2", ""],
    "date": ["2026-02-28", "0001-01-01", ""],
    "rating": ["3", "5", ""],
    "person": ["Bruno", "#4", "carla@acme.test", ""],
    "duration": ["1:30", "90", ""],
    "moment": ["2026-02-28T14:05", ""],
}
WRITTEN = ("text", "long_text")  # as they are typed
TICKED = ("yes_no", "choices", "rating")  # what has no place for another text
KINDS = (*WRITTEN, *TYPED)
MARK = "typed "

# By whom, the number of the record (0 of a new one), and the ref of the field.
Place = tuple[str, int, str]
Drafted = dict[Place, str]


def marks_in(texts: Iterable[str]) -> set[str]:
    """What nobody else has typed."""
    return {text for text in texts if text.startswith(MARK)}


@dataclass(eq=False)
class Tab:
    """An open form of a record: what it sends, and what was typed into it by the refs of fields."""

    person: str
    number: int
    form: SentForm
    typed: dict[str, str] = field(default_factory=dict)

    @property
    def token(self) -> int:
        return int(self.form["lock-token"].partition("-")[0] or 0)


@dataclass
class Now:
    """All there is of the collection."""

    collection: Collection
    fields: Fields
    records: dict[int, Record]
    revisions: dict[int, dict[int, dict[str, str]]]
    drafts: dict[tuple[str, int], dict[str, str]]
    keys: dict[tuple[int, int], tuple[int, str, str | None]]
    pushed: list[str]
    cursor: int

    def field(self, at: int) -> Field:
        return self.fields[at % len(self.fields)]

    def listed(self, *, deleted: bool = False) -> list[Record]:
        return [record for record in self.records.values() if (record.deleted_at is not None) == deleted]

    def has(self, number: int, value: str) -> bool:
        """Whether a record has, or had, a value."""
        record = self.records[number]
        return any(value in values.values() for values in (record.values, *self.revisions[record.id].values()))


def put(form: SentForm, known: Field, text: str) -> None:
    """Type a text into a form, or tick what it says."""
    if known.kind_name == "choices":
        form.values[known.ref] = [*text.split("\n"), ""] if text else [""]
    elif known.kind_name == "yes_no" and not text:
        form.values.pop(known.ref, None)
    elif known.kind_name == "moment":
        form.values[known.ref] = [text, *form.values.get(known.ref, [])[1:]]
    else:
        form.values[known.ref] = [text]


def put_mark(row: str, mark: str) -> str:
    """Put into a row who edits it."""
    return re.sub(r'(<span id="record-\d+-mark">).*?(</span>(?=<small|</td>))', lambda found: mark, row, flags=re.S)


class Watching(RuleBasedStateMachine):
    """A collection of its own, an open list of it, and what the people have typed."""

    program: Program
    address = ""
    made = 0

    def begin_with(self, program: Program) -> None:
        Watching.made += 1
        self.program = program
        answer = program.post("ana", "/collections/new", name=f"Things {Watching.made}", first="Title")
        self.address = answer.headers["location"].partition("/fields")[0]
        self.tabs: list[Tab] = []
        self.count = 0
        self.drafted: Drafted = {}
        self.settled: dict[tuple[str, int], int] = {}
        self.saved: dict[str, int] = {}
        self.undos: list[tuple[str, str, Drafted]] = []
        self.rows: dict[str, str] = {}
        self.cursor = 0
        self.look()

    async def find(self, transaction: Transaction) -> Now:
        collection = await get_collection(transaction, self.address.rpartition("/")[2])
        fields = await list_fields(transaction, collection)
        own = Record.collection_id == collection.id
        records = (await transaction.scalars(select(Record).where(own).order_by(Record.number))).all()
        ids = [record.id for record in records]
        revisions: dict[int, dict[int, dict[str, str]]] = {}
        asked = select(Revision.record_id, Revision.version, Revision.values).where(Revision.record_id.in_(ids))
        for record_id, version, values in await transaction.execute(asked):
            revisions.setdefault(record_id, {})[version] = values
        names = {self.program.ids[name]: name for name in NAMES}
        numbers = {("record", record.id): record.number for record in records} | {(NEW_RECORD, collection.id): 0}
        drafts = {
            (names[each.member_id], numbers[each.kind, each.row_id]): each.values or {}
            for each in await transaction.scalars(select(Draft).where(Draft.values.is_not(None)))
            if (each.kind, each.row_id) in numbers
        }
        keys = await transaction.scalars(select(RecordKey).where(RecordKey.record_id.in_(ids)))
        channel = f"collection.{collection.id}"
        logged = select(LoggedEvent.body).where(LoggedEvent.channel == channel, LoggedEvent.cursor > self.cursor)
        pushed = list(await transaction.scalars(logged.where(LoggedEvent.body != "").order_by(LoggedEvent.cursor)))
        return Now(
            collection,
            fields,
            {record.number: record for record in records},
            revisions,
            drafts,
            {(key.record_id, key.field_id): (key.number, key.sort_key, key.unique_key) for key in keys},
            pushed,
            transaction.tenant.cursor,
        )

    def look(self) -> Now:
        """All there is now. What was pushed since is put into the open list, as its script does."""
        self.now = self.program.read(self.find)
        self.cursor = self.now.cursor
        for body in self.now.pushed:
            if 'hx-target="#refresh"' in body:
                self.rows = rows_of(self.program.get("carla", self.address))
                break  # which has all that came after it, too
            what = re.search(r'<template data-what="(\w+)"', body)
            for number, row in rows_of(body).items():
                if what is None or (what[1] == "changed" and number in self.rows):
                    self.rows[number] = row
                elif what[1] == "deleted":
                    self.rows.pop(number, None)
            for number, mark in re.findall(r'<template data-mark="record-(\d+)-mark">(.*?)</template>', body, re.S):
                if number in self.rows:
                    self.rows[number] = put_mark(self.rows[number], mark.strip())
        return self.now

    def mark(self) -> str:
        self.count += 1
        return f"{MARK}{Watching.made}.{self.count}"

    def text_for(self, known: Field, choice: int) -> str:
        """What somebody types into a field."""
        given = TYPED.get(known.kind_name, ())
        if known.kind_name in TICKED or choice < len(given):
            return given[choice % len(given)]
        return self.mark()

    def forget_drafts(self, name: str, number: int) -> Drafted:
        """What somebody has typed is saved, thrown away, or replaced by themselves: what it was."""
        gone = {place: text for place, text in self.drafted.items() if place[:2] == (name, number)}
        self.drafted = {place: text for place, text in self.drafted.items() if place not in gone}
        return gone

    def note_draft(self, tab: Tab) -> None:
        """What was typed into a form is its member's draft now, and what other forms of theirs had is no more."""
        self.forget_drafts(tab.person, tab.number)
        marks = marks_in(tab.typed.values())
        self.drafted |= {(tab.person, tab.number, ref): text for ref, text in tab.typed.items() if text in marks}

    def open_form(self, name: str, number: int, path: str) -> None:
        """Open the page that edits a record; where there is a draft, go on with that."""
        page = self.program.get(name, path)
        typed = {ref: text for (who, of, ref), text in self.drafted.items() if (who, of) == (name, number)}
        form = form_to(page, "/draft/restore")
        if form is not None:
            self.check_shown(page, typed.values())
            answer = self.program.post(name, form.action, **form.values)
            page = self.program.get(name, answer.headers["location"])
        form = form_to(page, f"/{number}/edit")
        if form is not None and form.id == "record-form":
            self.check_shown(page, typed.values())
            self.tabs.append(Tab(name, number, form, typed))

    # What has to hold.

    def check_shown(self, page: str, marks: Iterable[str]) -> None:
        shown = html.unescape(page)
        lost = [text for text in marks if text not in shown]
        assert not lost, f"{lost} is not given back: {page.partition('<main')[2]}"

    def check_saved(self, number: int, typed: Mapping[str, str], before: Mapping[str, str]) -> None:
        """What was typed is what the record has; of what was removed meanwhile one was told first."""
        values = self.now.records[number].values
        for ref, text in typed.items():
            known = self.now.fields.find(ref)
            if known is None:
                assert not marks_in([text]), "a text for a removed field went nowhere"
                continue
            given, was = known.kind.join([text], known), before.get(ref, "")
            wanted = was if given == known.write(was) else known.read(given, was)
            assert known.kind_name == "moment" or values.get(ref, "") == wanted, f"{known.kind_name}: {text!r}"
            if known.kind_name in WRITTEN and text:
                self.saved[text] = number

    def check_typed(self) -> None:
        for (name, number, ref), text in self.drafted.items():
            kept = self.now.drafts.get((name, number), {})
            assert text in kept.get(ref, ""), f"{name}'s {text} of {number} is not kept any more"
        for text, number in self.saved.items():
            assert self.now.has(number, text), f"{text} was saved, and is nowhere"

    def check_holders(self) -> None:
        for record in self.now.records.values():
            holding = [
                tab
                for tab in self.tabs
                if tab.number == record.number
                and (self.program.ids[tab.person], tab.token) == (record.lock_member_id, record.lock_token)
            ]
            assert len(holding) <= 1, "two holders"
            assert record.deleted_at is None or record.lock_member_id is None, "a deleted record is locked"

    def check_versions(self) -> None:
        for record in self.now.records.values():
            versions = sorted(self.now.revisions[record.id])
            assert versions == list(range(1, record.version + 1)), "a version is missing, or there twice"
            last = self.now.revisions[record.id][record.version]
            assert last or not record.values
        assert self.now.collection.total == len(self.now.listed())

    def check_keys(self) -> None:
        check_keys(self.now, waiting=bool(self.program.count_jobs(JOBS)))

    def check_list(self) -> None:
        fresh = rows_of(self.program.get("carla", self.address))
        assert self.rows == fresh, "an open list is not what a fresh one is"
