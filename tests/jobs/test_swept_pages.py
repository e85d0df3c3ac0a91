"""What open pages show of what is swept follows."""

from __future__ import annotations

from sqlalchemy import select, update

from app.accounts.members import find_member
from app.chat.drafts import MessageDraft, keep_message_draft
from app.chat.memberships import join
from app.chat.new_rooms import open_discussion
from app.chat.posting import post_message
from app.chat.sidebar import list_sidebars
from app.database import Database, now
from app.editing.drafts import Draft
from app.jobs.sweeps import sweep_one
from app.notifications.models import Notification
from app.records.collections import get_collection
from app.records.new_drafts import TypedOn, keep_new_draft
from app.records.records import Record
from tests.jobs.test_sweeps import (
    ACME,
    LONG_AGO,
    add_collection,
    add_field,
    add_notification,
    add_record,
    carla_of,
    last_events,
    read_cursor,
)
from tests.test_isolation import SETTINGS


async def test_a_page_that_goes_on_with_a_draft_of_a_new_record_follows_when_it_is_swept(database: Database) -> None:
    async with database.write(ACME) as transaction:
        carla = await carla_of(transaction)
        books = await get_collection(transaction, "books")
        await keep_new_draft(transaction, books, carla, {"title": "Long ago"}, TypedOn("f", 1, 0, "f"))
        await transaction.execute(update(Draft).values(typed_at=now() - LONG_AGO))
    cursor = await read_cursor(database)
    await sweep_one(database, SETTINGS, ACME)
    pushed = (await last_events(database, cursor))[f"user.{carla.id}"]
    assert 'hx-target="#draft-f"' in pushed
    assert "too old to keep" in pushed


async def test_pages_that_offer_to_restore_a_field_or_a_collection_follow_when_it_is_swept(database: Database) -> None:
    async with database.write(ACME) as transaction:
        await add_field(transaction)
        await add_collection(transaction)
        books = await get_collection(transaction, "books")
    cursor = await read_cursor(database)
    await sweep_one(database, SETTINGS, ACME)
    events = await last_events(database, cursor)
    assert "#collection-bin-refresh" in events["admins"]
    assert f"#fields-{books.id}-refresh" in events[f"collection.{books.id}"]


async def test_sidebars_follow_when_a_discussion_is_swept_in_which_something_is_unread(database: Database) -> None:
    async with database.write(ACME) as transaction:
        carla, ana = await carla_of(transaction), await find_member(transaction, "ana@acme.test")
        assert ana
        record = (await transaction.scalars(select(Record).where(Record.number == 7))).one()
        discussion = await open_discussion(transaction, f"record-{record.id}", "About to go")
        for member in (carla, ana):
            await join(transaction, discussion, member)
        await post_message(transaction, discussion, ana, key="unread", text="Not read by Carla")
    async with database.write(ACME) as transaction:
        shown = (await list_sidebars(transaction, [carla.id]))[carla.id].shown
        assert discussion.id in [each.joined.room.id for each in shown]
        await add_record(transaction)
    cursor = await read_cursor(database)
    for _ in range(2):  # first the record, then what was said about it
        await sweep_one(database, SETTINGS, ACME)
    pushed = (await last_events(database, cursor))[f"user.{carla.id}"]
    assert 'hx-target="#rooms"' in pushed
    assert "About to go" not in pushed


async def test_what_was_typed_of_what_is_gone_for_good_goes_with_it(database: Database) -> None:
    async with database.write(ACME) as transaction:
        carla = await carla_of(transaction)
        record = (await transaction.scalars(select(Record).where(Record.number == 7))).one()
        discussion = await open_discussion(transaction, f"record-{record.id}", "About to go")
        typed = {"row_id": record.id, "member_id": carla.id, "token": 1, "version": 1}
        transaction.add(Draft(kind="record", values={"f1": "Half"}, **typed))
        await keep_message_draft(transaction, carla, discussion.place, "Half a word", key="half")
        await add_record(transaction)
    for _ in range(2):
        await sweep_one(database, SETTINGS, ACME)
    async with database.read(ACME) as transaction:
        assert not (await transaction.scalars(select(Draft).where(Draft.row_id == record.id))).all()
        assert not (await transaction.scalars(select(MessageDraft).where(MessageDraft.place == discussion.place))).all()


async def test_inboxes_follow_when_what_was_read_long_ago_is_swept(database: Database) -> None:
    async with database.write(ACME) as transaction:
        await add_notification(transaction)
        await transaction.execute(update(Notification).values(read_at=now() - LONG_AGO))
        carla = await carla_of(transaction)
    cursor = await read_cursor(database)
    await sweep_one(database, SETTINGS, ACME)
    assert "#notifications-refresh" in (await last_events(database, cursor))[f"user.{carla.id}"]
