"""Promise 3 on every write path: on a record that somebody holds, or that has changed since, nothing is changed.

The list of paths is made from the routes and from the code, so that a new one can't be forgotten.
"""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, aclosing
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.routes import HTTPRoute
from sqlalchemy import func, select

from app.accounts.members import Member, find_member
from app.database import Database, Transaction
from app.editing.lock_statements import is_holder, lock_change_of
from app.editing.locks import take_lock
from app.editing.rows import LEASE, Editable, Held, Proof
from app.records.adding import create_record
from app.records.bulk import restore_records
from app.records.changes import Changed, change_record, write_record
from app.records.collections import Collection, get_collection
from app.records.definitions import change_field
from app.records.deleting import delete_record, restore_record
from app.records.field_places import move_field
from app.records.fields import Field, list_fields
from app.records.records import Record, get_record
from app.records.removing import remove_field
from app.records.revisions import Revision
from tests.conftest import Server
from tests.fields import AUTHOR, TITLE, typed_of
from tests.sessions import sign_in
from tests.test_isolation import TARGETS, Target, list_routes

ACME = 1
APP = Path(__file__).parent.parent.parent / "app"
RECORD = "/c/{slug:str}/{number:int}"
MESSAGE = "/chat/{slug:str}/messages/{number:int}"
TYPED = {"title": "Typed by Carla", "author": "Nobody"}
# Paths that change a record, with what a page would send, beside the version.
WRITES: dict[str, dict[str, str]] = {
    f"{RECORD}/edit": TYPED,
    f"{RECORD}/delete": {},
    f"{RECORD}/restore": {},
    f"{RECORD}/revisions/{{version:int}}/restore": {},
}
# Paths that change several records; tests/records/test_bulk.py has what they do to each.
WRITES_SEVERAL: dict[str, Callable[[int, str], dict[str, str]]] = {
    "/c/{slug:str}/delete": lambda number, version: {"record": f"{number}:{version}"},
    "/c/{slug:str}/import": lambda number, version: {
        "table": f"#,Title,Author\n{number},Typed by Carla,Nobody",
        "seen": f"{number}:{version}",
    },
}
# Paths of a collection that change no record that is there.
WRITES_NO_RECORD = {
    "/c/{slug:str}/new",
    *(
        "/c/{slug:str}/columns",
        "/c/{slug:str}/pin",
        "/c/{slug:str}/guests",
        "/c/{slug:str}/guests/remove",
        "/c/{slug:str}/permissions",
    ),
    "/c/{slug:str}/import/file",
    "/c/{slug:str}/bin/restore",  # what is in the bin: restore_records, which is tried below
    "/c/{slug:str}/new/draft",
    "/c/{slug:str}/new/draft/discard",
    "/c/{slug:str}/rename",
    *("/c/{slug:str}/archive", "/c/{slug:str}/remove", "/c/{slug:str}/restore"),
    "/c/{slug:str}/fields",
    "/c/{slug:str}/fields/{key:str}",
    "/c/{slug:str}/fields/{key:str}/restore",
    "/c/{slug:str}/fields/{key:str}/kind",
    "/c/{slug:str}/files/{key:str}",
    "/c/{slug:str}/preview/{key:str}",
    "/c/{slug:str}/fields/{key:str}/fill",  # by write_record, of those that nobody holds
}
# Paths with a number that change no record, but its lock, its queue, a member's own draft, or a message.
WRITES_NOTHING: dict[str, dict[str, str]] = {
    f"{RECORD}/lock/renew": {},
    f"{RECORD}/lock/release": TYPED,
    f"{RECORD}/lock/ask": {},
    f"{RECORD}/lock/keep": {},
    f"{RECORD}/lock/hand-over": {},
    f"{RECORD}/lock/take-over": {},
    f"{RECORD}/queue/stay": {},
    f"{RECORD}/queue/leave": {},
    f"{RECORD}/draft": TYPED,
    f"{RECORD}/draft/restore": TYPED,
    f"{RECORD}/draft/discard": {},
    f"{MESSAGE}/edit": {"text": "Said again"},
    f"{MESSAGE}/react": {"emoji": "👍"},
    f"{MESSAGE}/pin": {"on": "1"},
    f"{MESSAGE}/save": {},
    f"{MESSAGE}/unread": {},
    f"{MESSAGE}/delete": {},
}
# What in app/ writes rows with a lock, or looks as if it did: file, function, what it writes, as `list_writes` says it.
KNOWN_WRITES = {
    ("records/pages/files.py", "bring_record_files", "form.values"),  # of a form
    ("records/adding.py", "create_record", "transaction.insert(record)"),  # one that was not there
    ("records/changes.py", "advance_of", "update(Record)"),  # checks version and lock in its statement
    ("records/deleting.py", "forget_records", "delete(Record)"),  # for good, of what nobody can open, or hold
    ("records/closing.py", "delete_collection", "collection.deleted_at"),  # of a collection, whose records stay
    ("records/closing.py", "restore_collection", "collection.deleted_at"),
    ("editing/lock_statements.py", "lock_change_of", "update(model)"),  # refuses all but the lock's columns
    ("editing/lock_statements.py", "free_of", "update(model)"),
    ("database/copying.py", "copy_table", "insert(table)"),  # fills an empty database with all of another
    ("database/fast/rows.py", "__init__", "insert(self.table)"),
    ("database/fast/queries.py", "copying", "insert(table)"),  # refuses what is guarded
    ("database/fast/rows.py", "update_of", "update(info.table)"),  # refuses what is guarded
    ("database/leases.py", "claim", "update(model)"),  # writes the lease of a mail or a job
    ("database/leases.py", "hold", "update(model)"),
    ("database/leases.py", "renew_lease", "update(model)"),
    ("jobs/sweeps.py", "delete_by_keys", "delete(model)"),  # refuses what is guarded
    ("notifications/withdrawals.py", "forget_subjects", "delete(model)"),  # of four models that it names
    ("live/presence.py", "hear", "node.version"),  # of what another node says
    ("notifications/pages/preferences.py", "show_preferences", "form.values"),  # what a form shows
    ("records/new_drafts.py", "write_new_draft", "draft.version"),
    ("records/new_drafts.py", "write_new_draft", "draft.values"),
    ("records/new_drafts.py", "end_new_draft", "draft.version"),
    ("records/new_drafts.py", "end_new_draft", "draft.values"),
    ("records/reindexing.py", "", "update(Record)"),  # what is searched, of the values that there are
    ("database/fast/joined.py", "join_statements", "insert(info.table)"),
    ("database/fast/joined.py", "rows_part", "insert(info.table)"),
    ("database/fast/joined.py", "change_part", "update(info.table)"),  # refuses what is guarded
    ("accounts/form_answers.py", "find_answer", "form.values"),
    ("tenants/pages/central.py", "sign_up", "form.values"),
    ("accounts/form_answers.py", "keep_answer", "form.values"),
    ("records/pages/adding.py", "add_record", "form.values"),
    ("records/currencies.py", "suggest_currency", "form.values"),
    ("records/pages/adding.py", "name_draft", "form.values"),
    ("chat/pages/messages.py", "change_message", "form.values"),
    ("chat/references.py", "delete_of_message", "delete(model)"),  # what belongs to a message
    ("chat/message_changes.py", "delete_message", "message.deleted_at"),
    ("chat/undoing.py", "restore_message", "message.deleted_at"),
    ("records/collections.py", "describe_collection", "collection.version"),
    ("records/collections.py", "rename_collection", "collection.version"),
    ("records/definitions.py", "advance_definition", "collection.version"),
    ("records/definitions.py", "advance_definition", "field.version"),
    ("records/field_places.py", "place_field", "collection.version"),
    ("records/definitions.py", "describe_field", "setattr(field)"),
    ("records/definitions.py", "change_field", "setattr(field)"),
    ("records/imports.py", "read_record_line", "line.values"),  # a line of a table
    # Puts converted values beside those of before, where nobody writes another: a version is what somebody has made.
    ("records/converting.py", "", "update(Record)"),
    ("records/kind_changes.py", "replace_field", "new.version"),
    ("records/kind_changes.py", "finish_change", "new.version"),
    ("records/pages/kinds.py", "save_kind", "form.values"),
    ("records/pages/kinds.py", "show_kind", "form.values"),
    ("records/pages/fields.py", "save_field", "form.values"),
    ("records/about_forms.py", "read_about", "form.values"),
    ("records/seen_fields.py", "take_saved_field", "form.values"),
    ("records/seen_fields.py", "show_both", "form.values"),
    ("records/seen_fields.py", "drop_choice", "form.values"),
    ("web/seen_forms.py", "take_saved", "form.values"),
    ("web/seen_forms.py", "refuse_unseen", "form.values"),
    ("web/seen_forms.py", "refuse_unseen", "alone.values"),
    ("tenants/turns_to_send.py", "release", "update(self.model)"),
    ("tenants/workspaces.py", "change_settings", "setattr(tenant)"),
    ("web/fast/late_arguments.py", "__getattr__", "setattr(self)"),
}
COLUMNS = {"version", "values", "deleted_at", "search"}
LOCKABLE = {"Record", "Editable"}
RAW_WRITE = re.compile(r'\b(update|delete\s+from|insert\s+(or\s+\w+\s+)?into|replace\s+into)\s+"?record\b"?', re.I)

