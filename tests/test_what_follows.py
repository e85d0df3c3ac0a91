"""What follows from each action: partials, entries of the audit log, notifications, jobs and mails.

Each route that is posted to is asked as it is meant to be, of a workspace with one of everything. What it left behind
is compared with what_follows.txt, which is written anew by `RECORD=yes pytest tests/test_what_follows.py` and read
before it is committed. The order within a transaction is not recorded: nobody may rely on it.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.audit import AuditEntry
from app.accounts.members import Member
from app.database import Partial, Shown, Transaction, facts
from app.demo import PASSWORD
from app.jobs.jobs import Job
from app.live.channels import PATTERNS
from app.live.log import LoggedEvent
from app.mail.outbox import Mail
from app.notifications.models import Activity, Notification
from app.operators.log import OperatorEntry
from tests.databases import Store
from tests.operations import OPERATIONS, Operation
from tests.statements import noting_statements
from tests.test_isolation import Target
from tests.test_statements import TARGETS, TYPED, World, make_world, name_of, undo, undoing

RECORDED = Path(__file__).with_name("what_follows.txt")
PARTIAL = re.compile(r'<hx-partial hx-target="([^"]*)" hx-swap="([^"]*)"')
POSTED = [(central, target) for central, target in TARGETS if target.method == "POST"]
# What else a form may be sent with, and what that is called.
OTHERWISE: dict[str, tuple[str, dict[str, str]]] = {
    "POST /login from a browser that is not known": ("/login", {"email": "ana@acme.test", "password": PASSWORD}),
    "POST /login with a wrong password": ("/login", {"email": "carla@acme.test", "password": "not hers"}),
    "POST /members/{member_id:int}/role for another": ("/members/{member_id:int}/role", {"role": "admin"}),
    "POST /settings with another language": (
        "/settings",
        {"name": "Biblioteca Acme", "language": "pt_BR", "session_days": "30"},
    ),
    "POST /settings with shorter sessions": (
        "/settings",
        {"name": "Biblioteca Acme", "language": "en", "session_days": "7"},
    ),
}


async def read_left(transaction: Transaction) -> AsyncIterator[str]:
    """What a transaction leaves, a line each."""
    for entry in await transaction.scalars(select(OperatorEntry).where(OperatorEntry.id > NEWEST[OperatorEntry])):
        yield f"operators' log {entry.what} by {entry.email or 'the command line'}"
    if transaction.sync_session.tenant_id is None:
        return
    before = transaction.batch.after if transaction.batch else transaction.tenant.cursor
    async for line in read_left_in_workspace(transaction, before, NEWEST, LINES):
        if line.startswith("fact "):
            yield re.sub("[0-9]+", "N", line)
        else:
            yield re.sub(r"(?<=^user\.)[0-9]+", lambda number: name_of_member(int(number[0])), line)


async def read_left_in_workspace(
    transaction: Transaction, before: int, newest: dict[Any, int], lines: dict[Any, Any]
) -> AsyncIterator[str]:
    """What is left in a workspace since a cursor, and since the newest rows of then, a line each. `lines` are how rows
    of some models are put."""
    logged = select(LoggedEvent).where(LoggedEvent.cursor > before).order_by(LoggedEvent.cursor)
    events = (await transaction.scalars(logged)).all()
    check_order(events)
    check_readers(events)
    for each in events:
        if each.kind:
            yield f"fact {each.kind} for {each.channel}"
        if each.channel.startswith("!"):
            yield f"{each.channel} {re.sub('[0-9]+', 'N', each.body)}"
        for target, swap in PARTIAL.findall(each.body):
            yield f"{each.channel} {target} {swap}"
    for model, line in lines.items():
        for row in await transaction.scalars(select(model).where(model.id > newest[model])):
            yield line(row)
    told = await transaction.execute(
        select(Notification.member_id, Notification.kind, Activity.subject_kind)
        .join(Activity, Activity.id == Notification.activity_id)
        .where(Activity.id > newest[Activity])
    )
    for row in told:
        yield f"notified {row.member_id} of {row.subject_kind}: {row.kind}"


def check_order(rows: Sequence[LoggedEvent]) -> None:
    """What ends sockets, or takes channels from them, comes first, then facts, and then the partials that show them."""
    places = [0 if row.channel.startswith("!") else 1 if row.kind else 2 for row in rows]
    assert places == sorted(places)
    logged = {row.cursor for row in rows if row.kind}
    assert {row.fact_cursor for row in rows} <= {None, *logged}


def check_readers(rows: Sequence[LoggedEvent]) -> None:
    """Programs get nothing of how people sign in, and nobody's address."""
    for row in rows:
        if row.kind:
            assert row.data
            assert any(pattern.expression.fullmatch(row.channel) for pattern in PATTERNS), row.channel
            secret = re.search(r"@|127\.0\.0\.1|192\.0\.2\.|session|token|password", row.data)
            assert not secret or row.channel == "admins", f"{row.kind} for {row.channel}: {row.data}"


