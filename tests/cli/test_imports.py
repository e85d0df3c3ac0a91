"""A process that serves alone imports nothing that is for others, or for what was done before: it would be ready later,
and hold it in memory as long as it runs."""

from __future__ import annotations

import re

import pytest

from app.web.templates import compile_all
from tests.conftest import Server, free_port
from tests.databases import Store

NOT_NEEDED = {
    # What is for one database, for several processes, and for what was done before.
    *("alembic", "mako", "redis", "asyncpg", "sqlalchemy.dialects.postgresql", "babel.messages"),
    # What some requests need, and import.
    *("PIL", "xlsxwriter", "emoji", "geoip2fast", "ua_parser", "email_validator", "dns"),
    *("charset_normalizer", "puremagic"),
    # What the first mail needs, and the first password.
    *("aiosmtplib", "email.headerregistry", "argon2"),
    # What libraries have a use for, and the program has none. Two are looked for, and not found.
    *("rich.console", "pygments", "pydantic", "attr", "yaml", "pdb", "opentelemetry.trace", "faker", "mcp", "httpx"),
    *("logging.config", "logging.handlers"),
}


def list_imported(log: str) -> set[str]:
    """The modules that a process says it has imported (`-X importtime`), or looked for."""
    return set(re.findall(r"^import time: .*\| +(\S+)$", log, re.MULTILINE))


@pytest.mark.sqlite
def test_a_process_that_serves_alone_imports_nothing_that_is_for_others(seeded: Store) -> None:
    assert compile_all()  # as the first start does
    environment = {"PYTHONPROFILEIMPORTTIME": "1"}
    server = Server(seeded.directory, free_port(), environment, forked=False, debug=False, name="imports")
    server.start()
    server.stop()
    imported = list_imported(server.log)
    assert {"app", "litestar", "sqlalchemy", "uvicorn"} <= imported
    assert imported & NOT_NEEDED == set()
