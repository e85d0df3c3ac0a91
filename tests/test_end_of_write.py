"""The end of a write takes as many statements for many facts as for few, and shows many as one change."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from functools import partial

import pytest
from sqlalchemy import select

from app.accounts.members import Member, add_member
from app.chat.facts import MessageEdited
from app.chat.message_changes import delete_message
from app.chat.messages import Message
from app.chat.posting import post_message
from app.chat.rooms import Room
from app.database import Database, Transaction
from app.database.fast import inline
from app.editing.facts import LockAsked
from app.editing.locks import take_lock
from app.editing.rows import LEASE
from app.live.log import LoggedEvent
from app.notifications.announcements import Announcement, announce, withdraw_announcement
from app.records.adding import create_records
from app.records.changes import change_record
from app.records.collections import get_collection
from app.records.fields import list_fields
from app.records.records import Record
from tests.databases import KIND
from tests.fields import typed_of
from tests.sessions import act_as
from tests.statements import noting_statements

ACME = 1
FEW, MANY = 3, 51
# What is asked only where many are shown as one change: who is in a room, whose sidebars change.
TOLERATED = 3

Prepare = Callable[[Transaction, Member], Awaitable[None]]
Act = Callable[[Transaction, Member, int], Awaitable[None]]


async def add_books(transaction: Transaction, ana: Member) -> None:
    books = await get_collection(transaction, "books")
    typed = {field.key: "" for field in await list_fields(transaction, books)} | {"language": "Portuguese"}
    await create_records(transaction, books, [{**typed, "title": f"Book {number}"} for number in range(MANY)], ana)


async def say_much(transaction: Transaction, ana: Member) -> None:
    await post(transaction, ana, MANY + 1)


async def nothing(transaction: Transaction, ana: Member) -> None:
    """There is enough."""


async def change(transaction: Transaction, ana: Member, count: int) -> None:
    books = await get_collection(transaction, "books")
    statement = select(Record).where(Record.deleted_at.is_(None)).order_by(Record.id.desc()).limit(count)
    for record in (await transaction.scalars(statement)).all():
        typed = typed_of(record, notes=f"Typed {count}")
        assert await change_record(transaction, books, record, typed, ana, version=record.version)


async def lock(transaction: Transaction, ana: Member, count: int) -> None:
    await act_as(transaction, ana)
    statement = select(Record).where(Record.deleted_at.is_(None)).order_by(Record.id.desc()).limit(count)
    for record in (await transaction.scalars(statement)).all():
        assert await take_lock(transaction, record, ana, lease=LEASE, moving=record.lock_token)


async def post(transaction: Transaction, ana: Member, count: int) -> None:
    general = (await transaction.scalars(select(Room).where(Room.slug == "general"))).one()
    for number in range(count):
        key = text = f"Message {count}.{number} @Bruno"
        await post_message(transaction, general, ana, key=key, text=text, origin="http://acme.test")


async def edit(transaction: Transaction, ana: Member, count: int) -> None:
    messages = await transaction.scalars(select(Message).order_by(Message.id.desc()).limit(count))
    for message in messages:
        about = {"room_id": message.room_id, "message_id": message.id, "number": message.number}
        transaction.note(MessageEdited(by=transaction.actor, **about, before=(), after=()))


@pytest.fixture
def ended(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[list[str]]]:
    """The statements of each transaction's end."""
    ends: list[list[str]] = []
    complete = Transaction.complete
    with noting_statements() as asked:

        async def complete_and_note(transaction: Transaction) -> None:
            asked.clear()
            await complete(transaction)
            ends.append([statement for statement, _ in asked])

        monkeypatch.setattr(inline, "TIME_BUDGET", 60)  # what is interrupted is asked twice
        monkeypatch.setattr(Transaction, "complete", complete_and_note)
        yield ends


async def do(database: Database, act: Act, count: int) -> list[LoggedEvent]:
    """Do something so often in one transaction; what it has logged."""
    async with database.write(ACME) as transaction:
        await act(transaction, await transaction.get_one(Member, 1), count)
    async with database.read(ACME) as reading:
        rows = select(LoggedEvent).where(LoggedEvent.cursor > transaction.batch.after).order_by(LoggedEvent.cursor)
        return list(await reading.scalars(rows))


# What has to be there, what is done to it, on which channel much of that is shown as one change, and what no page gets
# then.
ACTS: dict[str, tuple[Prepare, Act, str, str]] = {
    "records that are changed": (add_books, change, "collection.1", "data-what="),
    "locks that are taken": (add_books, lock, "collection.1", "data-mark="),
    "messages that are posted": (nothing, post, "room.1", 'data-pushed="posted"'),
    "messages that are edited": (say_much, edit, "room.1", 'data-pushed="changed"'),
}


