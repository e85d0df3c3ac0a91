"""Promise 3, in any order of events: one writer, no update lost, nothing typed lost.

Hypothesis opens, types, asks, hands over, takes over, lets leases end, crashes, saves, deletes, restores and reverts,
and shortens what breaks a promise to the few steps that matter.
"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    multiple,
    rule,
    run_state_machine_as_test,
)
from sqlalchemy import select

from app.accounts.members import Member
from app.database import Transaction, clock
from app.editing import locks, waiting
from app.editing.drafts import Draft, keep_draft, settle_draft
from app.editing.lock_statements import is_held
from app.editing.rows import LEASE, Held, Proof
from app.features import open_database
from app.live.cutoff import end_all_sessions
from app.records.changes import Changed, change_record, write_record
from app.records.collections import get_collection
from app.records.deleting import delete_record, restore_record
from app.records.fields import list_fields
from app.records.history import get_revision
from app.records.records import Record, get_record
from app.records.revisions import Revision
from tests.databases import Store
from tests.faults.extent import times
from tests.fields import NOTES, typed_of
from tests.sessions import sign_in

ACME, NUMBER = 1, 40
PEOPLE = st.sampled_from(["ana", "bruno", "carla", "davi"])
SEED: list[Path] = []


@dataclass
class Tab:
    """An open edit page: what it shows, and what was typed into it."""

    person: str
    proof: Proof
    version: int
    text: str = ""

    @property
    def token(self) -> int:
        return self.proof.token


class Editing(RuleBasedStateMachine):
    """Four people and the notes of one book."""

    tabs = Bundle("tabs")

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.directory = tempfile.TemporaryDirectory()
        path = Path(self.directory.name) / "mutirao.sqlite"
        shutil.copy(SEED[0], path)
        self.moment = 1_000_000_000
        self.patch = mock.patch.object(clock, "read_monotonic_clock", self.read_clock)
        self.patch.start()
        self.database = open_database(f"sqlite+aiosqlite:///{path}", readers=1)
        self.typed = 0
        self.open_tabs: list[Tab] = []
        self.drafts: dict[str, str | None] = {}
        self.settled: dict[str, int] = {}
        self.written: dict[str, int] = {}
        self.known: set[str] = set()
        self.ids: dict[str, int] = {}
        self.version, self.token = 3, 0
        self.signed_out = ""
        self.do(self.learn)

    def teardown(self) -> None:
        self.runner.run(self.database.close())
        self.patch.stop()
        self.runner.close()
        self.directory.cleanup()

    def read_clock(self) -> int:
        return self.moment

    def do(self, operation: Callable[[Transaction, Record], Awaitable[Any]], *, writes: bool = True) -> Any:
        async def run() -> Any:
            async with self.database.write(ACME) if writes else self.database.read(ACME) as transaction:
                books = await get_collection(transaction, "books")
                return await operation(transaction, await get_record(transaction, books, NUMBER, deleted=None))

        return self.runner.run(run())

    async def learn(self, transaction: Transaction, row: Record) -> None:
        values = await transaction.scalars(select(Revision.values).where(Revision.record_id == row.id))
        self.known = {each.get(NOTES, "") for each in values}
        members = await transaction.execute(select(Member.email, Member.id))
        self.ids = {str(email).partition("@")[0]: member_id for email, member_id in members}

    async def member(self, transaction: Transaction, name: str) -> Member:
        return await sign_in(transaction, name)

    async def is_held(self, transaction: Transaction, row: Record) -> bool:
        return bool(await transaction.scalar(select(is_held(Record)).where(Record.id == row.id)))

    # What people do.

    @rule(target=tabs, name=PEOPLE, moving=st.booleans())
    def open(self, name: str, moving: bool) -> Any:
        async def operation(transaction: Transaction, row: Record) -> Any:
            if row.deleted_at is not None:
                return multiple()
            person = await self.member(transaction, name)
            old = max((tab.token for tab in self.open_tabs if tab.person == name), default=0) if moving else 0
            others = row.lock_member_id is not None and not (
                row.lock_member_id == person.id and (row.lock_offered or row.lock_token == old)
            )
            held = others and await self.is_held(transaction, row)
            proof = await locks.take_lock(transaction, row, person, lease=LEASE, moving=old)
            assert proof is None or not held, "a lock was taken from its holder"
            if proof is None:
                if row.lock_member_id != person.id:
                    await waiting.join_queue(transaction, row, person, LEASE)
                return multiple()
            tab = Tab(name, proof, row.version)
            self.open_tabs.append(tab)
            return tab

        return self.do(operation)

    @rule(tab=tabs, late=st.booleans())
    def type(self, tab: Tab, late: bool) -> None:
        if tab not in self.open_tabs:
            return
        self.typed += 1
        tab.text = f"{tab.person} {self.typed}"

        async def operation(transaction: Transaction, row: Record) -> None:
            kept = await keep_draft(
                transaction,
                row,
                await self.member(transaction, tab.person),
                typed_of(row, notes=tab.text),
                saved=typed_of(row),
                token=tab.token,
                version=tab.version,
                late=late,
            )
            settled = self.settled.get(tab.person, 0) >= tab.token and self.drafts.get(tab.person) is None
            newer = self.written.get(tab.person, 0) > tab.token and not (late and self.drafts.get(tab.person) is None)
            if kept:
                assert late or not settled, "a settled draft came back"
                assert not newer, "an older page wrote over a newer one"
                self.drafts[tab.person] = tab.text
                self.written[tab.person] = max(tab.token, self.settled.pop(tab.person, 0))
            else:
                assert newer or (settled and not late), "a draft was refused without a reason"

        self.do(operation)

    @rule(tab=tabs)
    def renew(self, tab: Tab) -> None:
        if tab not in self.open_tabs:
            return

        async def operation(transaction: Transaction, row: Record) -> None:
            if row.deleted_at is None:
                person = await self.member(transaction, tab.person)
                proof = await locks.renew_lock(transaction, row, person, tab.proof, tab.version, lease=LEASE)
                if proof is not None:
                    tab.proof = proof

        self.do(operation)

    @rule(tab=tabs)
    def save(self, tab: Tab) -> None:
        if tab not in self.open_tabs or not tab.text:
            return

        async def operation(transaction: Transaction, row: Record) -> None:
            books, person = await get_collection(transaction, "books"), await self.member(transaction, tab.person)
            values = typed_of(row, notes=tab.text)
            holds = row.lock_member_id == person.id and row.lock_token == tab.token and not row.lock_offered
            held = await self.is_held(transaction, row)
            same = row.version == tab.version and row.deleted_at is None
            try:
                changed = await change_record(
                    transaction, books, row, values, person, version=tab.version, proof=tab.proof
                )
            except (Changed, Held):
                assert not same or (held and not holds), "a save was refused without a reason"
                assert row.values.get(NOTES, "") in self.known
                await keep_draft(transaction, row, person, values, saved=typed_of(row), token=None, version=tab.version)
                unsaved = tab.text != row.values.get(NOTES, "")
                self.drafts[tab.person] = tab.text if unsaved else None
                self.written[tab.person] = row.lock_token
                self.settled.pop(tab.person, None)
            else:
                assert same, "a save went through over a change"
                assert holds or not held, "a save went through a lock"
                self.known.add(tab.text)
                self.version += changed
                self.drafts[tab.person] = None
                self.settled[tab.person] = self.written[tab.person] = row.lock_token
                self.open_tabs.remove(tab)

        self.do(operation)

    @rule(tab=tabs)
    def cancel(self, tab: Tab) -> None:
        async def operation(transaction: Transaction, row: Record) -> None:
            await locks.release_lock(transaction, row, await self.member(transaction, tab.person), tab.proof)

        if tab in self.open_tabs:
            self.do(operation)
            self.open_tabs.remove(tab)

    @rule(tab=tabs, name=PEOPLE, secret=st.sampled_from(["", "0" * 32]))
    def guess(self, tab: Tab, name: str, secret: str) -> None:
        async def operation(transaction: Transaction, row: Record) -> None:
            books, person = await get_collection(transaction, "books"), await self.member(transaction, name)
            proof, values = Proof(row.lock_token, secret), typed_of(row, notes="Guessed")
            assert await locks.renew_lock(transaction, row, person, proof, row.version, lease=LEASE) is None
            assert not await locks.release_lock(transaction, row, person, proof)
            if name != tab.person:
                assert not await locks.release_lock(transaction, row, person, tab.proof)
            if await self.is_held(transaction, row):
                with pytest.raises((Changed, Held)):
                    await change_record(transaction, books, row, values, person, version=row.version, proof=proof)

        self.do(operation)

    @rule(name=PEOPLE)
    def sign_out(self, name: str) -> None:
        async def operation(transaction: Transaction, row: Record) -> None:
            held = row.lock_member_id == self.ids[name]
            member = await self.member(transaction, name)
            await end_all_sessions(transaction, member, reason="ended")
            self.signed_out = name if held else ""

        async def look(transaction: Transaction, row: Record) -> None:
            assert not self.signed_out or row.lock_member_id != self.ids[name], "a lock outlived its session"

        self.do(operation)
        self.do(look, writes=False)

    @rule(tab=consumes(tabs))
    def crash(self, tab: Tab) -> None:
        if tab in self.open_tabs:
            self.open_tabs.remove(tab)

    @rule(name=PEOPLE)
    def ask(self, name: str) -> None:
        async def operation(transaction: Transaction, row: Record) -> None:
            person = await self.member(transaction, name)
            if row.lock_member_id not in (None, person.id):
                await waiting.request_lock(transaction, row, person, LEASE)

        self.do(operation)

    @rule(tab=tabs, give=st.booleans())
    def answer(self, tab: Tab, give: bool) -> None:
        async def operation(transaction: Transaction, row: Record) -> None:
            queue = await waiting.list_queue(transaction, row)
            if queue and give:
                person = await self.member(transaction, tab.person)
                await locks.hand_over(transaction, row, person, tab.proof, queue[-1].id)
            elif queue:
                await waiting.refuse_request(transaction, row, queue[-1].id)

        self.do(operation)

    @rule(target=tabs, name=PEOPLE)
    def take_over(self, name: str) -> Any:
        async def operation(transaction: Transaction, row: Record) -> Any:
            person = await self.member(transaction, name)
            proof = await locks.take_over(transaction, row, person, lease=LEASE)
            if proof is None:
                return multiple()
            tab = Tab(name, proof, row.version)
            self.open_tabs.append(tab)
            return tab

        return self.do(operation)

    @rule(name=PEOPLE)
    def discard(self, name: str) -> None:
        async def operation(transaction: Transaction, row: Record) -> None:
            await settle_draft(transaction, row, await self.member(transaction, name))
            self.drafts[name] = None
            self.settled[name] = self.written[name] = row.lock_token

        self.do(operation)

    @rule(name=PEOPLE, what=st.sampled_from(["delete", "restore", "revert"]))
    def write_without_a_lock(self, name: str, what: str) -> None:
        async def operation(transaction: Transaction, row: Record) -> None:
            books, person = await get_collection(transaction, "books"), await self.member(transaction, name)
            held = await self.is_held(transaction, row)
            version = row.version
            if (what == "restore") != (row.deleted_at is not None):
                return
            try:
                if what == "delete":
                    await delete_record(transaction, books, row, person, version=version)
                elif what == "restore":
                    await restore_record(transaction, books, row, person, version=version)
                else:
                    old = await get_revision(transaction, row, 1)
                    known = {"version": version, "what": "reverted", "fields": await list_fields(transaction, books)}
                    if not await write_record(transaction, books, row, old.values, person, **known):
                        return
            except Held:
                assert held
            else:
                assert not held
                self.version += 1

        self.do(operation)

    @rule(seconds=st.sampled_from([1, 5, 14, 16, 29, 31, 700]))
    def wait(self, seconds: int) -> None:
        self.moment += seconds * 1000

    @rule(seconds=st.sampled_from([3600, -3600]))
    def move_the_clock(self, seconds: int) -> None:
        self.moment += seconds * 1000

    @rule()
    def watch(self) -> None:
        async def operation(transaction: Transaction, row: Record) -> None:
            await locks.lapse(transaction, row)
            await waiting.drop_gone(transaction, row)
            await waiting.note_unanswered(transaction, row)

        self.do(operation)

    # What always holds.

    @invariant()
    def the_promise_is_kept(self) -> None:
        async def operation(transaction: Transaction, row: Record) -> None:
            holding = [
                tab
                for tab in self.open_tabs
                if self.ids[tab.person] == row.lock_member_id and tab.token == row.lock_token and not row.lock_offered
            ]
            assert len(holding) <= 1, "two holders"
            assert row.lock_token >= self.token, "a token came back"
            self.token = row.lock_token
            assert row.version == self.version, "a save was lost, or counted twice"
            assert row.values.get(NOTES, "") in self.known, "somebody's text was replaced by nobody's"
            if row.lock_member_id is not None:
                assert row.deleted_at is None, "a deleted record is locked"
            queue = await waiting.list_queue(transaction, row)
            assert row.lock_member_id is not None or not [each for each in queue if each.state == "waiting"], (
                "free, and somebody waits in vain"
            )
            kept = {draft.member_id: draft.values for draft in await transaction.scalars(select(Draft))}
            for name in ("ana", "bruno", "carla", "davi"):
                text = (kept.get(self.ids[name]) or {}).get(NOTES)
                assert text == self.drafts.get(name), f"{name}'s text is lost, or has come back"

        self.do(operation, writes=False)


@pytest.mark.sqlite  # it moves the clock that leases run by, which is a server's on PostgreSQL
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_one_writer_and_nothing_typed_is_lost_whatever_happens(seeded: Store) -> None:
    SEED[:] = [seeded.path]
    run_state_machine_as_test(
        Editing,
        settings=settings(
            max_examples=times(10, 100), stateful_step_count=40, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )
