"""Promise 3 on every write path: on a record that somebody holds, or that has changed since, nothing is changed.

The list of paths is made from the routes and from the code, so that a new one can't be forgotten.
"""

from __future__ import annotations

import ast
import re
import sqlite3
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing, closing
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.test_isolation import TARGETS

APP = Path(__file__).parent.parent.parent / "app"
RECORD = "/c/{slug:str}/{number:int}"
TYPED = {"title": "Typed by Carla", "author": "Nobody"}
# Paths that change a record, with what a page would send, beside the version.
WRITES: dict[str, dict[str, str]] = {
    f"{RECORD}/edit": TYPED,
    f"{RECORD}/delete": {},
    f"{RECORD}/restore": {},
    f"{RECORD}/revisions/{{version:int}}/restore": {},
}
# Paths below a record that change only its lock, its queue, or a member's own draft.
OTHERS = {
    f"{RECORD}/lock/renew": {"lock": "1", "version": "1"},
    f"{RECORD}/lock/release": {"lock": "1", "version": "1", **TYPED},
    f"{RECORD}/lock/ask": {},
    f"{RECORD}/lock/keep": {"lock": "1", "waiting": "1"},
    f"{RECORD}/lock/hand-over": {"lock": "1", "waiting": "1"},
    f"{RECORD}/lock/take-over": {"lock": "1"},
    f"{RECORD}/queue/stay": {"page": "1"},
    f"{RECORD}/queue/leave": {"page": "1"},
    f"{RECORD}/draft": {"lock": "1", "version": "1", **TYPED},
    f"{RECORD}/draft/restore": {"lock": "1", "version": "1", **TYPED},
    f"{RECORD}/draft/discard": {},
}
# Functions that write rows with a lock; each checks it in its statement, or says why it need not.
STATEMENTS = {
    "records/changes.py": {"advance"},
    "records/records.py": {"empty_bin"},  # deletes for good what nobody can open, so nobody holds it
    "editing/locks.py": {"change_lock"},
}
OPERATIONS = {"change_record", "delete_record", "restore_record"}


def test_every_route_that_can_write_a_record_is_tested_here() -> None:
    routes = {target.path for target in TARGETS if target.method == "POST" and "{number:int}" in target.path}
    assert routes == {*WRITES, *OTHERS}, "add the new path to WRITES, or to OTHERS if it changes no record"


