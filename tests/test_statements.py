"""How many statements a request takes does not depend on how much there is.

Every route is asked of a workspace with one of everything and of one with a hundred. The matrix is made from the
program's own routes, so that a new one is covered without thinking of it. What is counted is every time that SQLite is
given something to do, at the one place through which all of it goes; what a request changes is undone.
"""

from __future__ import annotations

import secrets
import warnings
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.exceptions import LitestarDeprecationWarning
from sqlalchemy import select, update

from app.accounts.audit import record_audit
from app.accounts.members import Member, add_member, find_member
from app.accounts.sessions import start_session
from app.asgi import create_app
from app.chat.attachments import Attachment
from app.chat.messages import MessageRevision, Reaction, post_message
from app.chat.references import Mention, RecordReference
from app.chat.rooms import Membership, create_room, ensure_general, open_discussion
from app.database import Database, Tenant, Transaction, now, trips
from app.editing.drafts import Draft
from app.editing.rows import read_clock
from app.editing.waiting import Waiting
from app.notifications.announcements import Announcement
from app.notifications.models import Happening, Notification
from app.operators.figures import NodeFigures
from app.operators.log import OperatorEntry
from app.operators.operators import Operator
from app.operators.sessions import start_session as start_operator_session
from app.records.collections import add_field, create_collection, get_collection
from app.records.records import Record, create_records, get_record
from app.records.revisions import Revision
from app.tenants.invitations import Invitation
from tests.databases import Store
from tests.test_forms import MEANT
from tests.test_isolation import SETTINGS, TARGETS, Target, name_of

pytestmark = pytest.mark.sqlite

ACME = 1
FEW, MANY = 1, 100
# What a form is sent where the values of test_forms.py would be refused.
SENT: dict[str, dict[str, Any]] = {
    "/c/{slug:str}/{number:int}/lock/ask": {},
    "/c/{slug:str}/import": {"table": "Title\nOne more", "seen": "", "sure": "1"},
}
OPERATORS = ("/operator", "/operator/installation", "/operator/log")


@dataclass
class World:
    """The program, with so many of everything in acme; `asked` is what SQLite was given to do since it was emptied."""

    count: int
    store: Store
    database: Database
    client: httpx.AsyncClient
    operator: httpx.AsyncClient
    values: dict[str, str]
    asked: list[str]

    async def ask(self, target: Target) -> tuple[int, list[str]]:
        """The status of an answer, and the statements that it took."""
        in_chat = "/chat/" in target.path
        values = {**self.values, "number": "1"} if in_chat else self.values
        path = target.fill(values)
        self.asked.clear()
        if target.method == "GET":
            answer = await self.client.get(path)
        else:
            answer = await self.client.post(path, data=SENT.get(target.path, {**MEANT, "version": "2"}))
        return answer.status_code, list(self.asked)


@pytest.fixture(scope="module")
def asked() -> Iterator[list[str]]:
    """What SQLite is given to do: each visit, with the first words of what is executed."""
    visits: list[str] = []
    run = trips.run_in_cursor

    def note_and_run(connection: Any, work: Any) -> Any:
        words: list[str] = []
        connection.set_trace_callback(words.append)
        try:
            return run(connection, work)
        finally:
            connection.set_trace_callback(None)
            if not words or not words[0].startswith("PRAGMA"):  # what a new connection is told
                visits.append(words[0] if words else "")

    patch = pytest.MonkeyPatch()
    patch.setattr(trips, "run_in_cursor", note_and_run)
    patch.setattr(trips, "QUICK", 60)  # what is interrupted is asked twice
    yield visits
    patch.undo()