@pytest.fixture(autouse=True)
def rendering(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Whatever is done: rendering executes no statement."""
    render_shown = facts.render_shown
    with noting_statements() as asked:

        def render(shown: Shown, *arguments: Any) -> list[Partial]:
            before = len(asked)
            partials = render_shown(shown, *arguments)
            assert asked[before:] == [], f"{shown.name} reads"
            return partials

        monkeypatch.setattr(facts, "render_shown", render)
        yield


LINES: dict[Any, Any] = {
    AuditEntry: lambda row: f"audited {row.what} by {name_of_member(row.member_id)}",
    Job: lambda row: f"job {row.name}",
    Mail: lambda row: f"mail {row.composer}",
}
NEWEST: dict[Any, int] = {}


def name_of_member(member_id: int | None) -> str:
    """By the number; who has joined with what is recorded gets another one each time on PostgreSQL."""
    return "the newcomer" if member_id is not None and member_id > NEWEST[Member] else str(member_id)


@pytest.fixture(scope="module")
async def world(seeded: Store, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A workspace with one of everything."""
    made = await make_world(seeded, tmp_path_factory.mktemp("one"), 1, [])
    async with made.database.read(1) as transaction:
        for model in (AuditEntry, Job, Mail, Activity, Member):
            NEWEST[model] = await transaction.scalar(select(model.id).order_by(model.id.desc()).limit(1)) or 0
    async with made.database.read() as transaction:
        newest = select(OperatorEntry.id).order_by(OperatorEntry.id.desc()).limit(1)
        NEWEST[OperatorEntry] = await transaction.scalar(newest) or 0
    yield made
    await made.client.aclose()
    await made.operator.aclose()
    await made.database.close()


@pytest.fixture(scope="module")
def recorded() -> Iterator[dict[str, list[str]]]:
    """What is recorded of each action; all of it is written where that is asked for."""
    blocks = [block.splitlines() for block in RECORDED.read_text().split("\n\n")] if RECORDED.exists() else []
    known = {block[0]: [line.strip() for line in block[1:]] for block in blocks if block}
    yield known
    if os.environ.get("RECORD"):
        lines = ["\n".join([name, *(f"    {line}" for line in known[name])]) for name in sorted(known)]
        RECORDED.write_text("\n\n".join(lines) + "\n")


@pytest.fixture
def left(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What transactions leave, where they would commit; then they are undone."""
    found: list[str] = []

    async def look_and_undo(transaction: Transaction) -> None:
        await transaction.flush()
        found.extend([line async for line in read_left(transaction)])
        await undo(transaction)

    monkeypatch.setattr("tests.test_statements.undo", look_and_undo)
    return found


def compare(recorded: dict[str, list[str]], name: str, found: list[str]) -> None:
    """What was found is what is recorded, or becomes it."""
    if os.environ.get("RECORD"):
        recorded[name] = found
    assert found == recorded.get(name), "write it anew with RECORD=yes, and read what has changed"


@pytest.mark.parametrize("asked_for", POSTED, ids=name_of)
async def test_an_action_leaves_what_is_recorded_of_it(
    world: World, recorded: dict[str, list[str]], asked_for: tuple[bool, Target], left: list[str]
) -> None:
    status, _ = await world.ask(*asked_for)
    compare(recorded, name_of(asked_for), [str(status), *sorted(left)])


@pytest.mark.parametrize("name", OTHERWISE)
async def test_so_does_one_that_is_sent_something_else(
    world: World, recorded: dict[str, list[str]], name: str, left: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    path, typed = OTHERWISE[name]
    monkeypatch.setitem(TYPED, path, typed)
    status, _ = await world.ask(False, Target("POST", path))
    compare(recorded, name, [str(status), *sorted(left)])


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
async def test_so_does_an_operation_that_no_form_of_the_world_reaches(
    world: World, recorded: dict[str, list[str]], operation: Operation, left: list[str]
) -> None:
    with undoing():
        await operation.run(world.database)
    compare(recorded, operation.name, sorted(left))


CLOSING = ("an admin is one no more", "somebody leaves", "sessions are over", "a workspace is suspended by an operator")


@pytest.mark.parametrize("name", CLOSING)
async def test_whose_sockets_close_or_follow_less_gets_nothing_of_the_same_change(
    world: World, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    channels: list[str] = []

    async def look_and_undo(transaction: Transaction) -> None:
        channels.extend(event.channel for event in transaction.batch.events)
        await undo(transaction)

    monkeypatch.setattr("tests.test_statements.undo", look_and_undo)
    with undoing():
        await next(operation for operation in OPERATIONS if operation.name == name).run(world.database)
    controls = [channel for channel in channels if channel.startswith("!")]
    assert controls
    assert channels[: len(controls)] == controls
    assert len(channels) > len(controls), "there is something to be kept from them"


def test_every_action_is_recorded_and_no_other(recorded: dict[str, list[str]]) -> None:
    named = {*OTHERWISE, *(operation.name for operation in OPERATIONS)}
    assert set(recorded) == {name_of(asked_for) for asked_for in POSTED} | named