Change = Callable[[Transaction, Collection, Record, Member, int, Proof | None], Awaitable[object]]


async def change_notes(
    transaction: Transaction, books: Collection, record: Record, author: Member, version: int, proof: Proof | None
) -> object:
    typed = typed_of(record, title="Typed by Carla")
    return await change_record(transaction, books, record, typed, author, version=version, proof=proof)


async def write(
    transaction: Transaction, books: Collection, record: Record, author: Member, version: int, proof: Proof | None
) -> object:
    values = {**record.values, TITLE: "Typed by Carla"}
    known = {"version": version, "proof": proof, "fields": await list_fields(transaction, books)}
    return await write_record(transaction, books, record, values, author, what="changed", **known)


async def delete(
    transaction: Transaction, books: Collection, record: Record, author: Member, version: int, proof: Proof | None
) -> None:
    await delete_record(transaction, books, record, author, version=version)


async def restore(
    transaction: Transaction, books: Collection, record: Record, author: Member, version: int, proof: Proof | None
) -> None:
    await restore_record(transaction, books, record, author, version=version)


async def restore_several(
    transaction: Transaction, books: Collection, record: Record, author: Member, version: int, proof: Proof | None
) -> None:
    """It leaves what it may not restore, and says so: which is as good as a refusal."""
    _, left = await restore_records(transaction, books, {record.number: version}, author)
    if left:
        raise Changed if record.version != version else Held


# Every function that advances a record, with a call of it.
OPERATIONS: dict[str, Change] = {
    "write_record": write,
    "put_into_bin": delete,
    "restore_record": restore,
    "restore_records": restore_several,
}
# Beside those, what reads the values that are typed before they are written.
ALL_OPERATIONS = {"change_record": change_notes, **OPERATIONS}


def name_of(path: str) -> str:
    return path.removeprefix(RECORD)


