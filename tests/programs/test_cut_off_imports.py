"""Imports that were cut off and are sent again, by a program or on a page: each line is written once, whatever has
become of the fields meanwhile, of which it depends how many lines a transaction writes."""

from __future__ import annotations

import hashlib
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.programs.conftest import API, LetIn, problem_of

LINES, CUT_AT = 2_000, 700


@pytest.mark.sqlite  # whose triggers are one statement
@pytest.mark.parametrize("by_page", [False, True], ids=["program", "page"])
@pytest.mark.parametrize("count", [19, 20])
async def test_each_line_is_written_once_though_a_field_came_or_went_meanwhile(
    shared_server: Server, let_in: LetIn, count: int, by_page: bool
) -> None:
    program = await let_in("ana@acme.test")
    made = await program.post(f"{API}/collections", json={"name": f"Cut {count} {by_page}", "first": "Title"})
    slug = made.json()["slug"]
    path = f"{API}/collections/{slug}"
    for place in range(1, count):
        field = await program.post(f"{path}/fields", json={"name": f"Part {place}", "kind": "text"})
        assert field.status_code == 201, field.text
    table = "Title\n" + "".join(f"Cut {place}\n" for place in range(LINES))
    given = {"table": table, "definition": await look_at(program, path, table)}

    async def send() -> httpx.Response:
        if by_page:
            key = f"{count:032x}"
            form = {"table": table, "seen": "", "form-key": key, "for-member": "1"}
            async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as ana:
                return await ana.post(f"/c/{slug}/import", data=form, timeout=60)
        key = {"idempotency-key": "cut"}
        return await program.post(f"{path}/import", json=given, headers=key, timeout=60)

    await cut_off(shared_server, slug, send)
    if count == 19:
        changed = await program.post(f"{path}/fields", json={"name": "One more", "kind": "text"})
        assert changed.status_code == 201
    else:
        tag = {"if-match": (await program.get(f"{path}/fields/part_7")).headers["etag"]}
        changed = await program.delete(f"{path}/fields/part_7", headers=tag)
        assert changed.status_code == 204, changed.text
    again = await send()
    assert again.status_code == (303 if by_page else 200), again.text
    if not by_page:
        left = again.json()["left"]
        assert again.json()["added"] + len(left) == LINES
        assert {each["errors"][0]["detail"] for each in left} == {"The fields have changed."}
        assert (await send()).content == again.content
        # What was not written, as the fields had changed since it was looked at, can be looked at anew.
        rest = "Title\n" + "".join(f"{each['title']}\n" for each in left)
        given = {"table": rest, "definition": await look_at(program, path, rest)}
        anew = await program.post(f"{path}/import", json=given, headers={"idempotency-key": "rest"}, timeout=60)
        assert anew.json()["added"] == len(left)
    counted = (
        "SELECT count(*), count(DISTINCT search) FROM record"
        " WHERE collection_id = (SELECT id FROM collection WHERE slug = ? AND tenant_id = 1)"
    )
    assert shared_server.store.rows(counted, slug) == [(LINES, LINES)]


async def test_what_was_begun_by_the_version_before_says_so_and_can_be_started_again(
    shared_server: Server, let_in: LetIn
) -> None:
    program = await let_in("ana@acme.test")
    path = f"{API}/collections/books/import"
    table = {"table": "Title,Author\nBegun before,Someone\n"}
    table["definition"] = await look_at(program, f"{API}/collections/books", table["table"])
    assert (await program.post(path, json=table, headers={"idempotency-key": "begun"})).status_code == 200
    whole, part = sorted(kept_bodies(shared_server), key=len)
    assert b'"lines"' in part
    shared_server.store.rows("UPDATE kept_answer SET body = ? WHERE body = ?", whole, part)
    again = await program.post(path, json=table, headers={"idempotency-key": "begun"})
    assert (again.status_code, again.json()["added"]) == (200, 1), "what was finished is answered as before"
    shared_server.store.rows("DELETE FROM kept_answer WHERE key = ?", digest_of(path, "begun"))
    again = await program.post(path, json=table, headers={"idempotency-key": "begun"})
    assert problem_of(again) == (409, "answer-not-kept")
    assert "before the program was upgraded" in again.json()["detail"]
    anew = await program.post(path, json=table, headers={"idempotency-key": "begun-anew"})
    assert (anew.status_code, anew.json()["added"]) == (200, 1)


async def look_at(program: httpx.AsyncClient, path: str, table: str) -> str:
    """What a look at a table says that the fields are."""
    looked = await program.post(f"{path}/import/preview", json={"table": table}, timeout=60)
    assert looked.status_code == 200, looked.text
    return str(looked.json()["definition"])


def kept_bodies(server: Server) -> list[bytes]:
    """What was kept with the key of an import by the newest token: the answer, and what its parts have done."""
    newest = "SELECT body FROM kept_answer WHERE token_id = (SELECT max(token_id) FROM kept_answer)"
    return [bytes(body) for (body,) in server.store.rows(newest)]


def digest_of(path: str, key: str) -> str:
    """What the answer to an import with a key is kept as."""
    return hashlib.sha256(f"POST {path}\n{key}".encode()).hexdigest()


async def cut_off(server: Server, slug: str, send: Any) -> None:
    """Send an import that ends in the middle, as if an admin had archived the collection meanwhile."""
    ((collection_id,),) = server.store.rows("SELECT id FROM collection WHERE slug = ? AND tenant_id = 1", slug)
    server.store.rows(
        f"CREATE TRIGGER cut AFTER INSERT ON record WHEN new.number = {CUT_AT} AND new.collection_id = {collection_id}"
        " BEGIN UPDATE collection SET archived_at = '2026-01-01 00:00:00.000000' WHERE id = new.collection_id; END"
    )
    try:
        assert (await send()).status_code == 403
    finally:
        server.store.rows("DROP TRIGGER cut")
        server.store.rows("UPDATE collection SET archived_at = NULL WHERE id = ?", collection_id)
    ((written,),) = server.store.rows("SELECT count(*) FROM record WHERE collection_id = ?", collection_id)
    assert 0 < written < LINES
