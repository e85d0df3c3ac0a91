"""Collections that are archived can be read and nothing more, by anybody; deleted ones are nobody's to see, and come
back as they were, or are forgotten with all that they had."""

from __future__ import annotations

import json
from contextlib import aclosing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from litestar.exceptions import NotFoundException
from msgspec import structs
from sqlalchemy import func, select, update

from app.chat.discussions import enter_discussion
from app.chat.ended_discussions import delete_ended
from app.chat.messages import Message
from app.chat.posting import post_message
from app.chat.references import MessageIndex
from app.chat.rooms import Room
from app.chat.unsent_files import add_attachment
from app.database import Base, Database, Transaction, now
from app.editing.drafts import Draft, keep_draft
from app.editing.waiting import join_queue, list_queue
from app.files.uploads import StoredFile, path_of
from app.jobs.sweeps import BATCH, SWEEPS, sweep_one
from app.live.log import UNFOLLOW
from app.notifications.following import Follow
from app.notifications.models import Notification
from app.records.adding import add_records, create_record
from app.records.changes import change_record
from app.records.closing import archive_collection, delete_collection, list_binned, restore_collection
from app.records.collections import Collection, create_collection, get_collection
from app.records.deleting import delete_record
from app.records.fields import Field, list_fields
from app.records.files import RecordFile
from app.records.filling import fill_lacking
from app.records.granting import change_permissions
from app.records.kind_changes import change_kind
from app.records.new_drafts import TypedOn, keep_new_draft
from app.records.permissions import NOTHING, READING, CollectionPermission, Permissions
from app.records.records import Record, find_by_references, get_record
from app.records.removing import remove_field
from app.records.revisions import Revision
from app.records.used_collections import list_used
from app.web.errors import PageError
from tests.conftest import Server
from tests.fields import TITLE, typed_of
from tests.records.test_lost_rights import hold, read_pushed
from tests.records.test_permissions import (
    ASKED,
    PEOPLE,
    WAYS,
    Case,
    Undone,
    add_own,
    arrange,
    form_of,
    people,  # noqa: F401  (a fixture)
    rules_for,
    takes,
)
from tests.sessions import act_as, sign_in
from tests.test_isolation import SETTINGS

ACME = 1
STATES = ("archived", "deleted")


def left_of(state: str, permitted: Permissions) -> Permissions:
    """What somebody should be able to do then: said anew here, and not asked of the program."""
    if state == "deleted":
        return NOTHING
    return structs.replace(permitted, add=False, edit="none", delete="none")


async def close_books(transaction: Transaction, state: str) -> Collection:
    ana = await sign_in(transaction, "ana")
    books = await get_collection(transaction, "books")
    if state == "deleted":
        await delete_collection(transaction, books, ana)
    else:
        await archive_collection(transaction, books, ana, archived=True)
    return books


# --- who may do what then ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", PEOPLE)
async def test_what_is_followed_found_shown_and_told_is_what_is_left(database: Database, state: str, name: str) -> None:
    with pytest.raises(Undone):
        async with database.write(ACME) as transaction:
            case = Case(name, "everything")
            scene = await arrange(transaction, case)
            await close_books(transaction, state)
            await act_as(transaction, scene.actor)
            for way, (need, attempt) in WAYS.items():
                assert await attempt(scene) == takes(left_of(state, case.permitted), need), f"{way} takes {need}"
            raise Undone