def list_unsafe_paths() -> set[tuple[str, str]]:
    """Method and path of every route of a collection, or with a number, whose method may change something."""
    return {
        (method, route.path)
        for route in list_routes()
        if isinstance(route, HTTPRoute) and ("{number:int}" in route.path or route.path.startswith("/c/"))
        for method in set(route.methods) - {"GET", "HEAD", "OPTIONS"}
    }


def check_routes(routes: set[tuple[str, str]]) -> None:
    """Fail when a route is in neither table, or a table has one that is gone."""
    tables = {("POST", path) for path in (*WRITES, *WRITES_SEVERAL, *WRITES_NOTHING, *WRITES_NO_RECORD)}
    assert not routes - tables, (
        f"{sorted(routes - tables)} can change records: add each path to WRITES or WRITES_SEVERAL in "
        f"tests/editing/test_write_paths.py with the form it takes, or to WRITES_NOTHING or WRITES_NO_RECORD if it "
        f"changes none"
    )
    assert not tables - routes, f"{sorted(tables - routes)} is no route any more: take it out of its table"


def test_every_route_that_can_write_a_record_is_tested_here() -> None:
    assert not WRITES.keys() & WRITES_NOTHING.keys(), "a path is in one of the two tables"
    check_routes(list_unsafe_paths())


def test_a_new_route_says_what_to_add() -> None:
    for new in (("POST", f"{RECORD}/archive"), ("PUT", f"{RECORD}/edit"), ("POST", "/c/{slug:str}/move")):
        with pytest.raises(AssertionError, match="add each path to WRITES"):
            check_routes({*list_unsafe_paths(), new})


def models_of(function: ast.AST, argument: ast.expr) -> set[str]:
    """What a statement's model is: a name, or all that a loop over a literal gives that name."""
    for loop in ast.walk(function):
        if isinstance(loop, ast.For) and isinstance(loop.iter, ast.Tuple) and isinstance(loop.target, ast.Tuple):
            names = [ast.unparse(each) for each in loop.target.elts]
            rows = [each.elts for each in loop.iter.elts if isinstance(each, ast.Tuple)]
            if ast.unparse(argument) in names and len(rows) == len(loop.iter.elts):
                return {ast.unparse(row[names.index(ast.unparse(argument))]) for row in rows}
    return {ast.unparse(argument)}


def is_other_model(name: str) -> bool:
    """Whether a statement's model is plainly one without a lock, rather than one with it, or one that can't be told."""
    return name.isidentifier() and name[0].isupper() and name not in LOCKABLE


def list_call_writes(scope: ast.AST, call: ast.Call) -> Iterator[str]:
    """What a call writes that may be a record."""
    name = call.func.attr if isinstance(call.func, ast.Attribute) else ast.unparse(call.func)
    first = call.args[0] if call.args else None
    if first is not None and name in ("update", "delete", "insert"):
        models = models_of(scope, first)
        suspected = LOCKABLE | {"record", "row"}
        if isinstance(call.func, ast.Name) or ast.unparse(call.func) in ("sqlite.insert", "postgresql.insert"):
            yield from (f"{name}({model})" for model in sorted(models) if not is_other_model(model))
        elif any(set(re.findall(r"\w+", model)) & suspected for model in models):
            yield f"{ast.unparse(call.func)}({ast.unparse(first)})"
    if (first is not None and name in ("setattr", "merge", "flag_modified")) or name.startswith("bulk_"):
        yield f"{name}({ast.unparse(first) if first else ''})"
    if name in ("update", "pop", "popitem", "setdefault", "clear") and isinstance(call.func, ast.Attribute):
        owner = call.func.value
        if isinstance(owner, ast.Attribute) and owner.attr == "values" and ast.unparse(owner.value) != "self":
            yield ast.unparse(owner)


def list_writes(scope: ast.AST) -> Iterator[str]:
    """What a function, or a module apart from its functions, writes that may be a record."""
    for node in ast.walk(scope):
        if isinstance(node, ast.Call):
            yield from list_call_writes(scope, node)
        if isinstance(node, ast.Subscript) and not isinstance(node.ctx, ast.Load):
            node = node.value
            if isinstance(node, ast.Attribute) and node.attr == "values" and ast.unparse(node.value) != "self":
                yield ast.unparse(node)
        elif isinstance(node, ast.Attribute) and not isinstance(node.ctx, ast.Load) and node.attr in COLUMNS:
            if ast.unparse(node.value) != "self":
                yield ast.unparse(node)
        elif isinstance(node, ast.Attribute) and node.attr == "__table__":
            yield ast.unparse(node)
        if isinstance(node, ast.ImportFrom):
            renamed = {each.name: each.asname for each in node.names if each.asname and each.asname != each.name}
            yield from (f"{name} as {renamed[name]}" for name in renamed if name in {"update", "insert", *LOCKABLE})
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield from (found[0] for found in RAW_WRITE.finditer(node.value))


