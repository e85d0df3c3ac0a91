"""Records while everything changes: who types, saves, leaves and takes over, and meanwhile fields come, go, and become
others, tables are imported, and records go into the bin and come out of it, by pages alone and in any order.

What holds after each step: one holder, versions without gaps, what is sorted, unique and searched as it would be made
anew, an open list as a fresh one, and everything that somebody typed is somewhere.
"""

from __future__ import annotations

import csv
import io
import re
from unittest import mock

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, invariant, precondition, rule, run_state_machine_as_test

from app.records import kind_changes
from app.records.fields import Field
from tests.databases import Store
from tests.faults.extent import times
from tests.in_process import Program
from tests.records.watching import JOBS, KINDS, NAMES, Tab, Watching, marks_in, put
from tests.sent_forms import form_to

PEOPLE = st.sampled_from(NAMES)
ANY = st.integers(0, 11)
COMPUTED = ("changed_at", "created_by", "record_number")
CHOICES = "Good\nBad; or worse\nLost"
PROGRAM: list[Program] = []


class Records(Watching):
    """Three people who fill a collection, and one of them who says what is in it."""

    @initialize(kinds=st.lists(st.sampled_from(KINDS), min_size=1, max_size=3), count=st.integers(1, 5))
    def begin(self, kinds: list[str], count: int) -> None:
        self.begin_with(PROGRAM[0])
        for kind in kinds:
            self.add_field(kind)
        for _ in range(count):
            self.add("ana", {})

    # What people do with records.

    @precondition(lambda self: len(self.now.records) < 12)
    @rule(name=PEOPLE, choices=st.dictionaries(ANY, ANY, max_size=3))
    def add(self, name: str, choices: dict[int, int]) -> None:
        form = form_to(self.program.get(name, f"{self.address}/new"), "/new")
        assert form
        typed = {}
        for at, choice in {0: 11, **choices}.items():
            known = self.now.field(at)
            if not known.kind.computed:
                typed[known.ref] = self.text_for(known, choice)
                put(form, known, typed[known.ref])
        answer = self.program.post(name, f"{self.address}/new", **form.values)
        self.look()
        self.forget_drafts(name, 0)
        if answer.status_code == 303:
            self.check_saved(int(answer.headers["location"].rpartition("/")[2]), typed, {})
            return
        assert answer.status_code in (409, 422), answer.text
        self.check_shown(answer.text, marks_in(typed.values()))
        self.drafted |= {(name, 0, ref): text for ref, text in typed.items() if marks_in([text])}

    @precondition(lambda self: self.now.listed())
    @rule(name=PEOPLE, at=ANY)
    def open(self, name: str, at: int) -> None:
        listed = self.now.listed()
        number = listed[at % len(listed)].number
        self.open_form(name, number, f"{self.address}/{number}/edit")

    @precondition(lambda self: any(each.lock_member_id for each in self.now.listed()))
    @rule(name=PEOPLE, at=ANY)
    def take_over(self, name: str, at: int) -> None:
        held = [record for record in self.now.listed() if record.lock_member_id]
        record = held[at % len(held)]
        path = f"{self.address}/{record.number}/lock/take-over"
        answer = self.program.post(name, path, **{"seen-lock": str(record.lock_token)})
        if "/edit" in answer.headers["location"]:
            self.open_form(name, record.number, answer.headers["location"])

    @precondition(lambda self: self.tabs)
    @rule(tab=ANY, at=ANY, choice=ANY, sends=st.booleans())
    def type(self, tab: int, at: int, choice: int, sends: bool) -> None:
        """Into any field that the form has, whether or not the collection has it still."""
        chosen = self.tabs[tab % len(self.tabs)]
        known = [each for each in (*self.now.fields, *self.now.fields.removed) if not each.kind.computed]
        inputs = [each for each in known if each.ref in chosen.form["has-fields"].split()]
        if not inputs:
            return
        into = inputs[at % len(inputs)]
        chosen.typed[into.ref] = text = self.text_for(into, choice)
        put(chosen.form, into, text)
        if sends:
            path = f"{self.address}/{chosen.number}/draft"
            answer = self.program.post(chosen.person, path, **chosen.form.values)
            assert answer.status_code in (204, 409)
            if answer.status_code == 204:
                self.note_draft(chosen)

    @precondition(lambda self: self.tabs)
    @rule(tab=ANY)
    def save(self, tab: int) -> None:
        chosen = self.tabs.pop(tab % len(self.tabs))
        before, place = self.now.records[chosen.number], (chosen.person, chosen.number)
        answer = self.program.post(chosen.person, f"{self.address}/{chosen.number}/edit", **chosen.form.values)
        after = self.look().records[chosen.number]
        if answer.status_code == 303:
            assert after.version - before.version in (0, 1)
            self.forget_drafts(*place)
            self.settled[place] = after.lock_token
            told = chosen.form.values.get("removed-fields", [])
            typed = {ref: text for ref, text in chosen.typed.items() if ref not in told}
            self.check_saved(chosen.number, typed, before.values)
            return
        assert answer.status_code in (409, 422), answer.text
        marks = marks_in(chosen.typed.values())
        self.check_shown(answer.text, marks)
        if marks and marks <= set(self.now.drafts.get(place, {}).values()):
            self.note_draft(chosen)
        form = form_to(answer.text, f"/{chosen.number}/edit")
        if form is not None:
            typed = {ref: text for ref, text in chosen.typed.items() if ref in form.values}
            self.tabs.append(Tab(chosen.person, chosen.number, form, typed))

    @precondition(lambda self: self.tabs)
    @rule(tab=ANY)
    def leave(self, tab: int) -> None:
        chosen = self.tabs.pop(tab % len(self.tabs))
        place = (chosen.person, chosen.number)
        path = f"{self.address}/{chosen.number}/lock/release"
        assert self.program.post(chosen.person, path, **chosen.form.values).status_code == 303
        newer = any((each.person, each.number) == place and each.token >= chosen.token for each in self.tabs)
        if newer or self.settled.get(place, -1) >= chosen.token:
            return
        self.note_draft(chosen)

    @rule(name=PEOPLE, at=ANY)
    def discard(self, name: str, at: int) -> None:
        number = list(self.now.records)[at % len(self.now.records)]
        answer = self.program.post(name, f"{self.address}/{number}/draft/discard")
        gone = self.forget_drafts(name, number)
        self.settled[name, number] = self.now.records[number].lock_token
        if found := re.search(r"undo=(\d+)", answer.headers["location"]):
            self.undos.append((name, found[1], gone))

    @precondition(lambda self: self.undos)
    @rule()
    def undo(self) -> None:
        name, number, gone = self.undos.pop()
        if self.program.post(name, f"/undo/{number}").status_code == 303:
            self.drafted |= gone

    @rule(name=PEOPLE, some=st.sets(ANY, min_size=1, max_size=4), back=st.booleans(), old=st.booleans())
    def delete_or_restore(self, name: str, some: set[int], back: bool, old: bool) -> None:
        listed = self.now.listed(deleted=back)
        chosen = [record for at, record in enumerate(listed) if at in some]
        ticked = [f"{record.number}:{record.version - old}" for record in chosen]
        path = f"{self.address}/{'bin/restore' if back else 'delete'}"
        assert self.program.post(name, path, record=ticked).status_code in (303, 409)
        after = self.look()
        for record in chosen if old else ():
            assert after.records[record.number].version == record.version, "an old page has deleted, or restored, it"

    @rule(name=PEOPLE, at=ANY, version=ANY)
    def revert(self, name: str, at: int, version: int) -> None:
        record = list(self.now.records.values())[at % len(self.now.records)]
        path = f"{self.address}/{record.number}/revisions/{1 + version % record.version}/restore"
        answer = self.program.post(name, path, version=str(record.version))
        assert answer.status_code in (303, 404, 409, 422)
        form = form_to(answer.text, f"/{record.number}/edit")
        if answer.status_code == 422 and form is not None:
            self.tabs.append(Tab(name, record.number, form))

    # What is done with many at once.

    @rule(name=PEOPLE, at=ANY, some=st.sets(ANY, max_size=3), choice=ANY)
    def import_lines(self, name: str, at: int, some: set[int], choice: int) -> None:
        into = [self.now.fields[0], self.now.field(at)][: 1 + bool(at % len(self.now.fields))]
        numbers = [record.number for place, record in enumerate(self.now.listed()) if place in some]
        lines = [[str(number), *(self.text_for(each, choice) for each in into)] for number in (*numbers, "")]
        table = io.StringIO()
        csv.writer(table).writerows([["#", *(each.label for each in into)], *lines])
        path = f"{self.address}/import"
        answer = self.program.post(name, path, table=table.getvalue())
        if seen := re.search(r'name="seen" value="([^"]*)"', answer.text):
            answer = self.program.post(name, path, table=table.getvalue(), seen=seen[1])
        typed = [(known, text) for line in lines for known, text in zip(into, line[1:], strict=True)]
        marks = marks_in(text for known, text in typed if not known.kind.computed)
        there = {value for record in self.look().listed() for value in record.values.values()}
        if answer.status_code == 303:
            assert marks <= there, "a line was imported, and is not there"
        else:
            assert answer.status_code in (409, 422)
            self.check_shown(answer.text, marks - there)

    # What is done with fields.

    @precondition(lambda self: len(self.now.fields) < 7)
    @rule(kind=st.sampled_from((*KINDS, *COMPUTED)))
    def add_field(self, kind: str) -> None:
        self.count += 1
        typed = {"label": f"Field {self.count}", "kind": kind}
        answer = self.program.post("ana", f"{self.address}/fields", **typed, choices=CHOICES)
        assert answer.status_code == 303, answer.text
        self.look()

    def change(self, known: Field, **changed: str | None) -> int:
        """Change some of a field, as its form has it; None for a tick that is taken away."""
        path = f"{self.address}/fields/{known.ref}"
        form = form_to(self.program.get("ana", path), path, "version")
        assert form
        return self.program.post("ana", path, **{**form.values, **changed}).status_code

    @rule(at=ANY, step=st.sampled_from(["up", "down", "remove"]))
    def move_or_remove(self, at: int, step: str) -> None:
        path = f"{self.address}/fields/{self.now.field(at).ref}"
        assert self.program.post("ana", path, action=step).status_code in (303, 422)

    @precondition(lambda self: self.now.fields.in_bin)
    @rule(at=ANY)
    def restore_field(self, at: int) -> None:
        there = self.now.fields.in_bin
        path = f"{self.address}/fields/{there[at % len(there)].ref}/restore"
        assert self.program.post("ana", path).status_code in (303, 422)

    @rule(at=ANY, kind=st.sampled_from(KINDS))
    def change_kind(self, at: int, kind: str) -> None:
        path = f"{self.address}/fields/{self.now.field(at).ref}/kind"
        assert self.program.post("ana", path, kind=kind).status_code in (303, 422)

    @rule(at=ANY, what=st.sampled_from(["undo", "undo", "cancel"]))
    def take_back_kind(self, at: int, what: str) -> None:
        path = f"{self.address}/fields/{self.now.field(at).ref}/kind"
        assert self.program.post("ana", path, action=what).status_code in (303, 422)

    @rule(at=ANY, what=st.sampled_from(["required", "unique", "label"]), more=st.booleans())
    def change_field(self, at: int, what: str, more: bool) -> None:
        self.count += 1
        changed = {"label": f"Field {self.count}"} if what == "label" else {what: "yes" if more else None}
        assert self.change(self.now.field(at), **changed) in (303, 422)

    @precondition(lambda self: any(each.kind.has_choices for each in self.now.fields))
    @rule(at=ANY, choice=ANY, what=st.sampled_from(["name", "archived", "removed", "place"]))
    def change_choice(self, at: int, choice: int, what: str) -> None:
        having = [each for each in self.now.fields if each.kind.has_choices]
        known = having[at % len(having)]
        given = known.choices[choice % len(known.choices)]
        self.count += 1
        text = {"name": f"Choice {self.count}", "place": "0"}.get(what, None if given["archived"] else "yes")
        assert self.change(known, **{f"choice-{given['id']}-{what}": text}) in (303, 422)

    @rule(at=ANY, choice=ANY)
    def fill(self, at: int, choice: int) -> None:
        known = self.now.field(at)
        text = self.text_for(known, choice)
        answer = self.program.post("ana", f"{self.address}/fields/{known.ref}/fill", **{known.ref: text.split("\n")})
        assert answer.status_code in (303, 422)

    @rule(most=st.integers(1, 3))
    def work(self, most: int) -> None:
        self.program.work(JOBS, most=most)

    # What always holds.

    @invariant()
    def all_is_as_it_should_be(self) -> None:
        if not self.address:
            return
        self.look()
        self.check_holders()
        self.check_versions()
        self.check_keys()
        self.check_typed()
        self.check_list()

    def teardown(self) -> None:
        if self.address:
            self.program.work(JOBS)
            self.all_is_as_it_should_be()


def test_nothing_typed_is_lost_and_every_list_is_right_whatever_becomes_of_records_and_fields(store: Store) -> None:
    PROGRAM[:] = [Program(store, NAMES)]
    try:
        with mock.patch.object(kind_changes, "CONVERTED_AT_ONCE", 4):  # beyond which it is a job
            run_state_machine_as_test(
                Records,
                settings=settings(
                    max_examples=times(5, 400),
                    stateful_step_count=25,
                    deadline=None,
                    suppress_health_check=list(HealthCheck),
                ),
            )
    finally:
        PROGRAM.pop().close()
