"""When the store of locks can't be reached, editing is refused; it is never silently unlocked."""

from __future__ import annotations

from contextlib import aclosing

from tests.conftest import Server


async def test_without_the_store_of_locks_nobody_edits_and_nothing_is_lost(server: Server) -> None:
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        ana.timeout = 60  # another writer may wait before us, as long as we do
        with server.store.keep_writers_out():
            refused = await ana.get("/c/books/40/edit")
            assert refused.status_code == 503
            assert 'id="record-form"' not in refused.text
            assert "The database is busy or can&#39;t be reached" in refused.text
            assert (await ana.get("/c/books/40")).status_code == 200, "reading goes on"
        opened = await ana.get("/c/books/40/edit")
        assert 'id="record-form"' in opened.text