def list_functions(source: str) -> Iterator[tuple[str, ast.AST]]:
    """The functions and methods of a file with those inside them, then under '' what is outside of them."""
    tree = ast.parse(source)
    owners: list[ast.Module | ast.ClassDef] = [tree]
    owners += [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    for owner in owners:
        for node in owner.body:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                yield node.name, node
        owner.body = [node for node in owner.body if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]
    yield "", tree


def read_sources() -> Iterator[tuple[str, str]]:
    for path in sorted(APP.rglob("*.py")):
        yield str(path.relative_to(APP)), path.read_text()


def test_nothing_else_writes_records() -> None:
    found = {
        (file, name, written)
        for file, source in read_sources()
        for name, function in list_functions(source)
        for written in list_writes(function)
    }
    assert not found - KNOWN_WRITES, (
        f"{sorted(found - KNOWN_WRITES)} may write a record without checking its version and lock: go through advance "
        f"in app/records/changes.py, or, if it writes no record, add it to KNOWN_WRITES"
    )
    assert not KNOWN_WRITES - found, f"{sorted(KNOWN_WRITES - found)} is gone: take it out of KNOWN_WRITES"


async def test_a_record_is_not_changed_by_the_short_way_that_checks_nothing(database: Database) -> None:
    async with database.write(ACME) as transaction:
        record = await get_record(transaction, await get_collection(transaction, "books"), 40)
        with pytest.raises(TypeError):
            await transaction.change(record, version=record.version + 1)


@pytest.mark.parametrize(
    "line",
    [
        "await transaction.execute(update(Record).where(Record.id == 1).values(version=2))",
        "await transaction.execute(sqlalchemy.update(Record))",
        "await transaction.execute(update(kind.model))",
        "await transaction.execute(delete(type(row)))",
        "await transaction.execute(insert(Record).on_conflict_do_update())",
        "for model, column in ((Message, 1), (Record, 2)): delete(model)",
        "await transaction.delete(record)",
        "record.deleted_at = None",
        "record.version += 1",
        "record.lock_token, record.values = 1, {}",
        "record.values['title'] = ''",
        "del record.values['title']",
        "record.values.pop('title')",
        "setattr(record, name, value)",
        "Record.__table__.update()",
        "from app.records.records import Record as Book",
        "text('UPDATE record SET version = 1')",
        "text('delete  from \"record\"')",
    ],
)
def test_a_statement_that_writes_a_record_is_found(line: str) -> None:
    for source in (f"async def change():\n {line}", f"class Book:\n def change(self):\n  {line}"):
        assert [name for name, function in list_functions(source) for _ in list_writes(function)] == ["change"]


def test_what_changes_a_lock_writes_nothing_else() -> None:
    def version(model: type[Editable]) -> dict[str, Any]:
        return {"lock_until": None, "version": 2}

    with pytest.raises(TypeError, match="a lock has no version"):
        lock_change_of("record", is_holder, version)


def test_what_writes_something_else_is_not_taken_for_a_record() -> None:
    for line in (
        "update(Room)",
        "pushes.update(record=1)",
        "for model, column in ((Reaction, 1), (Mention, 2)): delete(model)",
        "seen = record.values['title']",
        "self.values = {}",
        "text('SELECT version FROM record')",
    ):
        assert not [*list_writes(ast.parse(line))], line


def test_every_operation_that_advances_a_record_is_known() -> None:
    found = {
        name
        for _, source in read_sources()
        if "advance" in source
        for name, function in list_functions(source)
        for node in ast.walk(function)
        if (isinstance(node, ast.Name) and node.id == "advance")
        or (isinstance(node, ast.Attribute) and node.attr == "advance")
    }
    assert found == OPERATIONS.keys(), "add the function that advances a record to OPERATIONS, with a call of it"


class Shelf:
    """Book 40 of a database of the test's own, and what its table has of it."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def stored(self) -> tuple[Any, ...]:
        """All of its columns, and how many revisions it has."""
        async with self.database.read(ACME) as transaction:
            _, record = await self.open(transaction)
            statement = select(func.count()).select_from(Revision).where(Revision.record_id == record.id)
            columns = {name: getattr(record, name) for name in [column.key for column in Record.__table__.columns]}
            return await transaction.scalar(statement), columns

    async def open(self, transaction: Transaction) -> tuple[Collection, Record]:
        books = await get_collection(transaction, "books")
        return books, await get_record(transaction, books, 40, deleted=None)

    async def bring(self, operation: str) -> int:
        """Put it into the bin if the operation takes it out; its version."""
        async with self.database.write(ACME) as transaction:
            books, record = await self.open(transaction)
            if operation in ("restore_record", "restore_records"):
                author = await member_of(transaction, "bruno")
                await delete_record(transaction, books, record, author, version=record.version)
            return record.version

    async def hold(self, name: str) -> Proof:
        """Take its lock, as opening its form does; the proof."""
        async with self.database.write(ACME) as transaction:
            _, record = await self.open(transaction)
            proof = await take_lock(transaction, record, await sign_in(transaction, name), lease=LEASE)
            assert proof is not None
            return proof

    async def apply(
        self, operation: str, name: str, version: int, refusal: type[Exception] | None, proof: Proof | None = None
    ) -> None:
        """Do it in a transaction that is committed even when it is refused."""
        async with self.database.write(ACME) as transaction:
            books, record = await self.open(transaction)
            author = await sign_in(transaction, name)
            done = ALL_OPERATIONS[operation](transaction, books, record, author, version, proof)
            if refusal is None:
                await done
                return
            with pytest.raises(refusal):
                await done


async def member_of(transaction: Transaction, name: str) -> Member:
    found = await find_member(transaction, f"{name}@acme.test")
    assert found is not None
    return found


@pytest.fixture
def shelf(database: Database) -> Shelf:
    return Shelf(database)


operations = pytest.mark.parametrize("operation", ALL_OPERATIONS)


@operations
async def test_an_operation_leaves_what_is_held_as_it_is(shelf: Shelf, operation: str) -> None:
    version = await shelf.bring(operation)
    proof = await shelf.hold("ana")
    before = await shelf.stored()
    await shelf.apply(operation, "carla", version, Held)
    await shelf.apply(operation, "carla", version, Held, proof)
    await shelf.apply(operation, "ana", version, Held)
    await shelf.apply(operation, "ana", version, Held, Proof(proof.token))
    assert await shelf.stored() == before


@operations
async def test_an_operation_leaves_what_has_changed_since_as_it_is(shelf: Shelf, operation: str) -> None:
    version = await shelf.bring(operation)
    before = await shelf.stored()
    for other in (version - 1, version + 1, 0):
        await shelf.apply(operation, "carla", other, Changed)
    proof = await shelf.hold("carla")
    held = await shelf.stored()
    await shelf.apply(operation, "carla", version - 1, Changed, proof)
    assert await shelf.stored() == held
    assert before[1]["version"] == held[1]["version"] == version


@operations
async def test_an_operation_changes_what_is_free_and_unchanged(shelf: Shelf, operation: str) -> None:
    version = await shelf.bring(operation)
    revisions, _ = await shelf.stored()
    await shelf.apply(operation, "carla", version, None)
    now_revisions, now = await shelf.stored()
    assert (now_revisions, now["version"]) == (revisions + 1, version + 1)


FieldChange = Callable[[Transaction, Collection, Field], Awaitable[None]]


async def ana_of(transaction: Transaction) -> Member:
    return await transaction.get_one(Member, 1)


async def rename_field(transaction: Transaction, books: Collection, field: Field) -> None:
    await change_field(
        transaction, books, field, await ana_of(transaction), **{**settings_of(field), "label": "Something else"}
    )


async def make_field_unique(transaction: Transaction, books: Collection, field: Field) -> None:
    await change_field(transaction, books, field, await ana_of(transaction), **{**settings_of(field), "unique": True})


async def move_field_up(transaction: Transaction, books: Collection, field: Field) -> None:
    await move_field(transaction, books, field, await ana_of(transaction), -1)


async def take_field_out(transaction: Transaction, books: Collection, field: Field) -> None:
    await remove_field(transaction, books, field, await ana_of(transaction))


def settings_of(field: Field) -> dict[str, Any]:
    names = ("label", "required", "unique", "help", "default", "choices")
    return {name: getattr(field, name) for name in names}


@pytest.mark.parametrize(
    "change", [rename_field, make_field_unique, move_field_up, take_field_out], ids=lambda change: change.__name__
)
async def test_changing_a_field_touches_no_record_and_no_lock(
    database: Database, shelf: Shelf, change: FieldChange
) -> None:
    async with database.write(ACME) as transaction:
        books, record = await shelf.open(transaction)
        fields = [each for each in await list_fields(transaction, books) if each.key != "title"]
        field = next(each for each in fields if each.kind_name == "text" and record.values.get(each.ref))
        title = {"title": "Another book"}
        if change is make_field_unique:  # which needs values that differ
            books = await get_collection(transaction, "books")
            for row in await transaction.scalars(select(Record).where(Record.collection_id == books.id)):
                if row.id != record.id:
                    typed = typed_of(row, **{field.key: f"{row.number}"})
                    ana = await member_of(transaction, "ana")
                    await change_record(transaction, books, row, typed, ana, version=row.version)
        await create_record(transaction, books, title, await member_of(transaction, "ana"))
    await shelf.hold("carla")

    async def all_rows() -> list[Any]:
        async with database.read(ACME) as transaction:
            return list(await transaction.execute(select(*Record.__table__.columns).order_by(Record.id)))

    async def all_fields() -> list[Any]:
        async with database.read(ACME) as transaction:
            statement = select(Field.id, Field.label, Field.unique, Field.position, Field.removed_at)
            return list(await transaction.execute(statement.where(Field.collection_id == books.id).order_by(Field.id)))

    rows, before, kept = await all_rows(), await shelf.stored(), await all_fields()
    async with database.write(ACME) as transaction:
        books = await get_collection(transaction, "books")
        (found,) = [each for each in await list_fields(transaction, books) if each.key == field.key]
        await change(transaction, books, found)
    assert await all_fields() != kept, "the field is changed"
    assert await shelf.stored() == before
    assert await all_rows() == rows


@pytest.fixture(scope="module")
async def people(shared_server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Owner, admin and two members of acme, and the owner of globex."""
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(aclosing(await shared_server.sign_in(slug, f"{name}@{slug}.test")))
            for slug, names in (("acme", ("ana", "bruno", "carla", "davi")), ("globex", ("gil",)))
            for name in names
        }