@pytest.mark.alike
@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("name", PEOPLE)
async def test_pages_and_forms_refuse_what_is_not_left(
    shared_server: Server,
    people: dict[str, httpx.AsyncClient],  # noqa: F811
    name: str,
    state: str,
) -> None:
    ana, client = people["ana"], people[name]
    assert (await ana.post("/c/books/permissions", data=form_of(rules_for("everything")))).status_code == 303
    own = await add_own(shared_server, ana, client, name)
    (other_id,) = shared_server.store.rows("SELECT id FROM record WHERE number = 7 AND tenant_id = 1")[0]
    left = left_of(state, Case(name, "everything").permitted)
    if state == "deleted":
        assert (await ana.post("/c/books/remove")).headers["location"] == "/collections/bin?done=collection-deleted"
    else:
        closed = await ana.post("/c/books/archive", data={"archived": "yes"})
        assert closed.headers["location"] == "/c/books?done=collection-archived"
    try:
        for asked in ASKED:
            path = asked.path.format(own=own, other=7, other_id=other_id)
            answer = await client.request(asked.method, path, data=asked.form)
            wanted = asked.answers if takes(left, asked.need) else (403 if left.read else 404,)
            assert answer.status_code in wanted, f"{asked.method} {path} takes {asked.need}"
        assert "/c/books" not in (await client.get("/")).text, "neither the start nor the sidebar has it"
        assert ("/c/books" in (await client.get("/collections")).text) == left.browse
        if left.read:
            shown = await client.get("/c/books/7")
            assert "This collection is archived" in shown.text
            assert 'data-may=""' in shown.text
        if Case(name, "").role in ("owner", "admin"):
            for path in ("fields", "fields/title", "fields/title/kind", "fields/title/fill"):
                changed = await client.post(f"/c/books/{path}", data={"label": "Other", "kind": "link", "f1": "x"})
                assert changed.status_code == (404 if state == "deleted" else 403), path
    finally:
        if state == "deleted":
            back = await ana.post("/c/books/restore")
            assert back.headers["location"] == "/c/books?done=collection-restored"
        else:
            back = await ana.post("/c/books/archive")
            assert back.headers["location"] == "/c/books?done=collection-opened"
    assert (await ana.get("/c/books")).status_code == 200


@pytest.mark.parametrize("name", ["mia", "vera", "gus"])
async def test_only_admins_archive_delete_and_restore(
    shared_server: Server,
    people: dict[str, httpx.AsyncClient],  # noqa: F811
    name: str,
) -> None:
    before = shared_server.store.rows("SELECT archived_at, deleted_at FROM collection")
    for path in ("/c/books/archive", "/c/books/remove", "/c/books/restore"):
        assert (await people[name].post(path, data={"archived": "yes"})).status_code == 403
    for path in ("/c/books/archive", "/c/books/remove", "/collections/bin"):
        assert (await people[name].get(path)).status_code == 403
    assert shared_server.store.rows("SELECT archived_at, deleted_at FROM collection") == before


async def test_who_is_asked_is_told_how_many_records_there_are_and_who_edits_them(server: Server) -> None:
    async with (
        aclosing(server.let_in("acme", "ana@acme.test")) as ana,
        aclosing(server.let_in("acme", "carla@acme.test")) as carla,
    ):
        await carla.post("/c/books/new/draft", data={TITLE: "Half a title", "draft-version": "0"})
        (count,) = server.store.rows("SELECT count(*) FROM record WHERE collection_id = 1")[0]
        for path in ("/c/books/archive", "/c/books/remove"):
            page = (await ana.get(path)).text
            assert f"It has {count} records." in page
            assert "in it right now: Carla." in page


# --- what follows -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", STATES)
async def test_locks_and_places_in_line_are_lost_and_what_was_typed_is_kept(database: Database, state: str) -> None:
    async with database.write(ACME) as transaction:
        books, record, carla = await hold(transaction, "carla", 7)
        typed = typed_of(record, title="Typed by Carla")
        await keep_draft(transaction, record, carla, typed, saved=typed_of(record), token=record.lock_token, version=1)
        await keep_new_draft(transaction, books, carla, {TITLE: "A new one"}, TypedOn("", 1, 0))
        davi = await sign_in(transaction, "davi")
        await join_queue(transaction, record, davi, 30)
    async with database.write(ACME) as transaction:
        before = transaction.tenant.cursor
        await close_books(transaction, state)
    async with database.read(ACME) as transaction:
        record = await transaction.get_one(Record, record.id)
        assert record.lock_member_id is None
        assert not await list_queue(transaction, record)
        kept = await transaction.scalars(select(Draft.values).where(Draft.member_id == carla.id))
        assert {TITLE: "A new one"} in (drafts := list(kept))
        assert any(each and each[TITLE] == "Typed by Carla" for each in drafts)
        pushed = await read_pushed(transaction, before)
        assert pushed[0][0] == UNFOLLOW, "channels are taken away before anything is shown"
        assert {carla.id, davi.id} <= set(json.loads(pushed[0][1])["members"])
        for channel in ("tenant", "guests"):
            assert any(each == channel and "data-refresh" in body for each, body in pushed)


