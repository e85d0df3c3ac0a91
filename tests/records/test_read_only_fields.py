"""Fields that are read-only for roles: every role, every choice of roles, by every way in that could change a value.

The matrix is made of `PEOPLE`, `SETS` and `WAYS`: a new way in is one function.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from itertools import count

import httpx
import pytest

from app.accounts.members import Member, add_member
from app.database import Database, Transaction
from app.demo import PASSWORD
from app.records.adding import add_records, create_record, create_records
from app.records.changes import change_record, write_record
from app.records.collections import Collection, get_collection
from app.records.definitions import change_field
from app.records.fields import Field, Fields, list_fields
from app.records.granting import admit_guests
from app.records.permissions import EVERYTHING, write_permissions
from app.records.records import Record
from app.web.forms import Invalid
from tests.conftest import Server
from tests.fields import AUTHOR, typed_of
from tests.records.test_permissions import form_of
from tests.sessions import act_as, sign_in

ACME = 1
PEOPLE = {"olga": "owner", "ada": "admin", "mia": "member", "gus": "guest"}
SETS: list[tuple[str, ...]] = [(), ("member",), ("guest",), ("member", "guest")]
BEFORE, TYPED, DEFAULT = "As it was", "As it was typed", "As it begins"
CALL = {"x-page": "1"}
numbers = count(1)


@dataclass
class Scene:
    """A collection whose field 'Note' is read-only for some roles, with a record, and somebody who tries."""

    server: Server
    ana: httpx.AsyncClient
    actor: httpx.AsyncClient
    address: str
    title: str
    note: str
    pictures: str

    async def add(self) -> int:
        """A record that Ana has added, with a revision in which the note was another one; its number."""
        typed = {self.title: f"Number {next(numbers)}"}
        made = await self.ana.post(f"{self.address}/new", data={**typed, self.note: TYPED})
        number = int(made.headers["location"].rpartition("/")[2])
        changed = await self.ana.post(
            f"{self.address}/{number}/edit", data={**typed, self.note: BEFORE, "version": "1"}
        )
        assert changed.status_code == 303, changed.text
        return number

    def read(self, number: int) -> dict[str, str]:
        """The values of a record."""
        query = (
            'SELECT "values" FROM record WHERE number = ? '
            "AND collection_id = (SELECT id FROM collection WHERE slug = ?)"
        )
        ((values,),) = self.server.store.rows(query, number, self.address.rpartition("/")[2])
        found: dict[str, str] = json.loads(values) if isinstance(values, str) else values
        return found

    def newest(self) -> int:
        """The number of the newest record."""
        ((number,),) = self.server.store.rows(
            "SELECT last_number FROM collection WHERE slug = ?", self.address.rpartition("/")[2]
        )
        return int(number)

    async def edit(self, number: int, version: int = 2, **others: str) -> httpx.Response:
        """Save the form of a record, with all fields in it."""
        typed = {self.title: "Changed", "version": str(version), "has-fields": f"{self.title} {self.note}", **others}
        return await self.actor.post(f"{self.address}/{number}/edit", data=typed)


# Tries to give a record another note; what it has then.
Way = Callable[[Scene], Awaitable[str]]
WAYS: dict[str, Way] = {}


def way(name: str) -> Callable[[Way], Way]:
    """Register a way in."""

    def add(attempt: Way) -> Way:
        WAYS[name] = attempt
        return attempt

    return add


@way("form")
async def save_form(scene: Scene) -> str:
    number = await scene.add()
    await scene.edit(number, **{scene.note: TYPED})
    return scene.read(number).get(scene.note, "")


@way("form by keys")
async def save_by_keys(scene: Scene) -> str:
    number = await scene.add()
    typed = {"title": "Changed", "note": TYPED, "version": "2"}
    await scene.actor.post(f"{scene.address}/{number}/edit", data=typed)
    return scene.read(number).get(scene.note, "")


@way("form that empties it")
async def empty_it(scene: Scene) -> str:
    number = await scene.add()
    await scene.edit(number, **{scene.note: ""})
    return scene.read(number).get(scene.note, "") or TYPED


@way("old revision")
async def restore_revision(scene: Scene) -> str:
    number = await scene.add()
    await scene.actor.post(f"{scene.address}/{number}/revisions/1/restore", data={"version": "2"})
    return scene.read(number).get(scene.note, "")


@way("draft")
async def save_draft(scene: Scene) -> str:
    number = await scene.add()
    opened = await scene.actor.get(f"{scene.address}/{number}/edit", headers={"sec-fetch-mode": "navigate"})
    found = re.search(r'name="lock-token" value="([^"]+)"', opened.text)
    token = found[1] if found else ""
    typed = {scene.title: "Changed", scene.note: TYPED, "version": "2", "lock-token": token}
    await scene.actor.post(f"{scene.address}/{number}/draft", data=typed)
    await scene.actor.post(f"{scene.address}/{number}/draft/restore", data=typed)
    await scene.edit(number, **{scene.note: TYPED, "lock-token": token})
    return scene.read(number).get(scene.note, "")


@way("import that changes")
async def import_change(scene: Scene) -> str:
    number = await scene.add()
    table = {"table": f"#;Note\n{number};{TYPED}", "seen": f"{number}:2"}
    await scene.actor.post(f"{scene.address}/import", data=table)
    return scene.read(number).get(scene.note, "")


async def note_of_new(scene: Scene, before: int) -> str:
    """The note of the record that was added since; as it begins, when none was."""
    return scene.read(scene.newest()).get(scene.note, "") if scene.newest() > before else DEFAULT


@way("form of a new record")
async def save_new(scene: Scene) -> str:
    before = scene.newest()
    await scene.actor.post(f"{scene.address}/new", data={scene.title: "New", scene.note: TYPED})
    return await note_of_new(scene, before)


@way("import that adds")
async def import_new(scene: Scene) -> str:
    before = scene.newest()
    await scene.actor.post(f"{scene.address}/import", data={"table": f"Title;Note\nNew;{TYPED}", "seen": ""})
    return await note_of_new(scene, before)


@way("files")
async def bring_file(scene: Scene) -> str:
    files = {f"file-{scene.pictures}": ("a.txt", b"abc")}
    answer = await scene.actor.post(f"{scene.address}/files/{scene.pictures}", files=files, headers=CALL)
    return TYPED if answer.status_code == 200 else BEFORE


@way("duplicate")
async def duplicate(scene: Scene) -> str:
    number = await scene.add()
    form = (await scene.actor.get(f"{scene.address}/new?copy={number}")).text
    inputs = dict(re.findall(r'<input id="field-(f\d+)"[^>]* value="([^"]*)"', form))
    if scene.note in inputs:
        assert html.unescape(inputs[scene.note]) == BEFORE
        return TYPED
    assert DEFAULT in form
    return BEFORE


# For admins alone, whatever a field says.
FOR_ADMINS = [
    ("", {"label": "Note", "default": DEFAULT}),
    ("/fill", {"note": TYPED}),
    ("/kind", {"kind": "long_text"}),
]


@pytest.fixture(scope="module")
async def clients(shared_server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with AsyncExitStack() as stack:
        found = {"ana": await stack.enter_async_context(aclosing(shared_server.let_in("acme", "ana@acme.test")))}
        for name, role in PEOPLE.items():
            words = (f"{name}@acme.test", "--name", name.title(), "--role", role, "--password", PASSWORD)
            assert shared_server.run("member", "add", "acme", *words).returncode == 0
            entered = aclosing(shared_server.let_in("acme", f"{name}@acme.test"))
            found[name] = await stack.enter_async_context(entered)
        yield found


async def arrange(server: Server, clients: dict[str, httpx.AsyncClient], name: str, roles: tuple[str, ...]) -> Scene:
    ana = clients["ana"]
    made = await ana.post("/collections/new", data={"name": f"Limited {next(numbers)}", "first": "Title"})
    address = made.headers["location"].removesuffix("/fields?done=collection")
    for label, kind, default in (("Note", "text", DEFAULT), ("Pictures", "files", "")):
        values = {"label": label, "kind": kind, "default": default, "read_only_for": list(roles)}
        added = await ana.post(f"{address}/fields", data=values)
        assert added.status_code == 303, added.text
    allowed = {"member": EVERYTHING, "guest": EVERYTHING}
    assert (await ana.post(f"{address}/permissions", data=form_of(allowed))).status_code == 303
    assert (await ana.post(f"{address}/guests", data={"person": "gus@acme.test"})).status_code == 303
    refs = re.findall(r'name="has-fields" value="([^"]*)"', (await ana.get(f"{address}/new")).text)[0].split()
    return Scene(server, ana, clients[name], address, *refs)


@pytest.mark.alike
@pytest.mark.parametrize("roles", SETS, ids=lambda roles: " and ".join(roles) or "nobody")
@pytest.mark.parametrize("name", PEOPLE)
async def test_a_value_is_changed_by_those_who_may(
    shared_server: Server, clients: dict[str, httpx.AsyncClient], name: str, roles: tuple[str, ...]
) -> None:
    scene = await arrange(shared_server, clients, name, roles)
    limited = PEOPLE[name] in roles
    for told, attempt in WAYS.items():
        found = await attempt(scene)
        assert (found == TYPED) != limited, told
        assert found in ((BEFORE, DEFAULT) if limited else (TYPED,)), told
    for path, form in FOR_ADMINS if PEOPLE[name] not in ("owner", "admin") else ():
        assert (await scene.actor.post(f"{scene.address}/fields/note{path}", data=form)).status_code == 403


@pytest.mark.parametrize("name", ["mia", "gus"])
async def test_the_other_fields_are_edited_as_ever_and_a_new_record_has_the_default(
    shared_server: Server, clients: dict[str, httpx.AsyncClient], name: str
) -> None:
    scene = await arrange(shared_server, clients, name, ("member", "guest"))
    number = await scene.add()
    form = (await scene.actor.get(f"{scene.address}/{number}/edit")).text
    assert f'name="{scene.note}"' not in form
    assert BEFORE in form
    assert "You can see this field, but not change it." in form
    (asked,) = re.findall(r'name="has-fields" value="([^"]*)"', form)
    assert asked.split() == [scene.title]
    (token,) = set(re.findall(r'name="lock-token" value="([^"]+)"', form))
    typed = {scene.title: "Changed", "has-fields": asked, "version": "2", "lock-token": token}
    saved = await scene.actor.post(f"{scene.address}/{number}/edit", data=typed)
    assert saved.status_code == 303, saved.text
    assert scene.read(number) == {scene.title: "Changed", scene.note: BEFORE}
    new = {scene.title: "New", "has-fields": asked}
    assert (await scene.actor.post(f"{scene.address}/new", data=new)).status_code == 303
    assert scene.read(scene.newest()) == {scene.title: "New", scene.note: DEFAULT}
    imported = await scene.actor.post(f"{scene.address}/import", data={"table": "Title\nImported", "seen": ""})
    assert imported.status_code == 303, imported.text
    assert scene.read(scene.newest()) == {scene.title: "Imported", scene.note: DEFAULT}


async def test_going_back_to_a_revision_leaves_read_only_fields_as_they_are_and_says_so(
    shared_server: Server, clients: dict[str, httpx.AsyncClient]
) -> None:
    scene = await arrange(shared_server, clients, "mia", ("member",))
    number = await scene.add()
    address = f"{scene.address}/{number}"
    for path, version in (("/revisions/1/restore", "2"), ("/revisions/2/restore", "2")):
        back = await scene.actor.post(f"{address}{path}", data={"version": version})
        assert back.headers["location"].removeprefix(address) in ("?done=not-reverted", "?done=unchanged")
    assert "Nothing was changed: the differences" in (await scene.actor.get(f"{address}?done=not-reverted")).text
    changed = await scene.edit(number, **{scene.note: BEFORE, scene.title: "Another title"})
    assert changed.status_code == 303, changed.text
    title = scene.read(number)[scene.title]
    back = await scene.actor.post(f"{address}/revisions/1/restore", data={"version": "3"})
    assert back.headers["location"] == f"{address}?done=reverted-partly"
    assert "except for the fields you may not change" in (await scene.actor.get(back.headers["location"])).text
    assert scene.read(number)[scene.note] == BEFORE
    assert scene.read(number)[scene.title] != title
    ((holder,),) = shared_server.store.rows("SELECT count(lock_member_id) FROM record WHERE number = ?", number)
    assert holder == 0, "no form was opened"
    emptied = {scene.title: "Without a note", "version": "4"}
    assert (await scene.ana.post(f"{address}/edit", data=emptied)).status_code == 303
    back = await scene.actor.post(f"{address}/revisions/4/restore", data={"version": "5"})
    assert back.headers["location"] == f"{address}?done=reverted-partly"
    assert scene.note not in scene.read(number)


async def test_what_was_typed_before_the_field_was_read_only_is_shown_and_the_rest_can_be_saved(
    shared_server: Server, clients: dict[str, httpx.AsyncClient]
) -> None:
    scene = await arrange(shared_server, clients, "mia", ())
    number = await scene.add()
    opened = (await scene.actor.get(f"{scene.address}/{number}/edit")).text
    (token,) = set(re.findall(r'name="lock-token" value="([^"]+)"', opened))
    values = {"label": "Note", "default": DEFAULT, "read_only_for": "member"}
    assert (await scene.ana.post(f"{scene.address}/fields/note", data=values)).status_code == 303
    refused = await scene.edit(number, **{scene.note: "Typed & lost?", "lock-token": token})
    assert refused.status_code == 422
    assert "What you typed here was not saved: Typed &amp; lost?" in refused.text
    assert scene.read(number) == {scene.title: scene.read(number)[scene.title], scene.note: BEFORE}
    (asked,) = re.findall(r'name="has-fields" value="([^"]*)"', refused.text)
    saved = await scene.edit(number, **{"has-fields": asked, "lock-token": token})
    assert saved.status_code == 303, saved.text
    assert scene.read(number) == {scene.title: "Changed", scene.note: BEFORE}


async def test_what_a_draft_has_for_a_field_that_is_read_only_by_now_is_shown(
    shared_server: Server, clients: dict[str, httpx.AsyncClient]
) -> None:
    scene = await arrange(shared_server, clients, "mia", ())
    number = await scene.add()
    opened = (await scene.actor.get(f"{scene.address}/{number}/edit")).text
    (token,) = set(re.findall(r'name="lock-token" value="([^"]+)"', opened))
    typed = {scene.title: "Changed", scene.note: "An hour of notes", "version": "2", "lock-token": token}
    assert (await scene.actor.post(f"{scene.address}/{number}/draft", data=typed, headers=CALL)).status_code == 204
    values = {"label": "Note", "default": DEFAULT, "read_only_for": "member"}
    assert (await scene.ana.post(f"{scene.address}/fields/note", data=values)).status_code == 303
    again = (await scene.actor.get(f"{scene.address}/{number}/edit?lock={token.partition('-')[0]}")).text
    assert "What you typed here was not saved: An hour of notes" in again
    assert BEFORE in again


async def test_what_was_typed_so_is_shown_beside_what_others_have_changed_too(
    shared_server: Server, clients: dict[str, httpx.AsyncClient]
) -> None:
    scene = await arrange(shared_server, clients, "mia", ("member",))
    number = await scene.add()
    conflict = await scene.edit(number, version=1, **{scene.note: "Typed in vain"})
    assert conflict.status_code == 409
    assert "What you typed here was not saved: Typed in vain" in conflict.text
    assert f'name="{scene.note}"' not in conflict.text


async def test_the_settings_of_a_field_say_for_whom_it_is_read_only_and_keep_it_through_another_kind(
    shared_server: Server, clients: dict[str, httpx.AsyncClient]
) -> None:
    scene = await arrange(shared_server, clients, "mia", ("guest",))
    form = (await scene.ana.get(f"{scene.address}/fields/note")).text
    ticked = re.findall(r'name="read_only_for" value="(\w+)"( checked)?', form)
    assert ticked == [("member", ""), ("guest", " checked")]
    assert (await scene.ana.post(f"{scene.address}/fields/note/kind", data={"kind": "long_text"})).status_code == 303
    form = (await scene.ana.get(f"{scene.address}/fields/note")).text
    assert re.findall(r'name="read_only_for" value="(\w+)"( checked)?', form) == ticked
    assert "changed who may edit the field" in (await scene.ana.get("/audit")).text


# --- operations ------------------------------------------------------------------------------------------------------


@dataclass
class Books:
    """The books, whose authors are read-only for some."""

    transaction: Transaction
    collection: Collection
    fields: Fields
    record: Record
    actor: Member

    @property
    def values(self) -> Mapping[str, str]:
        return {**self.record.values, AUTHOR: TYPED}


Operation = Callable[[Books], Awaitable[object]]
OPERATIONS: dict[str, Operation] = {
    "change_record": lambda books: change_record(
        books.transaction, books.collection, books.record, typed_of(books.record, author=TYPED), books.actor, version=1
    ),
    "write_record": lambda books: write_record(
        books.transaction,
        books.collection,
        books.record,
        dict(books.values),
        books.actor,
        version=1,
        what="imported",
        fields=books.fields,
    ),
    "create_record": lambda books: create_record(
        books.transaction, books.collection, {"title": "New", "author": TYPED}, books.actor
    ),
    "create_records": lambda books: create_records(
        books.transaction, books.collection, [{"title": "New", "author": TYPED}], books.actor
    ),
    "add_records": lambda books: add_records(
        books.transaction, books.collection, [{"f1": "New", AUTHOR: TYPED}], books.actor
    ),
}


class Undone(Exception):
    """What was tried is not kept."""


@pytest.mark.parametrize("operation", OPERATIONS)
@pytest.mark.parametrize("name", PEOPLE)
async def test_operations_refuse_it_by_themselves(database: Database, name: str, operation: str) -> None:
    with pytest.raises(Undone):
        async with database.write(ACME) as transaction:
            ana = await sign_in(transaction, "ana")
            books = await get_collection(transaction, "books")
            role = PEOPLE[name]
            actor = await add_member(
                transaction,
                email=f"{name}@acme.test",
                name=name,
                role=role,
                password_hash="x",  # type: ignore[arg-type]
            )
            await write_permissions(transaction, books.id, {"guest": EVERYTHING})
            if role == "guest":
                await admit_guests(transaction, books, ana, [actor])
            author = next(each for each in await list_fields(transaction, books) if each.key == "author")
            await limit(transaction, books, author, ana)
            fields = await list_fields(transaction, books)
            record = await create_record(transaction, books, {"title": "One", "author": BEFORE}, ana)
            await act_as(transaction, actor)
            attempt = OPERATIONS[operation](Books(transaction, books, fields, record, actor))
            if role in ("member", "guest"):
                with pytest.raises(Invalid) as refusal:
                    await attempt
                assert set(refusal.value.errors) == {AUTHOR}
            else:
                await attempt
            raise Undone


async def limit(transaction: Transaction, books: Collection, author: Field, by: Member) -> None:
    """Let members and guests not change the authors."""
    values = {"label": "Author", "required": False, "unique": False, "help": "", "default": ""}
    await change_field(transaction, books, author, by, read_only_for=["member", "guest", "owner", "viewer"], **values)
    assert author.read_only_for == ["member", "guest"], "others never are"