class Book:
    """A book of its own for each test, with two revisions, as the tables have it."""

    def __init__(self, server: Server, number: int) -> None:
        self.store = server.store
        self.number = number
        self.address = f"/c/books/{number}"

    def rows(self, statement: str, *values: object) -> list[Any]:
        return self.store.rows(statement, *values)

    @cached_property
    def id(self) -> int:
        statement = (
            "SELECT r.id FROM record r JOIN collection c ON c.id = r.collection_id"
            " WHERE r.tenant_id = 1 AND c.slug = 'books' AND r.number = ?"
        )
        return int(self.rows(statement, self.number)[0][0])

    def row(self) -> tuple[Any, ...]:
        """All of it but the lock, and its revisions."""
        (record,) = self.rows(
            'SELECT version, "values", deleted_at, search, updated_at FROM record WHERE id = ?', self.id
        )
        revisions = self.rows('SELECT version, what, "values" FROM revision WHERE record_id = ? ORDER BY 1', self.id)
        return (*record, revisions)

    def everything(self, *, but: str = "") -> list[Any]:
        """Its row with the lock, its revisions, who waits for it and who has typed something; all columns, or all but
        one."""
        columns = ", ".join(f'"{each.name}"' for each in Record.__table__.columns if each.name != but)
        return self.store.rows_of(
            (f"SELECT {columns} FROM record WHERE id = ?", self.id),
            ("SELECT * FROM revision WHERE record_id = ? ORDER BY version", self.id),
            *(
                (f"SELECT * FROM {table} WHERE kind = 'record' AND row_id = ? ORDER BY member_id", self.id)
                for table in ("waiting", "draft")
            ),
        )

    def lock_by(self, name: str) -> str:
        """Lock it whatever state it is in; the proof."""
        proof = Proof.make()
        ((member_id, shown, role),) = self.rows(
            "SELECT id, name, role FROM member WHERE tenant_id = 1 AND email = ?", f"{name}@acme.test"
        )
        ((token,),) = self.rows(
            "UPDATE record SET lock_token = lock_token + 1, lock_member_id = ?, lock_name = ?, lock_role = ?,"
            " lock_since = '2026-01-01 00:00:00', lock_offered = false, lock_until = ?, lock_proof = ?,"
            " lock_session_id = (SELECT max(id) FROM session WHERE member_id = ?) WHERE id = ?"
            " RETURNING lock_token",
            member_id,
            shown,
            role,
            self.store.read_lease_clock() + 500_000,
            proof.digest(member_id),
            member_id,
            self.id,
        )
        return str(Proof(token, proof.secret))

    def fill(self, path: str) -> str:
        path = path.replace(MESSAGE, "/chat/general/messages/1").replace(RECORD, self.address)
        return path.replace("{version:int}", "1")


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
    """Open the edit page; the lock's proof. A book in the bin can't be opened, but could be locked by a mistake."""
    opened = await people[name].get(f"{book.address}/edit")
    if opened.status_code == 404:
        return book.lock_by(name)
    token = re.search(r'name="lock-token" value="(\d+-[0-9a-f]{32})"', opened.text)
    assert token
    return token[1]


