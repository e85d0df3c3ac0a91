"""Cards of records: one push for each, however many messages refer to it."""

from __future__ import annotations

from sqlalchemy import event, select
from sqlalchemy.orm import ORMExecuteState

from app.accounts.members import find_member
from app.chat.channels import push_cards
from app.chat.messages import post_message
from app.chat.rooms import create_room
from app.database import Database
from app.editing.drafts import keep_draft, settle_draft
from app.editing.locks import take_lock
from app.editing.rows import LISTENERS, find_subjects
from app.live.log import LoggedEvent
from app.records.collections import get_collection
from app.records.records import get_record

ACME = 1


async def test_a_card_is_pushed_once_to_each_room_that_shows_it(database: Database) -> None:
    assert push_cards in LISTENERS
    async with database.write(ACME) as transaction:
        ana = await find_member(transaction, "ana@acme.test")
        assert ana
        room = await create_room(transaction, ana, name="Board", private=True)
        for number in range(3):
            await post_message(transaction, room, ana, key=f"card{number}", text="See #3", origin="")
    async with database.write(ACME) as transaction:
        record = await get_record(transaction, await get_collection(transaction, "books"), 3)
        assert await take_lock(transaction, record, ana, lease=30)
    async with database.read(ACME) as transaction:
        statement = select(LoggedEvent.channel).where(LoggedEvent.body.contains("data-card="))
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
                typed = {"title": "Typed"}
                await keep_draft(transaction, record, ana, typed, saved=record.values, token=None, version=1)
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