@contextmanager
def undoing() -> Iterator[None]:
    """Undo what requests change, where they would commit."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Transaction, "commit", Transaction.rollback)
        yield


@pytest.fixture(scope="module")
async def worlds(
    seeded: Store, asked: list[str], tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[tuple[World, World]]:
    """Two installations that differ only in how much there is."""
    few = await make_world(seeded, tmp_path_factory.mktemp("few"), FEW, asked)
    many = await make_world(seeded, tmp_path_factory.mktemp("many"), MANY, asked)
    yield few, many
    for world in (few, many):
        await world.client.aclose()
        await world.operator.aclose()
        await world.database.close()


async def make_world(seeded: Store, directory: Path, count: int, asked: list[str]) -> World:
    store = seeded.copy_to(directory)
    database = Database(store.url)
    async with database.write(ACME) as transaction:
        values, token = await fill(transaction, count)
    async with database.write() as transaction:
        operator = await fill_installation(transaction, count)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LitestarDeprecationWarning)
        application: Any = create_app(
            replace(SETTINGS, database_url=store.url, data_dir=directory, secret_key="x" * 40)
        )

    def client(host: str, cookie: str) -> httpx.AsyncClient:
        return httpx.AsyncClient(
            transport=httpx.ASGITransport(app=application),
            base_url=f"http://{host}",
            headers={"origin": f"http://{host}", "cookie": cookie},
        )

    return World(
        count,
        store,
        database,
        client(f"acme.{SETTINGS.base_host}", f"{SETTINGS.session_cookie}={token}"),
        client(SETTINGS.base_host, f"{SETTINGS.operator_cookie}={operator}"),
        values,
        asked,
    )


async def fill(transaction: Transaction, count: int) -> tuple[dict[str, str], str]:
    """Put so many of everything into acme; the parameters of addresses, and the token of a session of Ana's."""
    ana, bruno = await person(transaction, "ana"), await person(transaction, "bruno")
    people = [
        await add_member(transaction, email=f"p{n}@acme.test", name=f"Person {n}", role="member", password_hash="x")
        for n in range(count)
    ]
    books = await get_collection(transaction, "books")
    record = await get_record(transaction, books, 40)
    await create_records(transaction, books, [{"title": f"Book {n}", "status": "Lent"} for n in range(3 * count)], ana)
    last = books.last_number
    await fill_collections(transaction, count, ana)
    room = await create_room(transaction, ana, name="Books", slug="books")
    transaction.add_all(Membership(room_id=room.id, member_id=each.id) for each in [bruno, *people])
    discussion = await open_discussion(transaction, f"record-{record.id}", "Dom Casmurro")
    transaction.add_all(Membership(room_id=discussion.id, member_id=each.id) for each in [ana, *people])
    general = await ensure_general(transaction)
    for each in (room, discussion, general):
        await talk(transaction, each, ana, people, record, count)
    for n, each in enumerate(people):
        other = await create_room(transaction, ana, name=f"Room {n}", private=n % 2 == 0)
        transaction.add(Membership(room_id=other.id, member_id=each.id))
        await post_message(transaction, other, each if n % 2 else ana, key=f"r{n}", text="See #40", origin="")
    ids = list(await transaction.scalars(select(Record.id).where(Record.number > last - 3 * count)))
    transaction.add_all(
        Revision(
            record_id=record.id, version=n, member_id=people[n % count].id, what="changed", values={"title": f"{n}"}
        )
        for n in range(record.version + 1, record.version + 1 + count)
    )
    await transaction.flush()
    clock = await read_clock(transaction)
    version = record.version + count
    for change in (
        update(Record).where(Record.id == record.id).values(version=version),
        update(Record).where(Record.id.in_(ids[:count])).values(deleted_at=now() - timedelta(days=60)),
        update(Record).where(Record.id.in_(ids[count : 2 * count])).values(deleted_at=now()),
        *(
            update(Record)
            .where(Record.id == row)
            .values(
                lock_member_id=each.id,
                lock_name=each.name,
                lock_role="member",
                lock_since=now(),
                lock_until=clock + 500_000,
                lock_token=1,
            )
            for row, each in zip(ids[2 * count :], people, strict=True)
        ),
    ):
        await transaction.execute(change.execution_options(synchronize_session=False))
    for each in people:
        for row in (record.id, ids[-1]):
            transaction.add(
                Draft(kind="record", row_id=row, member_id=each.id, token=1, version=1, values={"title": "T"})
            )
        transaction.add(
            Waiting(
                kind="record", row_id=ids[-1], member_id=each.id, name=each.name, role="member", until=clock + 500_000
            )
        )
    transaction.add_all(
        Draft(
            kind="record",
            row_id=row,
            member_id=ana.id,
            token=1,
            version=1,
            values={"title": "T"},
            typed_at=now() - timedelta(days=60),
        )
        for row in ids[2 * count :]
    )
    for n in range(count):
        record_audit(transaction, ana, "record.deleted", subject=f"/c/books/{n}")
    transaction.add_all(
        Announcement(member_id=ana.id, title=f"Word {n}", text="Word", acknowledge=n % 2 == 0) for n in range(count)
    )
    transaction.add_all(
        Invitation(
            token_hash=secrets.token_bytes(32),
            email=f"i{n}@acme.test",
            role="member",
            most_uses=1,
            made_by_id=ana.id,
            expires_at=now() + timedelta(days=7),
        )
        for n in range(count)
    )
    await transaction.flush()
    await tell(transaction, ana, people, [*ids, record.id])
    tokens = [await start_session(transaction, ana, address="127.0.0.1", agent="Firefox") for _ in range(count + 1)]
    session = await start_session(transaction, bruno, address="127.0.0.1", agent="Firefox")
    assert session
    found = {
        name: str(await transaction.scalar(select(model.id).order_by(model.id.desc()).limit(1)))
        for name, model in (
            ("file_id", Attachment),
            ("invitation_id", Invitation),
            ("announcement_id", Announcement),
        )
    }
    return {
        **found,
        "slug": "books",
        "number": "40",
        "version": "1",
        "key": "title",
        "session_id": "1",
        "member_id": str(people[-1].id),
        "subject": f"record-{record.id}",
    }, tokens[-1]


