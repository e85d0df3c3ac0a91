"""Workers that could not be replaced are, once they can be."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest

from app.server import workers
from tests.waiting import until


class Program:
    """What the installed program answers: the statuses of its plans and migrations, and whether a worker starts."""

    def __init__(self, plans: list[int], migrations: list[int], starts: list[bool]) -> None:
        self.plans, self.migrations, self.starts = plans, migrations, starts

    async def ask(self, *arguments: str) -> tuple[int, str]:
        return self.plans.pop(0), "nothing to be done"

    async def migrate(self) -> int:
        return self.migrations.pop(0)

    async def replace(self) -> bool:
        return self.starts.pop(0)


@pytest.fixture
def supervisor() -> Iterator[workers.Supervisor]:
    with socket.socket() as listener:
        made = workers.Supervisor(listener, 1, debug=False)
        yield made
        made.counts.cleanup()


def install(monkeypatch: pytest.MonkeyPatch, supervisor: workers.Supervisor, program: Program) -> None:
    monkeypatch.setattr(workers, "ask_program", program.ask)
    monkeypatch.setattr(supervisor, "migrate", program.migrate)
    monkeypatch.setattr(supervisor, "replace_one_by_one", program.replace)


async def restart(supervisor: workers.Supervisor) -> None:
    supervisor.restart()
    assert supervisor.restarting
    async with asyncio.timeout(20):
        await supervisor.restarting


@pytest.mark.parametrize(
    ("plans", "migrations", "starts"),
    [
        ([1, 1, 0], [0], [True]),  # as long as the database is away
        ([0, 1, 1, 0], [1, 0], [True]),  # it went away before the migration
        ([0, 0], [0, 0], [False, True]),  # a new worker did not start
    ],
)
async def test_it_is_tried_again_until_it_can_be_done(
    monkeypatch: pytest.MonkeyPatch,
    supervisor: workers.Supervisor,
    plans: list[int],
    migrations: list[int],
    starts: list[bool],
) -> None:
    monkeypatch.setattr(workers, "TRIES_TO_REPLACE", (0.001,) * 5)
    install(monkeypatch, supervisor, Program(plans, migrations, starts))
    await restart(supervisor)
    assert (plans, migrations, starts) == ([], [], [])


async def test_a_migration_that_fails_though_the_database_is_there_is_not_tried_again(
    monkeypatch: pytest.MonkeyPatch, supervisor: workers.Supervisor
) -> None:
    program = Program([0, 0], [1], [])
    install(monkeypatch, supervisor, program)
    await restart(supervisor)
    assert program.plans == []


async def test_it_is_tried_at_once_when_it_is_asked_for_again(
    monkeypatch: pytest.MonkeyPatch, supervisor: workers.Supervisor
) -> None:
    program = Program([1, 0], [0], [True])
    monkeypatch.setattr(workers, "TRIES_TO_REPLACE", (3600.0,))
    install(monkeypatch, supervisor, program)
    supervisor.restart()
    await until(lambda: len(program.plans) == 1)
    await restart(supervisor)
    assert program.starts == []


async def test_it_is_given_up_at_last(monkeypatch: pytest.MonkeyPatch, supervisor: workers.Supervisor) -> None:
    monkeypatch.setattr(workers, "TRIES_TO_REPLACE", (0.001, 0.001))
    program = Program([1] * 3, [], [])
    install(monkeypatch, supervisor, program)
    await restart(supervisor)
    assert program.plans == []
