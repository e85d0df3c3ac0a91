"""A process that serves alone imports nothing that is for others, or for what was done before: it would be ready later,
and hold it in memory as long as it runs."""

from __future__ import annotations

import re

import pytest

from tests.conftest import Server, free_port
from tests.databases import Store

NOT_NEEDED = {"alembic", "mako", "redis", "asyncpg", "PIL"}


def list_imported(log: str) -> set[str]:
    """The packages that a process says it has imported (`-X importtime`)."""
    return set(re.findall(r"^import time: .*\| +([a-zA-Z_]\w*)(?:\.\S+)?$", log, re.MULTILINE))


@pytest.mark.sqlite
def test_a_process_that_serves_alone_imports_nothing_that_is_for_others(seeded: Store) -> None:
    environment = {"PYTHONPROFILEIMPORTTIME": "1"}
    server = Server(seeded.directory, free_port(), environment, forked=False, debug=False, name="imports")
    server.start()
    server.stop()
    imported = list_imported(server.log)
    assert {"app", "litestar", "sqlalchemy", "uvicorn"} <= imported
    assert imported & NOT_NEEDED == set()
