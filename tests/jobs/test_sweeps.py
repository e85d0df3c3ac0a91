"""Every table with an end has a sweep, and open pages follow what is swept."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
import structlog
from sqlalchemy import func, or_, select, update

import app.server.asgi  # noqa: F401  (which knows all tables and sweeps)
from app.accounts.form_answers import FormAnswer
from app.accounts.members import Member, find_member
from app.accounts.program_tokens import Token
from app.accounts.sessions import Session
from app.accounts.tokens import SingleUseToken, make_token
from app.accounts.undo import UndoOffer
from app.accounts.visits import Visit
from app.chat.attachments import Attachment
from app.chat.drafts import MessageDraft, delete_old_message_drafts, keep_message_draft
from app.chat.memberships import Membership
from app.chat.messages import Message
from app.chat.new_rooms import open_discussion
from app.chat.rooms import Room
from app.chat.saved import SavedMessage, save_message
from app.database import Base, Database, Followers, Partial, Shown, Tenant, Transaction, now
from app.editing.drafts import Draft
from app.editing.waiting import LEFT_FOR
from app.editing.waiting_rows import Waiting
from app.gateway.app_deliveries import AppDelivery
from app.gateway.app_told import AppTold, note_told
from app.gateway.app_turns import AppHookEvent
from app.gateway.apps import WantedApp, end_app, make_app
from app.jobs.jobs import FUNCTIONS, ClaimedJob, Job, put_job
from app.jobs.runner import Runner
from app.jobs.sweeps import BATCH, FIRST_BATCH, SWEEPS, Sweep, delete_by_keys, sweep_one
from app.live.cutoff import start_session
from app.live.log import KEPT_AT_LEAST, LoggedEvent, publish
from app.mail.outbox import FailedMail, Mail, delete_old_failures
from app.notifications.channels import Bell, push_bells
from app.notifications.models import Activity, Notification
from app.notifications.notifications import notify
from app.operators.figures import NodeFigures
from app.operators.sessions import OperatorSession
from app.programs.kept_answers import KeptAnswer
from app.records.collections import Collection
from app.records.definitions import add_collection as add_collection_with_field
from app.records.fields import Field
from app.records.files import RecordFile
from app.records.records import Record
from app.settings import Settings
from app.tenants.invitations import Invitation, make_link
from app.webhooks.deliveries import WebhookDelivery
from app.webhooks.webhooks import Webhook
from tests.test_isolation import SETTINGS

ACME, GLOBEX = 1, 2
LONG_AGO = timedelta(days=400)

# Tables whose rows stay, with the reason.
KEPT = {
    "tenant": "a workspace ends by being deleted",
    "member": "who was removed has a name on what they wrote",
    "gateway_app": "goes with its bot, and its id means no other one",
    "incoming_address": "goes with its bot, and its id means no other one",
    "operator": "ends by being deleted",
    "operator_entry": "a log that is only ever added to",
    "audit_entry": "a log that is only ever added to",
    "record_key": "goes with its record",
    "revision": "goes with its record",
    "membership": "goes with its room or member",
    "message": "what people have written",
    "message_revision": "goes with its message",
    "message_index": "goes with its message",
    "reaction": "goes with its message",
    "pinned_message": "goes with its message",
    "mention": "goes with its message",
    "record_reference": "goes with its message",
    "announcement": "admins look up what was announced, also what is over",
    "notification_preference": "goes with its member",
    "notification_mail_times": "goes with its member",
    "notification_mute": "goes with its member, or with what was muted",
    "collection_permission": "goes with its collection",
    "collection_guest": "goes with its collection or member",
    "list_columns": "goes with its member or collection",
    "pinned_collection": "goes with its member or collection",
    "follow": "goes with its member, or with what is followed",
    "webhook": "until an admin removes it",
    "webhook_turn": "goes with its webhook",
    "gateway_app_turn": "ends when its events are told, or goes with its app",
}


def swept() -> set[str]:
    return {model.__tablename__ for each in SWEEPS for model in each.models}


def test_every_table_has_a_sweep_or_a_reason_to_be_kept() -> None:
    tables = {table.name for table in Base.metadata.sorted_tables}
    assert swept() | KEPT.keys() == tables
    assert not swept() & KEPT.keys()


def test_what_has_a_moment_at_which_it_ends_is_swept() -> None:
    ends = {"expires_at", "until", "useless_after", "typed_at", "seen_at", "read_at"}
    with_end = {table.name for table in Base.metadata.sorted_tables if ends & set(table.columns.keys())}
    assert with_end <= swept()


async def carla_of(transaction: Transaction) -> Member:
    found = await find_member(transaction, "carla@acme.test")
    assert found
    return found


async def add_session(transaction: Transaction) -> None:
    await start_session(transaction, await carla_of(transaction), address="", agent="")
    await transaction.execute(update(Session).values(expires_at=now() - LONG_AGO))


async def add_token(transaction: Transaction) -> None:
    await make_token(transaction, await carla_of(transaction), "password")
    await transaction.flush()
    await transaction.execute(update(SingleUseToken).values(expires_at=now() - LONG_AGO))


async def add_form_answer(transaction: Transaction) -> None:
    carla = await carla_of(transaction)
    transaction.add(FormAnswer(member_id=carla.id, key="k", sent="", address="/", made_at=now() - LONG_AGO))


async def add_undo_offer(transaction: Transaction) -> None:
    carla = await carla_of(transaction)
    transaction.add(UndoOffer(member_id=carla.id, kind="room.left", state={}, made_at=now() - LONG_AGO))


async def add_saved(transaction: Transaction) -> None:
    message = Message(room_id=1, number=9999, member_id=1, key="saved", text="x", html="x", plain="x")
    transaction.add(message)
    await transaction.flush()
    await save_message(transaction, message, await carla_of(transaction), saved=True)
    await transaction.execute(update(SavedMessage).values(done_at=now() - LONG_AGO))


async def add_message_draft(transaction: Transaction) -> None:
    await keep_message_draft(transaction, await carla_of(transaction), "room-1", "Long ago", key="k")
    await transaction.execute(update(MessageDraft).values(typed_at=now() - LONG_AGO))


async def add_invitation(transaction: Transaction) -> None:
    ana = await find_member(transaction, "ana@acme.test")
    assert ana
    await make_link(transaction, ana, "member", 1, 1)
    await transaction.execute(update(Invitation).values(expires_at=now() - LONG_AGO))


async def add_record_file(transaction: Transaction) -> None:
    carla = await carla_of(transaction)
    file = {"collection_id": 1, "member_id": carla.id, "key": "b" * 32, "name": "old.txt", "size": 3}
    file |= {"media_type": "text/plain", "preview": False}
    transaction.add(RecordFile(**file, record_id=None, created_at=now() - LONG_AGO))
    transaction.add(RecordFile(**file, record_id=99_999))  # its record is gone for good


async def add_attachment(transaction: Transaction) -> None:
    carla = await carla_of(transaction)
    transaction.add(
        Attachment(
            room_id=1,
            message_id=None,
            member_id=carla.id,
            key="a" * 32,
            name="old.txt",
            size=3,
            media_type="text/plain",
            preview=False,
            created_at=now() - LONG_AGO,
        )
    )


async def add_record(transaction: Transaction) -> None:
    await transaction.execute(update(Record).where(Record.number == 7).values(deleted_at=now() - LONG_AGO))


async def add_draft(transaction: Transaction) -> None:
    carla = await carla_of(transaction)
    typed = {"title": "Long ago"}
    transaction.add(
        Draft(kind="record", row_id=1, member_id=carla.id, token=0, version=99, values=typed, typed_at=now() - LONG_AGO)
    )


async def add_waiting(transaction: Transaction) -> None:
    carla = await carla_of(transaction)
    # The clock may count from the machine's start, which may have been just now.
    transaction.add(Waiting(kind="record", row_id=1, member_id=carla.id, name="Carla", role="member", until=-LEFT_FOR))


async def add_notification(transaction: Transaction) -> None:
    carla = await carla_of(transaction)
    await notify(transaction, kind="mention", subject=("room", 1), to=[carla.id])
    await transaction.execute(update(Activity).values(created_at=now() - LONG_AGO))


async def add_events(transaction: Transaction) -> None:
    for number in range(KEPT_AT_LEAST + 3):
        publish(transaction, "tenant", str(number))


async def add_field(transaction: Transaction) -> None:
    """The newest field, too, has an end: no other one gets its id."""
    newest = select(func.max(Field.id)).scalar_subquery()
    old = update(Field).where(or_(Field.key == "language", Field.id == newest)).values(removed_at=now() - LONG_AGO)
    await transaction.execute(old.execution_options(synchronize_session=False))


async def add_mail(transaction: Transaction) -> None:
    transaction.add(Mail(message_id="m", composer="c", payload={}, useless_after=now() - LONG_AGO))


async def add_failure(transaction: Transaction) -> None:
    transaction.add(FailedMail(composer="invitation", reason="550", attempts=1, failed_at=now() - LONG_AGO))


async def add_job(transaction: Transaction) -> None:
    await put_job(transaction, "of another version", at=now() - LONG_AGO)


async def add_node(transaction: Transaction) -> None:
    transaction.add(NodeFigures(id="gone", figures={}, seen_at=now() - LONG_AGO))


async def add_operator_session(transaction: Transaction) -> None:
    transaction.add(OperatorSession(token_hash=b"x" * 32, operator_id=1, address="", seen_at=now() - LONG_AGO))


Add = Callable[[Transaction], Awaitable[None]]


# How a row of each swept table comes to be old, and which rows are meant.
async def add_visit(transaction: Transaction) -> None:
    transaction.add(Visit(member_id=1, kind="room", subject_id=1, visited_at=now() - LONG_AGO))


async def add_collection(transaction: Transaction) -> None:
    """The newest one, with the newest field: both have an end."""
    member = await find_member(transaction, "ana@acme.test")
    assert member
    await add_collection_with_field(transaction, member, name="Old things", first="Title")
    old = update(Collection).where(Collection.name == "Old things").values(deleted_at=now() - LONG_AGO)
    await transaction.execute(old)


async def add_discussion(transaction: Transaction) -> None:
    await open_discussion(transaction, "record-99999", "Gone for good")


async def add_ended_token(transaction: Transaction) -> None:
    moment = now() - LONG_AGO
    transaction.add(Token(member_id=1, name="ended", token_hash=b"e" * 32, scopes=[], made_at=moment, ends_at=moment))


async def add_kept_answer(transaction: Transaction) -> None:
    token = Token(member_id=1, name="kept", token_hash=b"k" * 32, scopes=[])
    transaction.add(token)
    await transaction.flush()
    old = {"made_at": now() - LONG_AGO, "status": 200, "fields": "{}"}
    transaction.add(KeptAnswer(token_id=token.id, key="k", sent="s", body=b"", **old))


async def add_webhook_delivery(transaction: Transaction) -> None:
    webhook = Webhook(member_id=1, address="https://hooks.invalid/", kinds=[], seed=b"s" * 16)
    transaction.add(webhook)
    await transaction.flush()
    sent = {"channel": "tenant", "kind": "member.renamed", "message_id": "old", "body": "{}"}
    transaction.add(WebhookDelivery(webhook_id=webhook.id, sent_at=now() - LONG_AGO, **sent))


async def add_app_delivery(transaction: Transaction) -> None:
    app, _ = await make_app(transaction, None, WantedApp("Front end"))
    transaction.add(AppDelivery(app_id=app.id, kind="old", body="{}", sent_at=now() - LONG_AGO))


async def add_app_event(transaction: Transaction) -> None:
    app, _ = await make_app(transaction, None, WantedApp("Another front end"))
    transaction.add(AppHookEvent(app_id=app.id, kind="old", size=2, body="{}", at=now() - LONG_AGO))


async def add_app_told(transaction: Transaction) -> None:
    app, bot = await make_app(transaction, None, WantedApp("An old front end"))
    await note_told(transaction, app.id, [("old", '{"name":"channel_occupied","channel":"news"}')])
    await end_app(transaction, None, app, bot)
    app, _ = await make_app(transaction, None, WantedApp("A newer front end"))
    transaction.add(AppTold(app_id=app.id, kind="old", digest="1", place="[]", gone_at=now() - LONG_AGO))


OLD: dict[str, tuple[Add, Any]] = {
    "gateway_app_delivery": (add_app_delivery, AppDelivery.kind == "old"),
    "gateway_app_told": (add_app_told, AppTold.kind == "old"),
    "gateway_app_event": (add_app_event, AppHookEvent.kind == "old"),
    "webhook_delivery": (add_webhook_delivery, WebhookDelivery.message_id == "old"),
    "visit": (add_visit, Visit.kind == "room"),
    "session": (add_session, Session.expires_at < func.current_timestamp()),
    "token": (add_ended_token, Token.name == "ended"),
    "kept_answer": (add_kept_answer, KeptAnswer.key == "k"),
    "single_use_token": (add_token, SingleUseToken.purpose == "password"),
    "form_answer": (add_form_answer, FormAnswer.key == "k"),
    "undo_offer": (add_undo_offer, UndoOffer.kind == "room.left"),
    "message_draft": (add_message_draft, MessageDraft.text == "Long ago"),
    "saved_message": (add_saved, SavedMessage.done_at.is_not(None)),
    "invitation": (add_invitation, Invitation.uses == 0),
    "attachment": (add_attachment, Attachment.name == "old.txt"),
    "record_file": (add_record_file, RecordFile.name == "old.txt"),
    "collection": (add_collection, Collection.name == "Old things"),
    "room": (add_discussion, Room.subject == "record-99999"),
    "record": (add_record, Record.number == 7),
    "field": (add_field, Field.removed_at < func.current_timestamp()),
    "draft": (add_draft, Draft.version == 99),
    "waiting": (add_waiting, Waiting.until == -LEFT_FOR),
    "notification": (add_notification, Notification.kind == "mention"),
    "activity": (add_notification, Activity.subject_kind == "room"),
    "event": (add_events, LoggedEvent.body == "0"),
    "mail": (add_mail, Mail.message_id == "m"),
    "failed_mail": (add_failure, FailedMail.reason == "550"),
    "job": (add_job, Job.name == "of another version"),
    "node": (add_node, NodeFigures.id == "gone"),
    "operator_session": (add_operator_session, OperatorSession.address == ""),
}
MODELS = {model.__tablename__: model for each in SWEEPS for model in each.models}


def test_each_sweep_is_tried() -> None:
    assert OLD.keys() == swept()


@pytest.mark.parametrize("table", sorted(OLD))
async def test_what_has_reached_its_end_is_deleted(database: Database, table: str) -> None:
    add, criterion = OLD[table]
    tenant_id = ACME if "tenant_id" in MODELS[table].__table__.columns else None
    counted = select(func.count()).select_from(MODELS[table]).where(criterion)
    async with database.write(tenant_id) as transaction:
        await add(transaction)
    if table == "event":
        async with database.write(ACME) as transaction:
            await transaction.execute(update(LoggedEvent).values(created_at=now() - LONG_AGO))
    async with database.read(tenant_id) as transaction:
        assert await transaction.scalar(counted)
    await sweep_one(database, SETTINGS, tenant_id)
    async with database.read(tenant_id) as transaction:
        assert await transaction.scalar(counted) == 0


async def test_much_is_swept_a_part_at_a_time_and_what_fails_keeps_nothing_else_from_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    added = BATCH + 7
    async with database.write() as transaction:
        for number in range(added):
            transaction.add(FailedMail(composer="c", reason=str(number), attempts=1, failed_at=now() - LONG_AGO))
    tried: list[int] = []

    async def fail(transaction: Transaction, limit: int, settings: Settings) -> int:
        tried.append(limit)
        raise ValueError("it went wrong")

    deleted: list[int] = []

    async def count(transaction: Transaction, limit: int, settings: Settings) -> int:
        deleted.append(await delete_old_failures(transaction, limit))
        return deleted[-1]

    monkeypatch.setattr("app.jobs.sweeps.SWEEPS", [Sweep((Job,), fail), Sweep((FailedMail,), count)])
    await sweep_one(database, SETTINGS, None)
    assert tried == [FIRST_BATCH]
    assert deleted[0] == FIRST_BATCH
    assert max(deleted) <= BATCH
    assert sum(deleted) == added
    async with database.read() as transaction:
        assert await transaction.scalar(select(func.count(FailedMail.id))) == 0


async def test_a_sweep_whose_pushes_fail_is_named_and_undoes_no_other(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with database.write(ACME) as transaction:
        for add in (add_session, add_message_draft, add_invitation):
            await add(transaction)

    async def fail_at_commit(transaction: Transaction, limit: int, settings: Settings) -> int:
        def render_badly(tenant: Tenant, bells: Any) -> Iterator[Partial]:
            raise ValueError("a partial that can't be rendered")

        transaction.facts.followers = Followers(shown=(Shown(render_badly, (Bell,)),))
        push_bells(transaction, [1])
        return await delete_old_message_drafts(transaction, limit)

    others = [each for each in SWEEPS if MessageDraft not in each.models]
    monkeypatch.setattr("app.jobs.sweeps.SWEEPS", [Sweep((MessageDraft,), fail_at_commit), *others])
    with structlog.testing.capture_logs() as logs:
        await sweep_one(database, SETTINGS, ACME)
    named = [(line["tables"], line["tenant"], line["reason"]) for line in logs if "tables" in line]
    assert named == [("message_draft", ACME, 'ValueError("a partial that can\'t be rendered")')]
    async with database.read(ACME) as transaction:
        left = [
            await transaction.scalar(select(func.count()).select_from(MODELS[table]).where(OLD[table][1]))
            for table in ("message_draft", "session", "invitation")
        ]
    assert left == [1, 0, 0]


async def test_other_workspaces_rows_take_nothing_of_the_limit_whatever_the_criterion(database: Database) -> None:
    for tenant_id, place in ((ACME, "old-1"), (ACME, "old-2"), (GLOBEX, "old-3")):
        async with database.write(tenant_id) as transaction:
            member = (await transaction.scalars(select(Member).limit(1))).one()
            await keep_message_draft(transaction, member, place, "Long ago", key=place)
    named = or_(MessageDraft.text == "Long ago", MessageDraft.place == "nowhere")
    async with database.write(GLOBEX) as transaction:
        assert await delete_by_keys(transaction, MessageDraft, named, limit=1) == 1
    async with database.read(ACME) as transaction:
        assert await transaction.scalar(select(func.count()).select_from(MessageDraft).where(named)) == 2


async def last_events(database: Database, cursor: int) -> dict[str, str]:
    events: dict[str, str] = {}
    async with database.read(ACME) as transaction:
        logged = select(LoggedEvent.channel, LoggedEvent.body).where(LoggedEvent.cursor > cursor)
        for row in await transaction.execute(logged.order_by(LoggedEvent.cursor)):
            events[row.channel] = events.get(row.channel, "") + row.body
    return events


async def read_cursor(database: Database) -> int:
    async with database.read(ACME) as transaction:
        return transaction.tenant.cursor


async def test_open_bins_and_pages_follow_when_the_bin_is_emptied(database: Database) -> None:
    async with database.write(ACME) as transaction:
        await add_record(transaction)
        record = (await transaction.scalars(select(Record).where(Record.number == 7))).one()
        await notify(
            transaction, kind="record-followed", subject=("record", record.id), to=[2], details={"fields": "Title"}
        )
    cursor = await read_cursor(database)
    await sweep_one(database, SETTINGS, ACME)
    events = await last_events(database, cursor)
    assert f'hx-target="#bin-{record.collection_id}-refresh"' in events[f"collection.{record.collection_id}"]
    assert "data-refresh" in events[f"record.{record.id}"]
    assert 'data-unread="0"' in events["user.2"]


async def test_a_discussion_goes_in_the_same_round_as_its_record_and_from_sidebars(database: Database) -> None:
    async with database.write(ACME) as transaction:
        await add_record(transaction)
        record = (await transaction.scalars(select(Record).where(Record.number == 7))).one()
        carla = await carla_of(transaction)
        room = await open_discussion(transaction, f"record-{record.id}", "Soon gone")
        transaction.add(Membership(room_id=room.id, member_id=carla.id))
    cursor = await read_cursor(database)
    await sweep_one(database, SETTINGS, ACME)
    async with database.read(ACME) as transaction:
        assert await transaction.scalar(select(func.count(Room.id)).where(Room.subject == f"record-{record.id}")) == 0
    assert "rooms" in (await last_events(database, cursor))[f"user.{carla.id}"]


async def test_open_pages_follow_when_the_newest_field_and_the_newest_collection_are_forgotten(
    database: Database,
) -> None:
    async with database.write(ACME) as transaction:
        await add_field(transaction)
        fields = (await transaction.scalars(select(Field).where(Field.removed_at.is_not(None)))).all()
        await add_collection(transaction)
        made = (await transaction.scalars(select(Field).order_by(Field.id.desc()).limit(1))).one()
    cursor = await read_cursor(database)
    await sweep_one(database, SETTINGS, ACME)
    events = await last_events(database, cursor)
    for field in fields:
        assert f"fields-{field.collection_id}-refresh" in events[f"collection.{field.collection_id}"]
    assert "collection-bin-refresh" in events["admins"]
    async with database.write(ACME) as transaction:
        await add_collection(transaction)
        newest = (await transaction.scalars(select(Field).order_by(Field.id.desc()).limit(1))).one()
    assert newest.id > made.id
    assert newest.collection_id > made.collection_id


async def test_a_page_that_speaks_of_a_draft_follows_when_it_is_swept(database: Database) -> None:
    async with database.write(ACME) as transaction:
        await add_draft(transaction)
    cursor = await read_cursor(database)
    await sweep_one(database, SETTINGS, ACME)
    async with database.read(ACME) as transaction:
        carla = await carla_of(transaction)
    assert "#record-1-standing" in (await last_events(database, cursor))[f"user.{carla.id}"]


async def test_lists_of_invitations_follow_when_one_ends(database: Database) -> None:
    async with database.write(ACME) as transaction:
        ana = await find_member(transaction, "ana@acme.test")
        assert ana
        await make_link(transaction, ana, "member", 5, 1)
    runner = Runner(database, SETTINGS)
    runner.prepared = True
    async with database.write() as transaction:
        await transaction.execute(update(Job).values(due_at=now()).where(Job.name == "invitation end"))
    cursor = await read_cursor(database)
    assert await runner.step()  # it was renewed, and ends later
    assert await last_events(database, cursor) == {}
    async with database.write(ACME) as transaction:
        await transaction.execute(update(Invitation).values(expires_at=now()))
    async with database.write() as transaction:
        await transaction.execute(update(Job).values(due_at=now()).where(Job.name == "invitation end"))
    assert await runner.step()
    assert "members-refresh" in (await last_events(database, cursor))["tenant"]
    async with database.read() as transaction:
        jobs = select(func.count(Job.id)).where(Job.name == "invitation end")
        assert await transaction.scalar(jobs) == 0


async def test_a_job_that_always_fails_is_given_up_at_last(database: Database) -> None:
    async def fail(work: ClaimedJob) -> None:
        raise ValueError("it went wrong")

    from app.jobs.jobs import Registered
    from app.jobs.runner import MOST_JOB_ATTEMPTS

    FUNCTIONS["fails"] = Registered(fail, None, 60)
    try:
        async with database.write() as transaction:
            await put_job(transaction, "fails", workspace_id=ACME)
        async with database.write() as transaction:
            await transaction.execute(update(Job).where(Job.name == "fails").values(attempts=MOST_JOB_ATTEMPTS - 1))
        runner = Runner(database, SETTINGS)
        runner.prepared = True
        assert await runner.step()
    finally:
        del FUNCTIONS["fails"]
    async with database.read() as transaction:
        assert await transaction.scalar(select(func.count(Job.id)).where(Job.name == "fails")) == 0
