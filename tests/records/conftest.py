"""What tests of records share."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest

from app.features import open_database
from app.jobs.runner import Runner
from app.settings import read_settings
from tests.conftest import Server

Work = Callable[[], Awaitable[None]]


@pytest.fixture
async def work(server: Server) -> AsyncIterator[Work]:
    """Do the jobs of records that wait on a server of the test's own, each when it is due."""
    database = open_database(server.store.url)

    async def run() -> None:
        runner = Runner(database, read_settings({}))
        while server.store.rows("SELECT 1 FROM job WHERE name LIKE 'records.%'"):
            await runner.step()

    yield run
    await database.close()
