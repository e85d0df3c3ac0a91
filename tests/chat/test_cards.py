"""Cards of records: one push for each, however many messages refer to it."""

from __future__ import annotations

from sqlalchemy import event, select
from sqlalchemy.orm import ORMExecuteState

from app.accounts.members import Member, find_member
from app.chat.messages import Message
from app.chat.new_rooms import create_room
from app.chat.posting import post_message
from app.chat.references import RecordReference
from app.chat.timeline import show_message
from app.database import Database, Transaction
from app.editing.drafts import keep_draft, settle_draft
from app.editing.locks import take_lock
from app.editing.row_places import find_subjects
from app.live.log import LoggedEvent
from app.records.changes import change_record
from app.records.collections import Collection, get_collection
from app.records.deleting import delete_record, restore_record
from app.records.records import Record, get_record
from tests.fields import TITLE, typed_of
from tests.sessions import act_as

ACME = 1


async def test_a_card_is_pushed_once_to_each_room_that_shows_it(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana = await find_member(transaction, "ana@acme.test")
        assert ana
        room = await create_room(transaction, ana, name="Board", private=True)
        for number in range(3):
            await post_message(transaction, room, ana, key=f"card{number}", text="See #3", origin="")
    async with database.write(ACME) as transaction:
        before = transaction.tenant.cursor
        record = await get_record(transaction, await get_collection(transaction, "books"), 3)
        await act_as(transaction, ana)
        assert await take_lock(transaction, record, ana, lease=30)
    async with database.read(ACME) as transaction:
        cards = LoggedEvent.body.contains("data-card="), LoggedEvent.cursor > before
        statement = select(LoggedEvent.channel).where(*cards)
        assert list(await transaction.scalars(statement)) == [f"room.{room.id}"]


async def test_open_pages_follow_a_draft_that_is_kept_and_settled_without_the_lock(database: Database) -> None:
    for settle in (False, True):
        async with database.write(ACME) as transaction:
            ana = await find_member(transaction, "ana@acme.test")
            assert ana
            before = transaction.tenant.cursor
            record = await get_record(transaction, await get_collection(transaction, "books"), 3)
            if settle:
                await settle_draft(transaction, record, ana)
            else:
                typed = {TITLE: "Typed"}
                await keep_draft(transaction, record, ana, typed, saved=typed_of(record), token=None, version=1)
        async with database.read(ACME) as transaction:
            statement = select(LoggedEvent.body).where(LoggedEvent.cursor > before)
            (body,) = await transaction.scalars(statement)
            assert ("data-draft" in body) != settle


async def test_references_are_looked_up_in_as_many_statements_for_thirty_as_for_one(database: Database) -> None:
    counts = []
    for numbers in (range(1, 2), range(1, 31)):
        async with database.read(ACME) as transaction:
            asked: list[ORMExecuteState] = []
            event.listen(transaction.sync_session, "do_orm_execute", asked.append)
            written = [(slug, number) for slug in ("", "books") for number in numbers]
            found = await find_subjects(transaction, [*written, ("books", 2**63), ("no-such-list", 1)])
            assert set(found) == set(written)
            assert all(found["", number] == found["books", number] for number in numbers)
            counts.append(len(asked))
    assert counts[0] == counts[1] <= 3


async def test_what_is_done_with_a_record_costs_and_tells_the_same_however_many_messages_show_it(
    database: Database,
) -> None:
    costs: list[list[int]] = []
    for number, shown in ((3, 1), (4, 100)):
        room_id = await show_card(database, number, shown)
        costs.append([])
        for act in (take, save, delete, restore):
            asked: list[ORMExecuteState] = []
            async with database.write(ACME) as transaction:
                before = transaction.tenant.cursor
                event.listen(transaction.sync_session, "do_orm_execute", asked.append)
                await act(transaction, number)
            costs[-1].append(len(asked))
            async with database.read(ACME) as transaction:
                cards = LoggedEvent.body.contains("data-card="), LoggedEvent.cursor > before
                told = list(await transaction.scalars(select(LoggedEvent.channel).where(*cards)))
            assert told == [f"room.{room_id}"], act.__name__  # those in the room alone, and once
    assert costs[0] == costs[1]


async def show_card(database: Database, number: int, shown: int) -> int:
    """Let a record be referred to by so many messages of a private room; the room's id."""
    async with database.write(ACME) as transaction:
        ana, _, record = await find_all(transaction, number)
        room = await create_room(transaction, ana, name=f"Board {number}", private=True)
        text = f"See #{number}"
        message, _ = await post_message(transaction, room, ana, key=f"card {number}", text=text, origin="")
        like = {"room_id": room.id, "member_id": ana.id, "text": text, "html": message.html, "plain": text}
        more = [{**like, "number": 2 + n, "key": f"card {number} {n}"} for n in range(shown - 1)]
        await transaction.insert_rows(Message, *more)
        ids = await transaction.scalars(select(Message.id).where(Message.room_id == room.id, Message.number > 1))
        same = [{"message_id": each, "position": 0, "subject": f"record-{record.id}"} for each in ids]
        await transaction.insert_rows(RecordReference, *same)
        return room.id


async def find_all(transaction: Transaction, number: int) -> tuple[Member, Collection, Record]:
    ana = await find_member(transaction, "ana@acme.test")
    assert ana
    books = await get_collection(transaction, "books")
    return ana, books, await get_record(transaction, books, number, deleted=None)


async def take(transaction: Transaction, number: int) -> None:
    ana, _, record = await find_all(transaction, number)
    await act_as(transaction, ana)
    assert await take_lock(transaction, record, ana, lease=30)


async def save(transaction: Transaction, number: int) -> None:
    ana, books, record = await find_all(transaction, number)
    typed = typed_of(record, title="Another title")
    await act_as(transaction, ana)
    proof = await take_lock(transaction, record, ana, lease=30, moving=record.lock_token)
    assert await change_record(transaction, books, record, typed, ana, version=record.version, proof=proof)


async def delete(transaction: Transaction, number: int) -> None:
    ana, books, record = await find_all(transaction, number)
    await delete_record(transaction, books, record, ana, version=record.version)


async def restore(transaction: Transaction, number: int) -> None:
    ana, books, record = await find_all(transaction, number)
    await restore_record(transaction, books, record, ana, version=record.version)


async def test_a_message_shows_what_every_record_is_called_that_it_names(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana = await find_member(transaction, "ana@acme.test")
        assert ana
        room = await create_room(transaction, ana, name="Board", private=True)
        text = " ".join(f"#{number}" for number in range(1, 9))
        message, _ = await post_message(transaction, room, ana, key="eight", text=text, origin="")
        shown = await show_message(transaction, message)
        assert [card.place.address for card in shown.cards] == [f"/c/books/{number}" for number in range(1, 9)]
        assert all(card.told and card.place.title for card in shown.cards)