@pytest.mark.parametrize("name", ACTS)
async def test_many_facts_take_as_many_statements_as_few_and_are_shown_as_one_change(
    database: Database, ended: list[list[str]], name: str
) -> None:
    prepare, act, channel, one_by_one = ACTS[name]
    async with database.write(ACME) as transaction:
        await prepare(transaction, await transaction.get_one(Member, 1))
    few = await do(database, act, FEW)
    many = await do(database, act, MANY)
    more = Counter(words[:160] for words in ended[-1]) - Counter(words[:160] for words in ended[-2])
    assert len(ended[-1]) <= len(ended[-2]) + TOLERATED, str(more.most_common())
    assert sum(row.kind is not None for row in many) == MANY, "facts are never merged"
    on_list = [row for row in many if row.kind is None and row.channel == channel]
    assert sum("data-refresh" in row.body for row in on_list) == 1
    assert not any(one_by_one in row.body for row in on_list)
    assert sum(one_by_one in row.body for row in few) >= FEW, "few are shown one by one"
    last = [row.cursor for row in many if row.kind][-1]
    assert {row.fact_cursor for row in on_list} == {last}


# As many statements as the end of one such write takes at most, on PostgreSQL and on SQLite.
AT_MOST: dict[str, tuple[Act, int, int]] = {
    "a record that is changed": (change, 8, 10),
    "a lock that is taken": (lock, 7, 8),
}
TO_LOG = ["WITH"] if KIND == "postgresql" else ["UPDATE", "INSERT"]


@pytest.mark.parametrize("name", AT_MOST)
async def test_one_fact_takes_few_statements(database: Database, ended: list[list[str]], name: str) -> None:
    act, joined, apart = AT_MOST[name]
    await do(database, act, 1)
    assert len(ended[-1]) <= (joined if KIND == "postgresql" else apart), "\n".join(ended[-1])


async def join(transaction: Transaction, ana: Member, count: int) -> None:
    for number in range(count):
        email = f"{count}.{number}@acme.test"
        await add_member(transaction, email=email, name=f"New {count}.{number}", role="member", password_hash="")


async def delete(transaction: Transaction, ana: Member, count: int) -> None:
    there = select(Message).where(Message.deleted_at.is_(None)).order_by(Message.id.desc()).limit(count)
    for message in (await transaction.scalars(there)).all():
        assert await delete_message(transaction, message, ana)


async def tell(transaction: Transaction, ana: Member, count: int) -> None:
    for number in range(count):
        title = f"Announcement {count}.{number}"
        await announce(transaction, ana, title=title, text="Hello", acknowledge=False, ends_at=None)


async def take_back(transaction: Transaction, ana: Member, count: int) -> None:
    announcements = await transaction.scalars(select(Announcement).order_by(Announcement.id).limit(count))
    for announcement in announcements.all():
        await withdraw_announcement(transaction, ana, announcement)


async def ask(transaction: Transaction, ana: Member, count: int) -> None:
    for row_id in range(1, count + 1):
        asked = LockAsked(
            by=transaction.actor,
            kind="record",
            row_id=row_id,
            member_id=ana.id,
            program=None,
            holder_id=2,
            waiting_id=row_id,
            address=f"/c/books/{row_id}",
        )
        transaction.note(asked)


TOLD: dict[str, tuple[Prepare, Act]] = {
    "people who join": (nothing, join),
    "messages that are deleted": (say_much, delete),
    "announcements": (nothing, tell),
    "announcements that are taken back": (partial(tell, count=40), take_back),
    "locks that are asked for": (nothing, ask),
}


@pytest.mark.parametrize("name", TOLD)
async def test_many_facts_are_told_in_as_many_statements_as_few(
    database: Database, ended: list[list[str]], name: str
) -> None:
    prepare, act = TOLD[name]
    async with database.write(ACME) as transaction:
        await prepare(transaction, await transaction.get_one(Member, 1))
    for count in (2, 12):
        await do(database, act, count)
    more = Counter(words[:160] for words in ended[-1]) - Counter(words[:160] for words in ended[-2])
    assert len(ended[-1]) <= len(ended[-2]), str(more.most_common())


async def say_plainly(transaction: Transaction, ana: Member, count: int) -> None:
    general = (await transaction.scalars(select(Room).where(Room.slug == "general"))).one()
    await post_message(transaction, general, ana, key="plain", text="Good morning", origin="")


async def test_a_message_of_mere_words_is_logged_and_nothing_is_asked_for(
    database: Database, ended: list[list[str]]
) -> None:
    await do(database, say_plainly, 1)
    assert [words.split()[0] for words in ended[-1]] == TO_LOG