async def test_operations_refuse_what_would_be_written_by_an_admin_too(database: Database) -> None:
    for state, refusal in (("archived", PageError), ("deleted", NotFoundException)):
        async with database.write(ACME) as transaction:
            books = await close_books(transaction, state)
            ana = await sign_in(transaction, "ana")
            record = await get_record(transaction, books, 3)
            title = (await list_fields(transaction, books))[0]
            for attempt in (
                create_record(transaction, books, {"title": "Too late"}, ana),
                change_record(transaction, books, record, typed_of(record, title="Too late"), ana, version=1),
                delete_record(transaction, books, record, ana, version=1),
                add_records(transaction, books, [{TITLE: "Too late"}], ana),
            ):
                with pytest.raises(refusal):
                    await attempt
            if state == "archived":
                for attempt in (
                    remove_field(transaction, books, title, ana),
                    change_kind(transaction, books, title, ana, kind_name="link", options={}),
                    fill_lacking(transaction, books, title, ana, "Untitled", [3]),
                ):
                    with pytest.raises(PageError):
                        await attempt


async def dump(transaction: Transaction) -> dict[str, list[tuple[object, ...]]]:
    """All that a workspace has of records and of what is known of them."""
    models: list[type[Base]] = [Record, Revision, Field, RecordFile, CollectionPermission, Draft, Room, Message, Follow]
    found = {}
    for model in models:
        rows = (await transaction.execute(select(*model.__table__.columns.values()).select_from(model))).all()
        found[model.__tablename__] = sorted((tuple(map(repr, row)) for row in rows), key=repr)
    return found