async def take_over(people: dict[str, httpx.AsyncClient], book: Book, name: str, token: str) -> None:
    """Take the lock away from whoever holds it with the token."""
    taken = await people[name].post(f"{book.address}/lock/take-over", data={"seen-lock": token.partition("-")[0]})
    if taken.status_code == 404:
        book.lock_by(name)
    else:
        assert taken.headers["location"].startswith(f"{book.address}/edit?lock=")


async def let_go(people: dict[str, httpx.AsyncClient], book: Book, name: str) -> None:
    """Go on with one's lock on another page, and free it from there."""
    token = book.rows("SELECT lock_token FROM record WHERE id = ?", book.id)[0][0]
    opened = await people[name].get(f"{book.address}/edit?lock={token}")
    proof = re.search(r'name="lock-token" value="(\d+-[0-9a-f]{32})"', opened.text)
    freed = await people[name].post(f"{book.address}/lock/release", data={"lock-token": proof[1] if proof else ""})
    assert freed.status_code == 303


writes = pytest.mark.parametrize("path", WRITES, ids=name_of)


@writes
async def test_what_somebody_else_holds_is_not_changed(
    people: dict[str, httpx.AsyncClient], book: Book, path: str
) -> None:
    version = await make_restorable(people, book, path)
    token = await lock(people, book, "ana")
    before = book.row()
    for shown in ({}, {"lock-token": token}):  # a token is worth something only to whom it was given
        answer = await people["carla"].post(book.fill(path), data={**WRITES[path], "version": version, **shown})
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
    for typed in WRITES[path].values():
        assert typed in answer.text


@pytest.mark.parametrize("path", ["edit", "revisions/2/restore"])
async def test_what_would_change_nothing_is_refused_too_where_somebody_else_holds_it(
    people: dict[str, httpx.AsyncClient], book: Book, path: str
) -> None:
    token = await lock(people, book, "ana")
    sent = {"title": "Second title", "version": "2", "lock-token": token}
    before = book.row()
    refused = await people["carla"].post(f"{book.address}/{path}", data=sent)
    assert (refused.status_code, book.row()) == (409, before)
    assert "Ana has been editing this since" in refused.text
    saved = await people["ana"].post(f"{book.address}/edit", data=sent)
    assert saved.headers["location"] == f"{book.address}?done=unchanged"


@writes
async def test_what_has_changed_since_is_not_changed(
    people: dict[str, httpx.AsyncClient], book: Book, path: str
) -> None:
    version = await make_restorable(people, book, path)
    before = book.row()
    for old in (str(int(version) - 1), str(int(version) + 1), "0", "", "x"):
        answer = await people["carla"].post(book.fill(path), data={**WRITES[path], "version": old})
        assert (answer.status_code, book.row()) == (409, before)
        for typed in WRITES[path].values():
            assert typed in answer.text


@writes
async def test_what_is_free_and_unchanged_is_changed(
    people: dict[str, httpx.AsyncClient], book: Book, path: str
) -> None:
    version = await make_restorable(people, book, path)
    before = book.row()
    answer = await people["carla"].post(book.fill(path), data={**WRITES[path], "version": version})
    assert answer.status_code == 303
    after = book.row()
    assert (after[0], len(after[-1])) == (before[0] + 1, len(before[-1]) + 1)


@writes
async def test_an_outdated_token_changes_nothing(people: dict[str, httpx.AsyncClient], book: Book, path: str) -> None:
    version = await make_restorable(people, book, path)
    token = await lock(people, book, "carla")
    await take_over(people, book, "bruno", token)
    before = book.row()
    answer = await people["carla"].post(book.fill(path), data={**WRITES[path], "version": version, "lock-token": token})
    assert (answer.status_code, book.row()) == (409, before)
    assert "Bruno has been editing this since" in answer.text
    for typed in WRITES[path].values():
        assert typed in answer.text