def functions_of(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def calls(function: ast.AST, name: str) -> list[ast.Call]:
    return [
        node
        for node in ast.walk(function)
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == name
    ]


def test_no_other_statement_writes_records() -> None:
    found: dict[str, set[str]] = {}
    for path in APP.rglob("*.py"):
        for function in functions_of(path):
            written = [
                ast.unparse(call.args[0])
                for name in ("update", "delete")
                for call in calls(function, name)
                if call.args
            ]
            if {"Record", "model"} & set(written):
                found.setdefault(str(path.relative_to(APP)), set()).add(function.name)
    assert found == STATEMENTS


def test_every_operation_that_advances_a_record_is_known() -> None:
    found = {
        function.name for path in APP.rglob("*.py") for function in functions_of(path) if calls(function, "advance")
    }
    assert found == OPERATIONS


@pytest.fixture
async def people(shared_server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(aclosing(await shared_server.sign_in("acme", f"{name}@acme.test")))
            for name in ("ana", "bruno", "carla")
        }


class Book:
    """A book of its own for each test, with two revisions, as the table has it."""

    def __init__(self, server: Server, number: int) -> None:
        self.file = server.data_dir / "mutirao.sqlite"
        self.number = number
        self.address = f"/c/books/{number}"

    def row(self) -> tuple[Any, ...]:
        with closing(sqlite3.connect(self.file)) as connection:
            return tuple(
                connection.execute(
                    'SELECT r.version, r."values", r.deleted_at,'
                    " (SELECT count(*) FROM revision v WHERE v.record_id = r.id)"
                    " FROM record r JOIN collection c ON c.id = r.collection_id"
                    " WHERE r.tenant_id = 1 AND c.slug = 'books' AND r.number = ?",
                    (self.number,),
                ).fetchone()
            )

    def lock_by(self, email: str) -> None:
        """Lock it whatever state it is in."""
        with closing(sqlite3.connect(self.file)) as connection:
            clock = "SELECT max(lock_until) FROM record"
            connection.execute(
                "UPDATE record SET lock_token = lock_token + 1, lock_name = 'Ana', lock_role = 'owner',"
                " lock_since = '2026-01-01 00:00:00', lock_offered = 0,"
                " lock_member_id = (SELECT id FROM member WHERE email = ?),"
                f" lock_until = ({clock})"
                " WHERE tenant_id = 1 AND number = ?"
                " AND collection_id = (SELECT id FROM collection WHERE tenant_id = 1 AND slug = 'books')",
                (email, self.number),
            )
            connection.commit()

    def fill(self, path: str) -> str:
        return path.replace(RECORD, self.address).replace("{version:int}", "1")


@pytest.fixture
async def book(shared_server: Server, people: dict[str, httpx.AsyncClient]) -> Book:
    added = await people["ana"].post("/c/books/new", data={"title": "First title"})
    number = int(added.headers["location"].rpartition("/")[2])
    await people["ana"].post(f"/c/books/{number}/edit", data={"title": "Second title", "version": "1"})
    return Book(shared_server, number)


async def make_restorable(people: dict[str, httpx.AsyncClient], book: Book, path: str) -> str:
    """Put the book into the bin if the path takes it out; its version."""
    if path == f"{RECORD}/restore":
        deleted = await people["ana"].post(f"{book.address}/delete", data={"version": "2"})
        assert deleted.status_code == 303
        return "3"
    return "2"


async def lock(people: dict[str, httpx.AsyncClient], book: Book, name: str) -> str:
    """Open the edit page; the lock's token. A book in the bin can't be opened, but could be locked by a mistake."""
    opened = await people[name].get(f"{book.address}/edit")
    if opened.status_code == 404:
        other = await people[name].get("/c/books/1/edit")  # so that there is a lease to copy
        assert other.status_code == 200
        book.lock_by(f"{name}@acme.test")
        return "1"
    token = re.search(r'name="lock" value="(\d+)"', opened.text)
    assert token
    return token[1]


writes = pytest.mark.parametrize("path", WRITES, ids=lambda path: path.removeprefix(RECORD))


@writes
async def test_what_somebody_else_holds_is_not_changed(
    people: dict[str, httpx.AsyncClient], book: Book, path: str
) -> None:
    version = await make_restorable(people, book, path)
    await lock(people, book, "ana")
    before = book.row()
    answer = await people["carla"].post(book.fill(path), data={**WRITES[path], "version": version})
    assert answer.status_code == 409
    assert "Nothing was saved." in answer.text
    assert "Ana has been editing this since" in answer.text
    assert book.row() == before
    for typed in WRITES[path].values():
        assert typed in answer.text


@writes
async def test_what_the_same_person_holds_in_another_tab_is_not_changed(
    people: dict[str, httpx.AsyncClient], book: Book, path: str
) -> None:
    version = await make_restorable(people, book, path)
    await lock(people, book, "ana")
    before = book.row()
    answer = await people["ana"].post(book.fill(path), data={**WRITES[path], "version": version})
    assert (answer.status_code, book.row()) == (409, before)


@writes
async def test_what_has_changed_since_is_not_changed(
    people: dict[str, httpx.AsyncClient], book: Book, path: str
) -> None:
    version = await make_restorable(people, book, path)
    before = book.row()
    for old in (str(int(version) - 1), "0", "", "x"):
        answer = await people["carla"].post(book.fill(path), data={**WRITES[path], "version": old})
        assert (answer.status_code, book.row()) == (409, before)


@writes
async def test_what_is_free_and_unchanged_is_changed(
    people: dict[str, httpx.AsyncClient], book: Book, path: str
) -> None:
    version = await make_restorable(people, book, path)
    before = book.row()
    answer = await people["carla"].post(book.fill(path), data={**WRITES[path], "version": version})
    assert answer.status_code == 303
    assert book.row()[0] == before[0] + 1


async def test_an_outdated_token_saves_nothing(people: dict[str, httpx.AsyncClient], book: Book) -> None:
    token = await lock(people, book, "carla")
    taken = await people["bruno"].post(f"{book.address}/lock/take-over", data={"lock": token})
    assert taken.headers["location"].startswith(f"{book.address}/edit?lock=")
    before = book.row()
    answer = await people["carla"].post(f"{book.address}/edit", data={**TYPED, "version": "2", "lock": token})
    assert (answer.status_code, book.row()) == (409, before)
    assert "Bruno has been editing this since" in answer.text


@pytest.mark.parametrize("path", OTHERS, ids=lambda path: path.removeprefix(RECORD))
async def test_lock_queue_and_draft_change_no_record(
    people: dict[str, httpx.AsyncClient], book: Book, path: str
) -> None:
    await lock(people, book, "ana")
    before = book.row()
    for name in ("ana", "carla"):
        answer = await people[name].post(book.fill(path), data=OTHERS[path])
        assert answer.status_code in (204, 303, 409)
    assert book.row() == before


@pytest.mark.parametrize("path", [*WRITES, *OTHERS], ids=lambda path: path.removeprefix(RECORD))
async def test_without_a_session_nothing_is_changed(shared_server: Server, book: Book, path: str) -> None:
    before = book.row()
    async with shared_server.client("acme") as nobody:
        answer = await nobody.post(book.fill(path), data={**(WRITES | OTHERS)[path], "version": "2"})
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert book.row() == before


async def test_what_was_typed_into_a_refused_save_is_the_typists_draft_and_nobody_elses(
    people: dict[str, httpx.AsyncClient], book: Book
) -> None:
    token = await lock(people, book, "ana")
    await people["carla"].post(f"{book.address}/edit", data={"title": "For Carla's eyes", "version": "2"})
    for path in (book.address, "/c/books?sort=-number", "/c/books?q=eyes"):
        for name in ("ana", "bruno"):
            assert "For Carla" not in (await people[name].get(path)).text
    await people["ana"].post(f"{book.address}/lock/release", data={"lock": token})
    shown = await people["carla"].get(book.address)
    assert "You have unsaved changes from" in shown.text
    assert "You have unsaved changes from" not in (await people["ana"].get(book.address)).text
    mine = await people["bruno"].get(f"{book.address}/edit")
    assert "For Carla" not in mine.text
    bruno = re.search(r'name="lock" value="(\d+)"', mine.text)
    assert bruno
    await people["bruno"].post(f"{book.address}/lock/release", data={"lock": bruno[1]})
    opened = await people["carla"].get(f"{book.address}/edit")
    assert "For Carla&#39;s eyes" in opened.text


async def test_opening_takes_the_lock_only_when_a_person_opens(
    people: dict[str, httpx.AsyncClient], book: Book
) -> None:
    edit = f"{book.address}/edit"
    for headers in (
        {"sec-fetch-dest": "image"},
        {"sec-fetch-dest": "iframe"},
        {"sec-fetch-dest": "empty", "sec-fetch-site": "same-site"},
        {"sec-purpose": "prefetch"},
        {"x-refresh": "refresh"},
    ):
        shown = await people["ana"].get(edit, headers=headers)
        assert (shown.status_code, 'id="record-form"' in shown.text) == (200, False)
    assert (await people["ana"].head(edit)).status_code == 200
    assert 'id="record-form"' in (await people["carla"].get(edit)).text


async def test_fields_are_changed_without_touching_a_record_that_is_held(
    people: dict[str, httpx.AsyncClient], book: Book
) -> None:
    await lock(people, book, "carla")
    before = book.row()
    added = await people["ana"].post("/c/books/fields", data={"label": "Shelf", "kind": "text"})
    assert added.status_code == 303
    assert book.row() == before
