"""What apps' servers are told is in rows until they have it: it comes at least once, in order, whatever dies."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator
from contextlib import aclosing
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import structlog
from sqlalchemy import select

from app.database import Database, Transaction, now
from app.gateway import app_gathering, app_sending, app_turns
from app.gateway.app_gathering import Gathered
from app.gateway.app_sending import HookSender
from app.gateway.app_turns import AppHookEvent, add_hook_events, forget_hook_events
from app.gateway.app_webhooks import HOOK_KINDS, change_app_webhook
from app.gateway.apps import WantedApp, get_app, make_app, make_app_secret
from app.jobs.sweeps import sweep_one
from app.tenants.turns_to_send import LOOKED_AT_DUE, MOST_OF_WORKSPACE
from app.web.outgoing import Outgoing
from tests.conftest import Server, end_server, free_port
from tests.databases import Store
from tests.gateway.conftest import Dial, add_app
from tests.gateway.test_app_webhooks import HERE, LOOPBACK, events_in, is_genuine, names_in
from tests.receiver import OK, Received, answer, receiving
from tests.waiting import until


async def make_hooked(database: Database, address: str, *kinds: str, workspace: int = 1) -> tuple[int, dict[str, str]]:
    """An app with a webhook, of acme or another workspace."""
    async with database.write(workspace) as transaction:
        app, bot = await make_app(transaction, None, WantedApp("Front end"))
        await change_app_webhook(transaction, HERE, None, app, bot, address, kinds or list(HOOK_KINDS))
        secret = app.secrets(HERE.secret_key).secrets[0]
        return app.id, {"id": str(app.id), "key": app.key, "secret": secret}


async def until_told(sender: HookSender, store: Store) -> None:
    """Until nothing waits any more."""
    await until(lambda: not sender.gathered and store.rows("SELECT count(*) FROM gateway_app_turn") == [(0,)])
    assert store.rows("SELECT count(*) FROM gateway_app_event") == [(0,)]


def say(number: int) -> dict[str, Any]:
    return {"name": "channel_occupied", "channel": f"c{number}"}


async def test_a_server_that_fails_is_told_later_in_order_and_holds_up_no_other(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_sending, "FIRST_HOOK_PAUSE", timedelta(0))
    sender = HookSender(database, HERE, Outgoing(HERE))
    ill = True
    async with receiving(lambda _: answer(503 if ill else 200)) as failing, receiving() as well, sender.running():
        one, _ = await make_hooked(database, failing.url)
        two, _ = await make_hooked(database, well.url)
        for number in range(3):
            sender.offer(1, one, say(number))
        sender.offer(1, two, say(9))
        await until(lambda: len(failing.requests) > 2 and len(well.requests) == 1)
        failing.requests.clear()
        ill = False
        await until_told(sender, store)
        assert [event["channel"] for event in events_in(failing)][-3:] == ["c0", "c1", "c2"]


async def test_a_workspace_with_more_due_than_is_looked_at_keeps_no_other_waiting(
    database: Database, store: Store
) -> None:
    sender = HookSender(database, HERE, Outgoing(HERE))
    async with receiving(lambda _: None) as hanging, receiving() as well:
        one, _ = await make_hooked(database, hanging.url)
        two, _ = await make_hooked(database, well.url, workspace=2)
        store.rows(
            "INSERT INTO gateway_app_turn (workspace_id, app_id, what, due_at) WITH RECURSIVE series (n) AS"
            f" (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {2 * LOOKED_AT_DUE})"
            f" SELECT 1, {one}, 'events', '2026-01-01 00:00:00+00' FROM series"
        )
        for workspace, app_id in ((1, one), (2, two)):
            async with database.write(workspace) as transaction:
                await add_hook_events(transaction, app_id, [("channel_existence", json.dumps(say(1)))])

        async def begin_and_look() -> bool:
            await sender.step()
            return bool(well.requests)

        await until(begin_and_look)
        hanging_still = list(sender.sending)
        assert len(hanging_still) >= MOST_OF_WORKSPACE
        for task in hanging_still:
            task.cancel()
        await asyncio.gather(*hanging_still, return_exceptions=True)
        sender.outgoing.close()


async def test_what_waits_is_bounded_and_the_newest_is_kept(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_gathering, "MOST_GATHERED", 20)
    sender = HookSender(database, HERE, Outgoing(HERE))
    async with receiving() as receiver, sender.running():
        app_id, _ = await make_hooked(database, receiver.url)
        with structlog.testing.capture_logs() as logs:
            for number in range(100):
                sender.offer(1, app_id, say(number))
            await until_told(sender, store)
        told = [event["channel"] for event in events_in(receiver)]
        assert told == [f"c{number}" for number in range(80, 100)]
        warned = [(each["app"], each["events"]) for each in logs if each["log_level"] == "warning"]
        assert warned == [(app_id, 80)], "and what is not kept is told to operators"


def test_what_is_dropped_while_it_is_put_into_rows_is_not_lost(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(app_gathering, "MOST_GATHERED", 3)
    gathered = Gathered()
    for number in range(1, 4):
        gathered.add("presence", f"{number}")
    assert gathered.count_dropped() == 0
    for number in range(4, 7):
        gathered.add("presence", f"{number}")
    gathered.forget(3)
    assert gathered.count_dropped() == 0
    gathered.add("presence", "7")
    assert (gathered.count_dropped(), gathered.count_dropped()) == (1, 0)


async def test_a_workspace_whose_writers_are_busy_holds_up_no_other(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    sender = HookSender(database, HERE, Outgoing(HERE))
    free, write = asyncio.Event(), database.write

    @contextlib.asynccontextmanager
    async def write_when_free(workspace: int | None = None) -> AsyncIterator[Transaction]:
        if workspace == 1:
            await free.wait()
        async with write(workspace) as transaction:
            yield transaction

    async with receiving() as one, receiving() as two:
        first, _ = await make_hooked(database, one.url)
        second, _ = await make_hooked(database, two.url, workspace=2)
        monkeypatch.setattr(database, "write", write_when_free)
        async with sender.running():
            for number in range(2):
                sender.offer(1, first, say(number))
                sender.offer(2, second, say(number))
                await until(lambda: len(events_in(two)) == number + 1)  # noqa: B023
            assert one.requests == []
            free.set()
            await until_told(sender, store)
            assert [event["channel"] for event in events_in(one)] == ["c0", "c1"]


async def test_of_what_a_server_does_not_take_the_newest_is_kept_in_rows(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_turns, "MOST_HOOK_EVENTS", 20)
    app_id, _ = await make_hooked(database, "https://hooks.invalid/")
    other, _ = await make_hooked(database, "https://hooks.invalid/")

    async def add(whose: int, count: int, text: str) -> list[str]:
        async with database.write(1) as transaction:
            await add_hook_events(transaction, whose, [("presence", f"{text} {number}") for number in range(count)])
        found = store.rows("SELECT body FROM gateway_app_event WHERE app_id = ? ORDER BY id", whose)
        return [body for (body,) in found]

    assert len(await add(other, 15, "other's")) == 15
    assert len(await add(app_id, 15, "first")) == 15
    assert await add(app_id, 10, "then") == [
        *(f"first {number}" for number in range(5, 15)),
        *(f"then {number}" for number in range(10)),
    ]
    monkeypatch.setattr(app_turns, "MOST_HOOK_TEXT", 100)
    assert (await add(app_id, 1, "last"))[:1] == ["first 7"]
    assert store.rows("SELECT count(*) FROM gateway_app_event WHERE app_id = ?", other) == [(15,)]
    assert store.rows("SELECT count(*) FROM gateway_app_turn") == [(2,)]


async def test_what_waits_is_measured_only_where_it_may_be_too_much(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_turns, "MOST_HOOK_EVENTS", 100)
    measured, rows = [], Transaction.rows

    async def note_measuring(transaction: Transaction, prepared: Any, **given: Any) -> Any:
        if prepared is app_turns.MEASURE_EVENTS:
            measured.append(prepared)
        return await rows(transaction, prepared, **given)

    monkeypatch.setattr(Transaction, "rows", note_measuring)
    app_id, _ = await make_hooked(database, "https://hooks.invalid/")

    async def add(times: int) -> list[tuple[Any, ...]]:
        for number in range(times):
            async with database.write(1) as transaction:
                await add_hook_events(transaction, app_id, [("presence", f"{number:03}")])
        return store.rows("SELECT waiting, waiting_text FROM gateway_app_turn")

    assert await add(100) == [(100, 300)]
    assert measured == []
    assert await add(1) == [(91, 273)]
    assert await add(9) == [(100, 300)]
    assert len(measured) == 2, "before and after the oldest were dropped"
    (found,) = store.rows("SELECT min(id) FROM gateway_app_event")
    async with database.write(1) as transaction:
        await forget_hook_events(transaction, app_id, found[0] + 39)
    assert await add(1) == [(61, 183)]
    store.rows("DELETE FROM gateway_app_event WHERE id < ?", found[0] + 60)  # as sweeps do
    assert await add(39) == [(100, 300)]
    assert len(measured) == 2
    assert await add(1) == [(81, 243)]
    assert store.rows("SELECT count(*), sum(size) FROM gateway_app_event") == [(81, 243)]


async def test_what_was_not_told_in_time_is_told_no_more(database: Database, store: Store) -> None:
    sender = HookSender(database, HERE, Outgoing(HERE))
    async with receiving() as receiver:
        app_id, _ = await make_hooked(database, receiver.url)
        async with database.write(1) as transaction:
            await add_hook_events(transaction, app_id, [("presence", json.dumps(say(1)))])
            (event,) = (await transaction.scalars(select(AppHookEvent))).all()
            event.at = now() - app_turns.HOOK_EVENTS_KEPT_FOR - timedelta(minutes=1)
        await sweep_one(database, HERE, 1)
        async with sender.running():
            await until_told(sender, store)
        assert receiver.requests == []


async def test_only_what_is_wanted_is_told_and_of_no_app_without_a_webhook(database: Database, store: Store) -> None:
    sender = HookSender(database, HERE, Outgoing(HERE))
    async with receiving() as receiver, sender.running():
        hooked, _ = await make_hooked(database, receiver.url, "presence")
        async with database.write(1) as transaction:
            other, _ = await make_app(transaction, None, WantedApp("Without"))
            other_id = other.id
        for app_id in (hooked, other_id):
            sender.offer(1, app_id, say(1))
            sender.offer(1, app_id, {"name": "member_added", "channel": "presence-a", "user_id": "1"})
        sender.offer(2, hooked, say(1))  # no app of that workspace
        await until_told(sender, store)
    assert names_in(receiver) == ["member_added"]


async def test_a_server_that_knows_one_of_two_secrets_is_told(database: Database, store: Store) -> None:
    sender = HookSender(database, HERE, Outgoing(HERE))
    told: dict[str, str] = {}
    async with (
        receiving(lambda received: answer(200 if is_genuine(told, received) else 401)) as receiver,
        sender.running(),
    ):
        app_id, made = await make_hooked(database, receiver.url)
        told.update(made)
        async with database.write(1) as transaction:
            app, bot = await get_app(transaction, app_id)
            await make_app_secret(transaction, None, app, bot)
        sender.offer(1, app_id, say(1))
        await until_told(sender, store)
    assert [is_genuine(made, each) for each in receiver.requests] == [False, True]


async def test_what_waits_is_sent_as_soon_as_it_goes_elsewhere_or_has_another_secret(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_sending, "FIRST_HOOK_PAUSE", timedelta(hours=3))
    monkeypatch.setattr(app_sending, "LONGEST_HOOK_PAUSE", timedelta(hours=3))
    sender = HookSender(database, HERE, Outgoing(HERE))
    made: dict[str, str] = {}
    ill = True
    async with (
        receiving(lambda _: answer(503)) as before,
        receiving(lambda _: answer(503 if ill else 200)) as after,
        sender.running(),
    ):
        app_id, made = await make_hooked(database, before.url)
        sender.offer(1, app_id, say(1))
        await until(lambda: len(before.requests) == 1)
        async with database.write(1) as transaction:
            app, bot = await get_app(transaction, app_id)
            await change_app_webhook(transaction, HERE, None, app, bot, after.url, list(HOOK_KINDS))
        await until(lambda: len(after.requests) == 1)
        ill = False
        async with database.write(1) as transaction:
            app, bot = await get_app(transaction, app_id)
            await make_app_secret(transaction, None, app, bot)
            made["secret"] = app.secrets(HERE.secret_key).secrets[0]
        await until_told(sender, store)
    assert [event["channel"] for event in events_in(after)] == ["c1", "c1"]
    assert [is_genuine(made, each) for each in after.requests] == [False, True]


async def test_what_waits_in_no_row_yet_is_put_there_as_the_process_ends_and_as_soon_as_the_database_is_back(
    database: Database, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_sending, "PUT_AGAIN_AFTER", 0.01)
    sender = HookSender(database, HERE, Outgoing(HERE))
    put, tries = app_turns.add_hook_events, []

    async def fail_twice(*what: Any) -> None:
        tries.append(what)
        if len(tries) < 3:
            raise OSError
        await put(*what)

    monkeypatch.setattr(app_sending, "add_hook_events", fail_twice)
    async with receiving(lambda _: None) as receiver:
        app_id, _ = await make_hooked(database, receiver.url)
        async with sender.running():
            sender.offer(1, app_id, say(1))
    assert len(tries) == 3
    assert store.rows("SELECT app_id, kind FROM gateway_app_event") == [(app_id, "channel_existence")]


@pytest.mark.alike
async def test_what_waits_and_what_is_sent_again_comes_though_the_process_is_killed(
    seeded: Store, tmp_path: Path, dial: Dial
) -> None:
    seeded.copy_to(tmp_path)
    server = Server(tmp_path, free_port(), LOOPBACK)
    server.start()
    dead = True

    def say_nothing(_: Received) -> bytes | None:
        return None if dead else OK

    try:
        async with receiving(say_nothing) as receiver:
            made = add_app(server)
            assert server.run("app", "webhook", "acme", made["id"], receiver.url).returncode == 0
            sent = json.dumps({"time_ms": 1, "events": [{"name": "channel_occupied", "channel": "long-ago"}]})
            server.store.rows(
                "INSERT INTO gateway_app_delivery (tenant_id, app_id, kind, body, sent_at, milliseconds, status, answer"
                ", error) VALUES (1, ?, 'channel_occupied', ?, '2026-11-30 09:00:00+00', 3, 500, '', '')",
                int(made["id"]),
                sent,
            )
            ((number,),) = server.store.rows("SELECT max(id) FROM gateway_app_delivery")
            async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
                again = await ana.post(f"/settings/apps/{made['id']}/deliveries/again", data={"delivery": number})
                assert again.status_code == 303
            client = await dial(server, made["key"])
            for channel in ("one", "two", "three"):
                await client.follow(channel)
            await until(lambda: server.store.rows("SELECT count(*) FROM gateway_app_event") == [(3,)])
            await until(lambda: len(receiver.requests) >= 2)
            server.stop(signal.SIGKILL)
            dead = False
            receiver.requests.clear()
            server.store.rows("UPDATE gateway_app_turn SET leased_until = NULL")  # the time of its leases is over
            server.start()
            await until(lambda: server.store.rows("SELECT count(*) FROM gateway_app_turn") == [(0,)])
            assert [event["channel"] for event in events_in(receiver) if event["channel"] != "long-ago"] == [
                *("one", "two", "three")
            ]
            assert json.loads(sent)["events"] in [each.told["events"] for each in receiver.requests]
            assert all(is_genuine(made, each) for each in receiver.requests), "also what is of long ago"
    finally:
        end_server(server)