async def fill_collections(transaction: Transaction, count: int, ana: Member) -> None:
    """Collections, each with a record of its own."""
    for n in range(count):
        made = await create_collection(transaction, name=f"Shelf {n}")
        await add_field(transaction, made, label="Title", kind_name="text")
        await create_records(transaction, made, [{"title": f"Book {n}"}], ana)


async def talk(
    transaction: Transaction, room: Any, ana: Member, people: list[Member], record: Record, count: int
) -> None:
    """Messages with everything that can belong to one: names, answers, emoji, files, edits, cards."""
    before = 0
    for n in range(count):
        text = f"Needle {n}, @Carla: #40, #{n % 30 + 1}"
        author = ana if n % 2 == 0 else people[n]
        message, _ = await post_message(
            transaction, room, author, key=f"{room.slug}{n}", text=text, origin="", reply_to_id=before
        )
        before = message.id
        transaction.add_all(Reaction(message_id=message.id, member_id=each.id, emoji="👍") for each in people[:5])
        transaction.add(MessageRevision(message_id=message.id, number=1, text="Before", made_at=now()))
        transaction.add(
            Attachment(
                room_id=room.id,
                message_id=message.id,
                member_id=author.id,
                key=secrets.token_hex(16),
                name="a.txt",
                size=1,
                media_type="text/plain",
                preview=False,
            )
        )
    await transaction.flush()
    assert await transaction.scalar(select(RecordReference.subject).where(RecordReference.message_id == before))
    assert await transaction.scalar(select(Mention.member_id).where(Mention.message_id == before))


async def tell(transaction: Transaction, ana: Member, people: list[Member], records: list[int]) -> None:
    """Ana is told of many records; and of each other record somebody else is."""
    for n, record in enumerate(records):
        happening = Happening(
            subject_kind="record", subject_id=record, actor_id=people[0].id, details={"what": "", "fields": "Title"}
        )
        transaction.add(happening)
        await transaction.flush()
        for each in (ana, people[n % len(people)]):
            transaction.add(
                Notification(
                    happening_id=happening.id,
                    member_id=each.id,
                    kind="record-admin",
                    subject_kind="record",
                    subject_id=record,
                )
            )
    await transaction.flush()


async def fill_installation(transaction: Transaction, count: int) -> str:
    """Workspaces, processes and a log of operators; the token of an operator's session."""
    transaction.add_all(Tenant(slug=f"w{n}", name=f"Workspace {n}") for n in range(count))
    transaction.add_all(NodeFigures(id=f"n{n}", figures={}) for n in range(0))
    transaction.add_all(OperatorEntry(email="op@hero.test", what="was refused at sign-in") for _ in range(count))
    await transaction.flush()
    operator = await transaction.scalar(select(Operator.id))
    assert operator
    return await start_operator_session(transaction, operator, address="127.0.0.1")


async def person(transaction: Transaction, name: str) -> Member:
    found = await find_member(transaction, f"{name}@acme.test")
    assert found
    return found


def compare(few: list[str], many: list[str]) -> None:
    """Fail where more was done because there is more."""
    more = Counter(words[:160] for words in many) - Counter(words[:160] for words in few)
    assert len(many) <= len(few) + TOLERATED, f"{len(few)} statements for {FEW}, {len(many)} for {MANY}: " + "\n".join(
        f"{times} × {words}" for words, times in more.most_common(12)
    )


# What is asked only where there is something at all (the messages that others answer, say).
TOLERATED = 3


@pytest.mark.parametrize("target", TARGETS, ids=name_of)
async def test_a_request_takes_as_many_statements_for_a_hundred_of_everything_as_for_one(
    worlds: tuple[World, World], target: Target
) -> None:
    with undoing():
        answers = [await world.ask(target) for world in worlds]
    (few_status, few), (many_status, many) = answers
    assert few_status == many_status, f"{few_status} and {many_status}"
    assert few_status < 500
    assert few
    compare(few, many)