async def test_a_deleted_collection_is_restored_as_it_was(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana = await sign_in(transaction, "ana")
        books = await get_collection(transaction, "books")
        await change_permissions(transaction, books, ana, {"member": READING})
        record = await get_record(transaction, books, 3)
        discussion = await enter_discussion(transaction, ana, f"record-{record.id}")
        await post_message(transaction, discussion, ana, key="said", text="About it", origin="")
        await transaction.flush()
        before = await dump(transaction)
    async with database.write(ACME) as transaction:
        await close_books(transaction, "deleted")
    await sweep_one(database, SETTINGS, ACME)
    async with database.write(ACME) as transaction:
        ana = await sign_in(transaction, "ana")
        (binned,) = await list_binned(transaction)
        assert await find_by_references(transaction, [("books", 3)]) == {}
        await create_collection(transaction, name="livros" if binned.name == "Livros" else binned.name.upper())
        await restore_collection(transaction, binned, ana)
        assert binned.name.endswith(" (2)"), "another is called so by now"
    async with database.read(ACME) as transaction:
        assert await dump(transaction) == before
        books = await get_collection(transaction, "books")
        assert (await get_record(transaction, books, 3)).id == record.id
        assert books.id in {each.id for each in (await list_used(transaction, ana)).collections}


async def test_what_is_archived_and_deleted_comes_back_archived(database: Database) -> None:
    async with database.write(ACME) as transaction:
        await close_books(transaction, "archived")
        books = await close_books(transaction, "deleted")
        await restore_collection(transaction, books, await sign_in(transaction, "ana"))
        assert (await get_collection(transaction, "books")).archived_at is not None
        used = await list_used(transaction, await sign_in(transaction, "ana"))
        assert books not in used.collections


# --- for good ---------------------------------------------------------------------------------------------------------


async def fill(database: Database) -> tuple[int, int]:
    """A collection with one of everything, that was deleted long ago; its id, and that of its record."""
    async with database.write(ACME) as transaction:
        ana = await sign_in(transaction, "ana")
        books = await get_collection(transaction, "books")
        record = await get_record(transaction, books, 3)
        discussion = await enter_discussion(transaction, ana, f"record-{record.id}")
        first, _ = await post_message(transaction, discussion, ana, key="one", text="A whispered word", origin="")
        await post_message(transaction, discussion, ana, key="two", text="Indeed", reply_to_id=first.id, origin="")
        about = {"name": "a.txt", "size": 3, "media_type": "text/plain", "width": None, "height": None}
        stored = StoredFile(key="a" * 32, preview=False, **about)  # type: ignore[arg-type]
        attached = await add_attachment(transaction, discussion, ana, stored, quota=10**9)
        attached.message_id = first.id
        file = {"collection_id": books.id, "member_id": ana.id, "name": "b.txt", "size": 3, "media_type": "text/plain"}
        transaction.add(RecordFile(**file, record_id=record.id, key="b" * 32, preview=False))
        transaction.add(RecordFile(**file, record_id=None, key="c" * 32, preview=False))
        await keep_new_draft(transaction, books, ana, {TITLE: "A new one"}, TypedOn("", 1, 0))
        transaction.add(Follow(member_id=ana.id, subject_kind="record", subject_id=record.id, following=True))
        newer = await create_collection(transaction, name="Newer")
        transaction.add(Field(collection_id=newer.id, key="title", label="Title", kind_name="text"))
        await transaction.flush()
        await delete_collection(transaction, books, ana)
        old = update(Collection).where(Collection.id == books.id).values(deleted_at=now() - timedelta(days=31))
        await transaction.execute(old)
    return books.id, record.id


async def test_after_30_days_it_is_gone_with_all_that_it_had(database: Database, tmp_path: Path) -> None:
    settings = replace(SETTINGS, data_dir=tmp_path)
    directory = tmp_path / "files" / str(ACME)
    paths = [path_of(directory, key) for key in ("a" * 32, "b" * 32, "c" * 32)]
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"abc")
    collection_id, record_id = await fill(database)
    for _ in range(2):  # what is told by files is told to the next one
        await sweep_one(database, settings, ACME)
    async with database.read(ACME) as transaction:
        assert await transaction.get(Collection, collection_id) is None
        for model in (Record, Field, RecordFile, CollectionPermission):
            left = select(func.count()).select_from(model).where(model.collection_id == collection_id)
            assert await transaction.scalar(left) == 0, model
        assert await transaction.scalar(select(func.count()).select_from(Revision)) == 0
        for counted in (
            select(func.count(Room.id)).where(Room.subject == f"record-{record_id}"),
            select(func.count(Message.id)).where(Message.key.in_(["one", "two"])),
            select(func.count(MessageIndex.rowid)).where(~MessageIndex.rowid.in_(select(Message.id))),
            select(func.count()).select_from(Draft).where(Draft.kind == "new record"),
            select(func.count()).select_from(Follow).where(Follow.subject_kind == "record"),
            select(func.count(Notification.id)).where(Notification.subject_kind == "record"),
        ):
            assert await transaction.scalar(counted) == 0
        assert list(await list_binned(transaction)) == []
    assert not any(path.exists() for path in paths)


async def test_of_the_newest_collection_the_row_stays_so_that_no_other_gets_its_id(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana = await sign_in(transaction, "ana")
        newest = await create_collection(transaction, name="Newest")
        await delete_collection(transaction, newest, ana)
        old = update(Collection).where(Collection.id == newest.id).values(deleted_at=now() - timedelta(days=31))
        await transaction.execute(old)
    await sweep_one(database, SETTINGS, ACME)
    async with database.write(ACME) as transaction:
        assert not list(await list_binned(transaction))
        assert (await create_collection(transaction, name="Newest")).id > newest.id
    await sweep_one(database, SETTINGS, ACME)
    async with database.read(ACME) as transaction:
        assert await transaction.get(Collection, newest.id) is None


async def test_sweeps_take_a_part_at_a_time(database: Database) -> None:
    (sweep,) = (each for each in SWEEPS if each.models == (Collection,))
    async with database.write(ACME) as transaction:
        books = await close_books(transaction, "deleted")
        old = update(Collection).where(Collection.id == books.id).values(deleted_at=now() - timedelta(days=31))
        await transaction.execute(old)
    counts = []
    for _ in range(3):
        async with database.write(ACME) as transaction:
            assert await sweep.step(transaction, 5, SETTINGS) == 5
            counts.append(await transaction.scalar(select(func.count(Record.id))) or 0)
    assert counts == [counts[0], counts[0] - 5, counts[0] - 10]
    async with database.write(ACME) as transaction:
        assert await delete_ended(transaction, BATCH) == (0, [])
