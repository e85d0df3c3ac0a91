"""What two processes do in the same moment: done once, or refused with a reason; never half, never twice, never a 500.

Each operation runs eight times at once, on two engines with several connections each, as two processes would.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from typing import Any

import pytest
from sqlalchemy import func, select

from app.accounts.members import Member, add_member, find_member
from app.accounts.tokens import make_token, use_token
from app.chat.memberships import Membership, find_membership, join
from app.chat.messages import Message
from app.chat.new_rooms import create_room, ensure_general, open_direct
from app.chat.posting import post_message
from app.chat.reactions import Reaction, react
from app.chat.reading import mark_read_up_to
from app.chat.rooms import Room
from app.database import Tenant, Transaction
from app.editing import waiting
from app.editing.drafts import Draft, keep_draft
from app.editing.locks import take_lock
from app.editing.waiting_rows import Waiting
from app.features import open_database
from app.live.log import LoggedEvent, publish
from app.records.adding import create_record
from app.records.collections import Collection, create_collection, get_collection
from app.records.definitions import add_field
from app.records.fields import Field
from app.records.records import Record, get_record
from app.tenants.members import remove_member
from app.tenants.workspaces import create_workspace
from app.web.forms import Invalid
from tests.conftest import Server
from tests.databases import Store
from tests.sessions import sign_in

ACME, TIMES = 1, 8
Work = Callable[[Transaction, int], Awaitable[Any]]


class Processes:
    """Two processes on one database."""

    def __init__(self, store: Store) -> None:
        self.databases = [open_database(store.url), open_database(store.url)]

    async def at_once(self, work: Work, *, tenant: int | None = ACME) -> list[Any]:
        """Do it eight times at once; what each came to, 'refused' for Invalid. Anything else that is raised fails."""
        start = asyncio.Event()

        async def once(number: int) -> Any:
            await start.wait()
            try:
                async with self.databases[number % 2].write(tenant) as transaction:
                    return await work(transaction, number)
            except Invalid:
                return "refused"

        tasks = [asyncio.create_task(once(number)) for number in range(TIMES)]
        start.set()
        return list(await asyncio.gather(*tasks))

    async def count(self, model: Any, *criteria: Any) -> int:
        async with self.databases[0].read(ACME) as transaction:
            return await transaction.scalar(select(func.count()).select_from(model).where(*criteria)) or 0


@pytest.fixture
async def processes(store: Store) -> AsyncIterator[Processes]:
    made = Processes(store)
    yield made
    for database in made.databases:
        await database.close()


async def member(transaction: Transaction, name: str) -> Member:
    found = await find_member(transaction, f"{name}@acme.test")
    assert found is not None
    return found


async def general(transaction: Transaction) -> Room:
    return (await transaction.scalars(select(Room).where(Room.slug == "general"))).one()


async def test_a_direct_room_that_is_opened_by_all_at_once_is_one(processes: Processes) -> None:
    async def work(transaction: Transaction, number: int) -> int:
        return (
            await open_direct(transaction, [await member(transaction, "carla"), await member(transaction, "davi")])
        ).id

    assert len(set(await processes.at_once(work))) == 1
    assert await processes.count(Room, Room.kind == "direct") == 1
    assert await processes.count(Membership) >= 2


async def test_joining_at_once_is_one_membership(processes: Processes) -> None:
    async with processes.databases[0].write(ACME) as transaction:
        room = await create_room(transaction, await member(transaction, "ana"), name="Shelves")

    async def work(transaction: Transaction, number: int) -> None:
        await join(transaction, await transaction.get_one(Room, room.id), await member(transaction, "davi"))

    await processes.at_once(work)
    assert await processes.count(Membership, Membership.room_id == room.id) == 2


async def test_rooms_of_one_name_made_at_once_have_addresses_of_their_own(processes: Processes) -> None:
    async def work(transaction: Transaction, number: int) -> str:
        return (await create_room(transaction, await member(transaction, "ana"), name="Shelves")).slug

    assert len(set(await processes.at_once(work))) == TIMES


async def test_the_same_emoji_at_once_is_there_once(processes: Processes) -> None:
    async def work(transaction: Transaction, number: int) -> bool:
        message = (await transaction.scalars(select(Message).order_by(Message.id).limit(1))).one()
        return await react(transaction, message, await member(transaction, "davi"), "🎉", on=True)

    assert sorted(await processes.at_once(work)) == [False] * (TIMES - 1) + [True]
    assert await processes.count(Reaction, Reaction.emoji == "🎉") == 1


async def test_a_message_that_is_sent_at_once_is_posted_once(processes: Processes) -> None:
    async def work(transaction: Transaction, number: int) -> bool:
        room, davi = await general(transaction), await member(transaction, "davi")
        return (await post_message(transaction, room, davi, key="k", text="Hello", origin=""))[1]

    assert sorted(await processes.at_once(work)) == [False] * (TIMES - 1) + [True]
    assert await processes.count(Message, Message.key == "k") == 1


async def test_messages_posted_at_once_have_numbers_without_gaps(processes: Processes) -> None:
    async def work(transaction: Transaction, number: int) -> int:
        room, davi = await general(transaction), await member(transaction, "davi")
        return (await post_message(transaction, room, davi, key=f"k{number}", text="Hello", origin=""))[0].number

    numbers = sorted(await processes.at_once(work))
    assert numbers == list(range(numbers[0], numbers[0] + TIMES))


async def test_what_is_read_never_goes_back(processes: Processes) -> None:
    async with processes.databases[0].write(ACME) as transaction:
        room, ana = await general(transaction), await member(transaction, "ana")
        for number in range(TIMES):
            await post_message(transaction, room, ana, key=f"k{number}", text="Hello", origin="")
        last = room.last_number

    async def work(transaction: Transaction, number: int) -> None:
        room, davi = await general(transaction), await member(transaction, "davi")
        await mark_read_up_to(transaction, room, davi, last - number)

    await processes.at_once(work)
    async with processes.databases[0].read(ACME) as transaction:
        membership = await find_membership(transaction, await general(transaction), await member(transaction, "davi"))
        assert membership is not None
        assert membership.read_number == last


async def test_the_general_room_is_made_once(processes: Processes) -> None:
    async with processes.databases[0].write(ACME) as transaction:
        await transaction.delete(await general(transaction))

    async def work(transaction: Transaction, number: int) -> int:
        return (await ensure_general(transaction)).id

    assert len(set(await processes.at_once(work))) == 1
    assert await processes.count(Membership) == await processes.count(Member)


async def test_a_unique_value_given_to_two_at_once_is_refused_to_one(processes: Processes) -> None:
    async def work(transaction: Transaction, number: int) -> int:
        typed = {"title": f"Copy {number}", "isbn": "978-0-00-000000-2"}
        books = await get_collection(transaction, "books")
        return (await create_record(transaction, books, typed, await member(transaction, "ana"))).number

    results = await processes.at_once(work)
    assert results.count("refused") == TIMES - 1


async def test_records_added_at_once_have_numbers_without_gaps_and_are_all_counted(processes: Processes) -> None:
    async def work(transaction: Transaction, number: int) -> int:
        books = await get_collection(transaction, "books")
        return (
            await create_record(transaction, books, {"title": str(number)}, await member(transaction, "ana"))
        ).number

    numbers = sorted(await processes.at_once(work))
    assert numbers == list(range(numbers[0], numbers[0] + TIMES))
    async with processes.databases[0].read(ACME) as transaction:
        books = await get_collection(transaction, "books")
        kept = await transaction.scalar(
            select(func.count(Record.id)).where(Record.collection_id == books.id, Record.deleted_at.is_(None))
        )
        assert (books.last_number, books.total) == (numbers[-1], kept)


async def test_a_collection_of_one_name_is_made_once(processes: Processes) -> None:
    async def work(transaction: Transaction, number: int) -> int:
        return (await create_collection(transaction, name="Lamps")).id

    assert (await processes.at_once(work)).count("refused") == TIMES - 1
    assert await processes.count(Collection, Collection.slug == "lamps") == 1


async def test_fields_added_at_once_have_places_of_their_own(processes: Processes) -> None:
    async def work(transaction: Transaction, number: int) -> int:
        books = await get_collection(transaction, "books")
        label = "Shelf" if number < 2 else f"Shelf {number}"
        return (await add_field(transaction, books, label=label, kind_name="text")).position

    results = await processes.at_once(work)
    assert results.count("refused") == 1
    assert len(set(results)) == TIMES
    assert await processes.count(Field, Field.label == "Shelf") == 1


async def test_an_address_becomes_a_member_once(processes: Processes) -> None:
    async def work(transaction: Transaction, number: int) -> int:
        made = await add_member(transaction, email="eva@acme.test", name="Eva", role="member", password_hash="-")
        return made.id

    assert (await processes.at_once(work)).count("refused") == TIMES - 1


async def test_a_workspace_of_one_address_is_made_once(processes: Processes) -> None:
    async def work(transaction: Transaction, number: int) -> str:
        await create_workspace(
            transaction,
            slug="initech",
            name="Initech",
            language="en",
            owner="Eva",
            email="eva@initech.test",
            password_hash="-",
        )
        return "made"

    results = await processes.at_once(work, tenant=None)
    assert (results.count("made"), results.count("refused")) == (1, TIMES - 1)
    async with processes.databases[0].read() as transaction:
        assert await transaction.scalar(select(func.count(Tenant.id)).where(Tenant.slug == "initech")) == 1


async def test_a_link_works_once(processes: Processes) -> None:
    async with processes.databases[0].write(ACME) as transaction:
        token = await make_token(transaction, await member(transaction, "ana"), "password")

    async def work(transaction: Transaction, number: int) -> bool:
        return await use_token(transaction, token, "password") is not None

    assert sorted(await processes.at_once(work)) == [False] * (TIMES - 1) + [True]


async def test_a_lock_is_taken_by_one_and_the_others_are_in_line_once(processes: Processes) -> None:
    names = ("ana", "bruno", "carla", "davi")

    async def work(transaction: Transaction, number: int) -> bool:
        books = await get_collection(transaction, "books")
        row, person = await get_record(transaction, books, 40), await sign_in(transaction, names[number % 4])
        token = await take_lock(transaction, row, person, lease=30)
        if token is None and row.lock_member_id != person.id:
            await waiting.join_queue(transaction, row, person, 30)
        return token is not None

    assert sorted(await processes.at_once(work)) == [False] * (TIMES - 1) + [True]
    assert await processes.count(Waiting) == 3


async def test_drafts_of_one_page_kept_at_once_are_one_draft(processes: Processes) -> None:
    async def work(transaction: Transaction, number: int) -> None:
        books = await get_collection(transaction, "books")
        row, ana = await get_record(transaction, books, 40), await member(transaction, "ana")
        await keep_draft(transaction, row, ana, {"notes": str(number)}, saved={}, token=1, version=1)

    await processes.at_once(work)
    async with processes.databases[0].read(ACME) as transaction:
        ana = await member(transaction, "ana")
    assert await processes.count(Draft, Draft.member_id == ana.id) == 1


async def test_two_owners_who_remove_each_other_leave_one(processes: Processes) -> None:
    async with processes.databases[0].write(ACME) as transaction:
        (await member(transaction, "bruno")).role = "owner"

    async def work(transaction: Transaction, number: int) -> None:
        found = await find_member(transaction, f"{('ana', 'bruno')[number % 2]}@acme.test")
        if found is not None:
            await remove_member(transaction, found)

    await processes.at_once(work)
    assert await processes.count(Member, Member.role == "owner", Member.removed_at.is_(None)) == 1


async def test_the_log_of_two_processes_has_no_gap_and_no_cursor_twice(processes: Processes) -> None:
    async def work(transaction: Transaction, number: int) -> None:
        for part in range(number % 3 + 1):
            publish(transaction, "tenant", f"{number}.{part}")

    async with processes.databases[0].read(ACME) as transaction:
        before = transaction.tenant.cursor
    await processes.at_once(work)
    async with processes.databases[0].read(ACME) as transaction:
        cursors = list(await transaction.scalars(select(LoggedEvent.cursor).where(LoggedEvent.cursor > before)))
        assert sorted(cursors) == list(range(before + 1, transaction.tenant.cursor + 1))


async def test_pages_that_are_sent_at_once_are_never_a_fault_of_ours(server: Server) -> None:
    async with AsyncExitStack() as stack:
        clients = [
            await stack.enter_async_context(aclosing(await server.sign_in("acme", f"{name}@acme.test")))
            for name in ("ana", "bruno", "carla", "davi")
        ]
        member_id = server.store.rows("SELECT id FROM member WHERE email = 'davi@acme.test'")[0][0]
        posts: list[tuple[str, dict[str, str]]] = [
            ("/chat/direct", {"person": f"#{member_id}", "people": str(member_id)}),
            ("/chat/general", {"text": "Hello", "key": "the-same"}),
            ("/chat/general/messages/1/react", {"emoji": "🎉", "on": "1"}),
            ("/chat/general/read", {"number": "1"}),
            ("/chat/general/join", {}),
            ("/c/books/new", {"title": "A copy", "isbn": "978-0-00-000000-2"}),
            ("/c/books/40/edit", {"title": "Changed", "version": "1"}),
            ("/discussion/record-40", {"text": "The first word", "key": "first"}),
            ("/collections/new", {"name": "Lamps", "first": "Title"}),
            ("/c/books/fields", {"label": "Shelf", "kind": "text"}),
        ]
        for path, typed in posts:
            answers = await asyncio.gather(*(client.post(path, data=typed) for client in clients for _ in range(2)))
            assert {answer.status_code for answer in answers} <= {200, 204, 303, 403, 409, 422}, path
    assert "request failed" not in server.log