@pytest.mark.parametrize("path", WRITES_SEVERAL)
async def test_what_changes_several_leaves_what_is_held_or_has_changed_since(
    people: dict[str, httpx.AsyncClient], book: Book, path: str
) -> None:
    address = path.replace("{slug:str}", "books")
    before = book.row()
    for version in ("1", "3", "0", ""):
        answer = await people["carla"].post(address, data=WRITES_SEVERAL[path](book.number, version))
        assert (answer.status_code, book.row()) == (409, before)
    for holder, said in (("ana", "Ana is editing it."), ("carla", "You are editing it.")):
        token = await lock(people, book, holder)
        answer = await people["carla"].post(address, data=WRITES_SEVERAL[path](book.number, "2"))
        assert (answer.status_code, book.row()) == (409, before)
        assert said in answer.text
        await people[holder].post(f"{book.address}/lock/release", data={"lock-token": token})
    answer = await people["carla"].post(address, data=WRITES_SEVERAL[path](book.number, "2"))
    assert (answer.status_code, book.row()[0]) == (303, before[0] + 1)


async def test_the_token_of_the_lock_saves(people: dict[str, httpx.AsyncClient], book: Book) -> None:
    token = await lock(people, book, "carla")
    answer = await people["carla"].post(f"{book.address}/edit", data={**TYPED, "version": "2", "lock-token": token})
    assert (answer.status_code, book.row()[0]) == (303, 3)


@pytest.mark.parametrize("path", WRITES_NOTHING, ids=name_of)
async def test_lock_queue_draft_and_message_change_no_record(
    people: dict[str, httpx.AsyncClient], book: Book, path: str
) -> None:
    token = await lock(people, book, "ana")
    assert (await people["carla"].get(f"{book.address}/edit")).status_code == 200
    ((waiting, page),) = book.rows("SELECT id, page FROM waiting WHERE kind = 'record' AND row_id = ?", book.id)
    sent = {"lock-token": token, "version": "2", "waiting": str(waiting), "page": str(page), **WRITES_NOTHING[path]}
    before = book.row()
    statuses = [(await people[name].post(book.fill(path), data=sent)).status_code for name in ("carla", "ana")]
    assert set(statuses) <= {204, 303, 403, 409}
    assert set(statuses) & {204, 303}, "nobody could do it, so it shows nothing"
    assert book.row() == before


@pytest.fixture(scope="module")
async def ended(shared_server: Server) -> str:
    """The cookie of a session that was ended."""
    async with aclosing(await shared_server.sign_in("acme", "davi@acme.test")) as davi:
        assert (await davi.post("/logout")).status_code == 303
        return str(davi.headers["cookie"])


@pytest.mark.parametrize("path", [*WRITES, *WRITES_NOTHING], ids=name_of)
async def test_without_a_session_nothing_is_changed(
    shared_server: Server, people: dict[str, httpx.AsyncClient], ended: str, book: Book, path: str
) -> None:
    version = await make_restorable(people, book, path)
    before = book.everything()
    data = {**(WRITES | WRITES_NOTHING)[path], "version": version}
    for headers in ({}, {"cookie": "session=unknown"}, {"cookie": ended}):
        async with shared_server.client("acme", **headers) as nobody:
            answer = await nobody.post(book.fill(path), data=data)
        assert (answer.status_code, answer.headers["location"].partition("?")[0]) == (303, "/login")
    assert book.everything() == before


REFUSALS = ("held by another", "held in another tab", "changed since", "taken over")


@pytest.mark.parametrize("why", REFUSALS)
async def test_what_was_typed_into_a_refused_save_is_the_typists_draft_and_nobody_elses(
    people: dict[str, httpx.AsyncClient], book: Book, why: str
) -> None:
    sent = {"title": "For Carla's eyes", "version": "1" if why == "changed since" else "2"}
    holder = {"held by another": "ana", "held in another tab": "carla", "taken over": "bruno"}.get(why)
    if why == "taken over":
        sent["lock-token"] = await lock(people, book, "carla")
        await take_over(people, book, "bruno", sent["lock-token"])
    elif holder:
        await lock(people, book, holder)
    refused = await people["carla"].post(f"{book.address}/edit", data=sent)
    assert refused.status_code == 409
    assert "For Carla&#39;s eyes" in refused.text
    if holder:
        await let_go(people, book, holder)
    for name in ("ana", "bruno"):
        for path in (book.address, f"{book.address}/edit", "/c/books?sort=-number", "/c/books?q=eyes"):
            shown = await people[name].get(path)
            assert shown.status_code == 200
            assert "For Carla" not in shown.text
            assert "You have unsaved changes" not in shown.text
        await let_go(people, book, name)
    assert "You have unsaved changes from" in (await people["carla"].get(book.address)).text
    opened = await people["carla"].get(f"{book.address}/edit")
    assert "You have unsaved changes from" in opened.text
    assert "For Carla&#39;s eyes" in opened.text


async def test_at_first_each_field_is_whose_who_changed_it(people: dict[str, httpx.AsyncClient], book: Book) -> None:
    """Version 1 had no author and the first title; Ana has changed the title since, Carla types an author."""
    sent = {"title": "First title", "author": "Nobody", "version": "1"}
    refused = await people["carla"].post(f"{book.address}/edit", data=sent)
    opened = await people["carla"].get(f"{book.address}/edit")
    for page in (refused.text, opened.text):
        assert re.findall(r'<input type="radio" name="(\w+)" value="([^"]*)" checked', page) == [
            (TITLE, "Second title"),
            (AUTHOR, "Nobody"),
        ]


