"""A guest who may edit and delete what they have added, and nothing else: a whole life of a record of theirs."""

from __future__ import annotations

import re
from contextlib import aclosing

import httpx
import pytest

from app.demo import PASSWORD
from tests.conftest import Server


async def edit(client: httpx.AsyncClient, address: str, title: str) -> httpx.Response:
    """Open a record's form, which takes its lock, and save another title."""
    page = (await client.get(f"{address}/edit")).text
    hidden = dict(re.findall(r'<input type="hidden" name="(version|lock-token)" value="([^"]*)"', page))
    return await client.post(f"{address}/edit", data={"title": title, **hidden})


@pytest.mark.parametrize("role", ["guest", "member"])
async def test_one_changes_deletes_and_restores_ones_own_records_and_no_others(server: Server, role: str) -> None:
    words = ("gus@acme.test", "--name", "Gus", "--role", role, "--password", PASSWORD)
    assert server.run("member", "add", "acme", *words).returncode == 0
    async with (
        aclosing(server.let_in("acme", "ana@acme.test")) as ana,
        aclosing(server.let_in("acme", "gus@acme.test")) as gus,
    ):
        if role == "guest":
            assert (await gus.get("/c/books")).status_code == 404
            assert (await ana.post("/c/books/guests", data={"person": "gus@acme.test"})).status_code == 303
        rules = {f"{role}-{verb}": "yes" for verb in ("browse", "read", "add")}
        rules |= {f"{role}-edit": "own", f"{role}-delete": "own"}
        assert (await ana.post("/c/books/permissions", data=rules)).status_code == 303
        made = await gus.post("/c/books/new", data={"title": "Mine"})
        assert made.status_code == 303, made.text
        own, other = made.headers["location"].partition("?")[0], "/c/books/7"
        shown = (await gus.get(own)).text
        assert 'data-may="add edit delete"' in shown
        assert 'data-may="add"' in (await gus.get(other)).text
        changed = await edit(gus, own, "Mine, changed")
        assert changed.status_code == 303, changed.text
        assert "Mine, changed" in (await gus.get(own)).text
        deleted = await gus.post(f"{own}/delete", data={"version": "2"})
        assert deleted.status_code == 303, deleted.text
        assert own not in (await gus.get("/c/books")).text
        restored = await gus.post(f"{own}/restore", data={"version": "3"})
        assert restored.status_code == 303, restored.text
        assert own in (await gus.get("/c/books")).text
        reverted = await gus.post(f"{own}/revisions/1/restore", data={"version": "4"})
        assert reverted.status_code == 303, reverted.text
        for path, data in {
            f"{other}/edit": {"title": "Not mine", "version": "1"},
            f"{other}/delete": {"version": "1"},
            f"{other}/revisions/1/restore": {"version": "1"},
            f"{other}/draft": {"title": "Not mine", "version": "1"},
        }.items():
            assert (await gus.post(path, data=data)).status_code == 403, path
        assert (await gus.get(f"{other}/edit")).status_code == 403
        # What others do to it is theirs to do, and it stays the guest's own.
        assert (await edit(ana, own, "By Ana")).status_code == 303
        assert (await edit(gus, own, "Mine again")).status_code == 303
        assert (await ana.post("/c/books/permissions", data=rules | {f"{role}-edit": "none"})).status_code == 303
        assert (await gus.get(f"{own}/edit")).status_code == 403
        assert (await gus.post(f"{own}/edit", data={"title": "Late", "version": "7"})).status_code == 403
    title = "SELECT search FROM record WHERE tenant_id = 1 AND number = 7"
    assert "not mine" not in server.store.rows(title)[0][0]
