"""What follows from each action: partials, entries of the audit log, notifications, jobs and mails.

Each route that is posted to is asked as it is meant to be, of a workspace with one of everything. What it left behind
is compared with what_follows.txt, which is written anew by `RECORD=yes pytest tests/test_what_follows.py` and read
before it is committed. The order within a transaction is not recorded: nobody may rely on it.
"""

from __future__ import annotations

import os
import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from app.accounts.audit import AuditEntry
from app.database import Transaction
from app.jobs.jobs import Job
from app.live.log import LoggedEvent
from app.mail.outbox import Mail
from app.notifications.models import Happening, Notification
from tests.databases import Store
from tests.test_isolation import Target
from tests.test_statements import TARGETS, World, make_world, name_of, undo

RECORDED = Path(__file__).with_name("what_follows.txt")
PARTIAL = re.compile(r'<hx-partial hx-target="([^"]*)" hx-swap="([^"]*)"')
POSTED = [(central, target) for central, target in TARGETS if target.method == "POST"]


async def read_left(transaction: Transaction) -> AsyncIterator[str]:
    """What a transaction leaves, a line each."""
    before = transaction.tenant.cursor - len(transaction.info.get("committed", []))
    for event in await transaction.scalars(select(LoggedEvent).where(LoggedEvent.cursor > before)):
        if event.channel.startswith("!"):
            yield f"{event.channel} {re.sub('[0-9]+', 'N', event.body)}"
        for target, swap in PARTIAL.findall(event.body):
            yield f"{event.channel} {target} {swap}"
    for model, line in LINES.items():
        for row in await transaction.scalars(select(model).where(model.id > NEWEST[model])):
            yield line(row)
    told = await transaction.execute(
        select(Notification.member_id, Notification.kind, Happening.subject_kind)
        .join(Happening, Happening.id == Notification.happening_id)
        .where(Happening.id > NEWEST[Happening])
    )
    for row in told:
        yield f"notified {row.member_id} of {row.subject_kind}: {row.kind}"


LINES: dict[Any, Any] = {
    AuditEntry: lambda row: f"audited {row.what} by {row.member_id}",
    Job: lambda row: f"job {row.name}",
    Mail: lambda row: f"mail {row.composer}",
}
NEWEST: dict[Any, int] = {}


@pytest.fixture(scope="module")
async def world(seeded: Store, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[World]:
    """A workspace with one of everything."""
    made = await make_world(seeded, tmp_path_factory.mktemp("one"), 1, [])
    async with made.database.read(1) as transaction:
        for model in (AuditEntry, Job, Mail, Happening):
            NEWEST[model] = await transaction.scalar(select(model.id).order_by(model.id.desc()).limit(1)) or 0
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


@pytest.mark.parametrize("asked_for", POSTED, ids=name_of)
async def test_an_action_leaves_what_is_recorded_of_it(
    world: World, recorded: dict[str, list[str]], asked_for: tuple[bool, Target], monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[str] = []

    async def look_and_undo(transaction: Transaction) -> None:
        if transaction.sync_session.tenant_id is not None:
            await transaction.flush()
            found.extend([line async for line in read_left(transaction)])
        await undo(transaction)

    monkeypatch.setattr("tests.test_statements.undo", look_and_undo)
    status, _ = await world.ask(*asked_for)
    found = [str(status), *sorted(found)]
    if os.environ.get("RECORD"):
        recorded[name_of(asked_for)] = found
    assert found == recorded.get(name_of(asked_for)), "write it anew with RECORD=yes, and read what has changed"


def test_every_action_is_recorded_and_no_other(recorded: dict[str, list[str]]) -> None:
    assert set(recorded) == {name_of(asked_for) for asked_for in POSTED}