def list_pages(book: Book) -> Iterator[str]:
    """Every page of a workspace, as near to the book as it can be, and searches for the first word of the draft."""
    values = {
        "number": str(book.number),
        "version": "2",
        "key": "title",
        "subject": f"record-{book.id}",
        "session_id": "1",
        "file_id": "1",
        "record_file_id": "1",
        "member_id": "1",
        "invitation_id": "1",
        "announcement_id": "1",
        "token_id": "1",
        "app_id": "1",
        "webhook_id": "1",
        "address_id": "1",
        "call": "change_field",
        "topic": "admins",
        "picture": "list.en.webp",
    }
    for target in TARGETS:
        if target.method != "GET":
            continue
        unknown = set(target.parameters) - {"slug", *values}
        assert not unknown, f"{target.path} has new parameters {unknown}: add to list_pages what they are near the book"
        slug = "books" if target.path.startswith("/c/") else "general"
        yield Target("GET", target.path).fill({**values, "slug": slug})
    for path in ("/c/books", "/quick-switcher", "/chat/search"):
        yield f"{path}?q=Sealed"
    yield "/c/books?sort=-number"
    yield "/chat/general/messages/1/history"


@pytest.mark.alike
@pytest.mark.parametrize("kept_by", ["a refused save", "an open page", "leaving"])
async def test_no_page_of_anybody_else_shows_a_draft(
    shared_server: Server, people: dict[str, httpx.AsyncClient], book: Book, kept_by: str
) -> None:
    title = {"title": "Sealed violets"}
    if kept_by == "a refused save":
        refused = await people["carla"].post(f"{book.address}/edit", data={**title, "version": "1"})
        assert refused.status_code == 409
    else:
        token = await lock(people, book, "carla")
        path = "draft" if kept_by == "an open page" else "lock/release"
        kept = await people["carla"].post(
            f"{book.address}/{path}", data={**title, "version": "2", "lock-token": token, "page-left": "yes"}
        )
        assert kept.status_code == 204
    near = {book.address, f"{book.address}/edit", "/c/books", "/c/books?q=Sealed"}
    pages = list(list_pages(book))
    assert near <= set(pages)
    if kept_by != "an open page":  # it is the same row of the same table: every page is asked once
        pages = [*near, "/"]
    for name in ("davi", "bruno", "ana"):
        for path in near if name == "bruno" else pages:  # whose role is between the others'
            shown = await people[name].get(path)
            assert shown.status_code == 200 if path in near else shown.status_code < 500, (name, path)
            assert "violets" not in shown.text, f"{name} sees the draft at {path}"
    own = await people["davi"].get(f"{book.address}")
    assert "Second title" in own.text, "the pages are about the book"
    async with shared_server.client("acme", cookie=people["gil"].headers["cookie"]) as outside:
        for path in pages:
            for client in (people["gil"], outside):
                shown = await client.get(path)
                assert shown.status_code < 500, path
                assert "violets" not in shown.text, f"another workspace sees the draft at {path}"
    pushed = book.rows("SELECT channel FROM event WHERE body LIKE '%violets%'")
    assert pushed == [], "what is typed is pushed to nobody"
    for name in ("carla", "davi", "bruno", "ana"):  # in the order in which it is their turn
        await people[name].get(f"{book.address}/edit")
        await let_go(people, book, name)
    assert "Sealed violets" in (await people["carla"].get(f"{book.address}/edit")).text


async def test_opening_takes_the_lock_only_when_a_person_opens(
    people: dict[str, httpx.AsyncClient], book: Book
) -> None:
    edit = f"{book.address}/edit"
    for headers in (
        {"sec-fetch-dest": "image"},
        {"sec-fetch-dest": "iframe"},
        {"sec-fetch-dest": "empty", "sec-fetch-site": "same-site"},
        {"sec-fetch-dest": "document", "sec-fetch-site": "same-site"},
        {"sec-fetch-dest": "document", "sec-fetch-site": "cross-site"},
        {"sec-fetch-site": ""},
        {"sec-purpose": "prefetch"},
        {"purpose": "prefetch"},
        {"x-refresh": "refresh"},
    ):
        shown = await people["ana"].get(edit, headers=headers)
        assert (shown.status_code, 'id="record-form"' in shown.text) == (200, False)
        assert f'href="{edit}"' in shown.text
    assert (await people["ana"].head(edit)).status_code == 200
    unsaid = people["ana"].headers.pop("sec-fetch-site")
    assert 'id="record-form"' not in (await people["ana"].get(edit)).text
    people["ana"].headers["sec-fetch-site"] = unsaid
    typed = await people["carla"].get(edit, headers={"sec-fetch-dest": "document", "sec-fetch-site": "none"})
    assert 'id="record-form"' in typed.text


async def test_fields_are_changed_without_touching_a_record_that_is_held(
    people: dict[str, httpx.AsyncClient], book: Book
) -> None:
    added = await people["ana"].post("/c/books/fields", data={"label": f"Wing {book.number}", "kind": "text"})
    assert added.status_code == 303
    field = f"wing_{book.number}"
    filled = await people["ana"].post(
        f"{book.address}/edit", data={"title": "Second title", field: "West", "version": "2"}
    )
    assert filled.status_code == 303
    token = await lock(people, book, "carla")
    before = book.everything(but="search")  # which a job brings up to date
    for path, typed in (
        ("/c/books/fields", {"label": f"Shelf {book.number}", "kind": "text"}),
        (f"/c/books/fields/{field}", {"label": f"Side {book.number}", "unique": "yes"}),
        (f"/c/books/fields/{field}", {"action": "up"}),
        (f"/c/books/fields/{field}", {"action": "remove"}),
    ):
        changed = await people["ana"].post(path, data=typed)
        assert changed.status_code == 303, (typed, changed.text)
        assert book.everything(but="search") == before, typed
    saved = await people["carla"].post(f"{book.address}/edit", data={**TYPED, "version": "3", "lock-token": token})
    assert (saved.status_code, book.row()[0]) == (303, 4)
