"""When the store of locks can't be reached, editing is refused; it is never silently unlocked."""

from __future__ import annotations

import sqlite3
from contextlib import aclosing, closing

from tests.conftest import Server


async def test_without_the_store_of_locks_nobody_edits_and_nothing_is_lost(server: Server) -> None:
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        with closing(sqlite3.connect(server.data_dir / "mutirao.sqlite", isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")  # as long as it lasts, nobody else can write
            refused = await ana.get("/c/books/40/edit")
            assert refused.status_code == 503
            assert 'id="record-form"' not in refused.text
            assert "can&#39;t reach its database" in refused.text
            assert (await ana.get("/c/books/40")).status_code == 200, "reading goes on"
            other.execute("ROLLBACK")
        opened = await ana.get("/c/books/40/edit")
        assert 'id="record-form"' in opened.text
