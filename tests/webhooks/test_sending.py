"""What happens is sent to webhooks: in order, at least once, and by the rights that their makers have then."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

import app.server.asgi
import app.tenants.turns_to_send
from app.chat.memberships import get_room
from app.chat.new_rooms import create_room
from app.chat.posting import post_message
from app.database import Actor, Transaction, now
from app.jobs.sweeps import sweep_one
from app.web.errors import Gone, PageError
from app.web.forms import Invalid, number_of
from app.webhooks.changes import (
    ask_to_send,
    remove_webhook,
    replay_from,
    rotate_webhook_secret,
    set_webhook_enabled,
    skip_fact,
)
from app.webhooks.facts import RIGHTS_LOST, SAYS_GONE, WebhookGivenUp
from app.webhooks.sending import MOST_FAILING, WebhookSender
from app.webhooks.signing import sign_message
from app.webhooks.webhooks import WEBHOOK_FAMILIES, WebhookTurn
from tests.receiver import Received, Receiver, answer, receiving
from tests.waiting import until
from tests.webhooks.conftest import ACME, GLOBEX, Sending, get_person, names_in

RENAMED = "member.renamed"


def is_signed(received: Received, secret: str) -> bool:
    """Whether a request is signed as Standard Webhooks says, looked at by its text and not by our code."""
    key = base64.b64decode(secret.removeprefix("whsec_"))
    told = received.headers
    signed = f"{told['webhook-id']}.{told['webhook-timestamp']}.".encode() + received.body
    expected = "v1," + base64.b64encode(hmac.new(key, signed, hashlib.sha256).digest()).decode()
    return expected in told["webhook-signature"].split(" ")


async def begin_and_look(sending: Sending, receiver: Receiver) -> bool:
    """Begin with what is due; whether something has come."""
    await sending.sender.step()
    return bool(receiver.requests)


def test_a_signature_is_that_of_the_specification() -> None:
    """The example that the libraries of Standard Webhooks are tested with."""
    signed = sign_message(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert signed == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


async def test_what_happens_is_sent_in_order_signed_and_once(sending: Sending, receiver: Receiver) -> None:
    await sending.happen("Before there was a webhook")
    number, secret = await sending.make(receiver.url, RENAMED)
    await sending.happen("One", "Two")
    await sending.happen("Three")
    await sending.send_out()
    assert names_in(receiver) == ["One", "Two", "Three"]
    first = receiver.requests[0]
    assert all(is_signed(each, secret) for each in receiver.requests)
    assert first.headers["content-type"] == "application/json"
    assert (first.told["workspace"], first.told["channel"]) == ("acme", "tenant")
    assert first.told["data"] == {"id": 3, "before": "Before", "after": "One", "by": 1}
    assert first.headers["webhook-id"] == f"msg_{number}_{first.told['cursor']}"
    assert abs(int(first.headers["webhook-timestamp"]) - now().timestamp()) < 60
    assert sending.turn(number)["cursor"] == sending.cursor()
    await sending.send_out()
    assert len(receiver.requests) == 3
    rows = sending.store.rows("SELECT kind, status, answer, error FROM webhook_delivery ORDER BY id")
    assert rows == [(RENAMED, 200, "Done", "")] * 3


async def test_the_sender_is_woken_by_what_happens_in_workspaces_with_webhooks_alone(
    sending: Sending, receiver: Receiver
) -> None:
    wake = sending.sender.loop.wake

    async def is_woken_by(workspace: int) -> bool:
        await sending.send_out()  # which looks who has any
        wake.clear()
        await sending.happen("Something", workspace=workspace)
        return wake.is_set()

    heard = list(sending.database.on_commit)
    assert not await is_woken_by(ACME)
    assert sending.database.on_commit == heard
    await sending.make(receiver.url, RENAMED)
    assert await is_woken_by(ACME)
    assert not await is_woken_by(GLOBEX)
    sending.store.rows("UPDATE webhook_turn SET active = false")
    assert not await is_woken_by(ACME)
    assert sending.database.on_commit == heard


async def test_one_of_all_kinds_begins_behind_its_own_making(sending: Sending, receiver: Receiver) -> None:
    await sending.make(receiver.url)
    await sending.happen("First")
    await sending.send_out()
    assert names_in(receiver) == ["First"]
    assert len(receiver.requests) == 1


async def test_another_secret_signs_beside_the_one_before_for_a_day(sending: Sending, receiver: Receiver) -> None:
    number, old = await sending.make(receiver.url, RENAMED)
    new = await sending.change(rotate_webhook_secret, sending.settings, number)
    await sending.happen("Both")
    await sending.send_out()
    assert is_signed(receiver.requests[0], old)
    assert is_signed(receiver.requests[0], new)
    sending.store.rows("UPDATE webhook SET rotated_at = '2026-01-01 00:00:00+00'")
    await sending.happen("One alone")
    await sending.send_out()
    assert is_signed(receiver.requests[1], new)
    assert not is_signed(receiver.requests[1], old)


async def test_one_gets_its_kinds_alone_and_none_of_another_workspace(sending: Sending, receiver: Receiver) -> None:
    number, _ = await sending.make(receiver.url, "record.*", "lock.taken")
    await sending.happen("Another kind")
    await sending.happen("Another workspace", workspace=GLOBEX)
    await sending.send_out()
    assert receiver.requests == []
    assert sending.turn(number)["cursor"] == sending.cursor()


async def test_a_receiver_that_is_away_gets_all_when_it_is_back(sending: Sending, receiver: Receiver) -> None:
    number, _ = await sending.make(receiver.url, RENAMED)
    await receiver.close()
    tries = []
    for hour in range(10):
        await sending.happen(f"Hour {hour}")
        await sending.send_out()
        tries.append(sending.turn(number)["failures"])
        (due,) = sending.store.rows("SELECT due_at FROM webhook_turn")[0]
        assert str(due) > str(now())[:19]
        sending.be_due()
    assert tries == list(range(1, 11))
    errors = sending.store.rows("SELECT DISTINCT cursor, status FROM webhook_delivery")
    assert len(errors) == 1, "what comes after the one that fails waits"
    sending.sender = WebhookSender(sending.database, sending.settings)  # and the program has been restarted
    await receiver.open()
    await sending.send_out()
    assert names_in(receiver) == [f"Hour {hour}" for hour in range(10)]
    assert sending.turn(number)["failures"] == 0


async def test_waits_grow_with_jitter_and_a_receiver_may_ask_for_longer_ones(
    sending: Sending, receiver: Receiver
) -> None:
    await sending.make(receiver.url, RENAMED)
    receiver.say = lambda _: answer(500)
    await sending.happen("Waits")
    waits = []
    for _ in range(14):
        before = now()
        await sending.send_out()
        due = await sending.change(read_due)
        waits.append((due - before).total_seconds())
        sending.be_due()
    assert 4 <= waits[0] <= 8
    assert all(0.7 * 5 * 2**number < waits[number] < 1.3 * 5 * 2**number + 2 for number in range(11))
    assert waits[-1] < 7.5 * 3600
    receiver.say = lambda _: answer(503, b"", "retry-after: 20000")
    sending.store.rows("UPDATE webhook_turn SET failures = 0")
    before = now()
    await sending.send_out()
    due = await sending.change(read_due)
    assert 19_990 < (due - before).total_seconds() < 20_010


def have_failed_for(sending: Sending, long: timedelta) -> None:
    """What fails has done so for so long."""
    since = (now() - long).strftime("%Y-%m-%d %H:%M:%S+00")
    sending.store.rows(f"UPDATE webhook_turn SET failing_since = '{since}'")


async def read_due(transaction: Transaction) -> datetime:
    """When something is tried next."""
    return (await transaction.scalars(select(WebhookTurn.due_at))).one()


async def test_one_that_fails_or_hangs_holds_up_no_other(sending: Sending, receiver: Receiver) -> None:
    async with receiving(lambda _: None) as hanging:
        for _ in range(2):
            await sending.make(hanging.url, RENAMED)
        await sending.make("http://127.0.0.1:1/nobody", RENAMED)
        await sending.make(receiver.url, RENAMED)
        await sending.happen("Is not held up")
        await until(lambda: begin_and_look(sending, receiver))
        assert names_in(receiver) == ["Is not held up"]
        assert len(sending.sender.sending) >= 2, "the others still wait for an answer"


async def test_a_workspace_has_a_part_of_the_places_only(
    sending: Sending, receiver: Receiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with receiving(lambda _: None) as hanging:
        for _ in range(8):
            await sending.make(hanging.url, RENAMED)
        await sending.make(receiver.url, RENAMED, by="gil", workspace=GLOBEX)
        await sending.happen("Acme's")
        await sending.happen("Globex's", workspace=GLOBEX)
        await until(lambda: begin_and_look(sending, receiver))
        assert names_in(receiver) == ["Globex's"]
        assert list(sending.sender.sending.values()).count(ACME) == app.tenants.turns_to_send.MOST_OF_WORKSPACE


async def test_a_workspace_with_more_due_than_is_looked_at_keeps_no_other_waiting(
    sending: Sending, receiver: Receiver
) -> None:
    async with receiving(lambda _: None) as hanging:
        number, _ = await sending.make(hanging.url, RENAMED)
        sending.store.rows(
            "INSERT INTO webhook_turn (workspace_id, webhook_id, what, cursor, due_at) WITH RECURSIVE series (n) AS"
            f" (SELECT 1 UNION ALL SELECT n + 1 FROM series WHERE n < {2 * app.tenants.turns_to_send.LOOKED_AT_DUE})"
            f" SELECT {ACME}, {number}, 'test', 0, '2026-01-01 00:00:00+00' FROM series"
        )
        await sending.make(receiver.url, RENAMED, by="gil", workspace=GLOBEX)
        await sending.happen("Globex's", workspace=GLOBEX)
        await until(lambda: begin_and_look(sending, receiver))
        assert names_in(receiver) == ["Globex's"]


async def test_what_fails_for_three_days_is_disabled_and_its_maker_told(sending: Sending, receiver: Receiver) -> None:
    number, _ = await sending.make(receiver.url, RENAMED)
    receiver.say = lambda _: answer(500, b"Out of order")
    await sending.happen("Never comes")
    await sending.send_out()
    sending.be_due()
    have_failed_for(sending, MOST_FAILING - timedelta(minutes=1))
    await sending.send_out()
    assert sending.turn(number)["active"], "there is a minute left"
    due = await sending.change(read_due)
    assert due <= now() + timedelta(minutes=1), "and it is used"
    sending.be_due()
    have_failed_for(sending, MOST_FAILING)
    await sending.send_out()
    assert not sending.turn(number)["active"]
    assert "three days" in sending.store.rows("SELECT disabled_why FROM webhook")[0][0]
    told = "SELECT member_id FROM notification WHERE kind = 'webhook'"
    assert sending.store.rows(told) == [(2,)]
    audited = sending.store.rows("SELECT what, subject FROM audit_entry WHERE what LIKE 'webhook%' ORDER BY id")
    assert audited == [("webhook.made", "127.0.0.1"), ("webhook.given-up", "127.0.0.1")]
    sending.be_due()
    before = len(receiver.requests)
    await sending.send_out()
    assert len(receiver.requests) == before
    receiver.say = lambda _: answer(204)
    await sending.change(set_webhook_enabled, number, enabled=True)
    await sending.send_out()
    assert names_in(receiver)[before:] == ["Never comes"], "it goes on where it was"


async def test_who_says_that_it_is_gone_is_sent_nothing_more(sending: Sending, receiver: Receiver) -> None:
    number, _ = await sending.make(receiver.url, RENAMED)
    receiver.say = lambda _: answer(410)
    await sending.happen("Gone")
    await sending.send_out()
    assert not sending.turn(number)["active"]
    assert "410" in sending.store.rows("SELECT disabled_why FROM webhook")[0][0]


@pytest.mark.parametrize("status", [301, 307, 400, 404, 500])
async def test_what_is_not_taken_is_not_lost(sending: Sending, receiver: Receiver, status: int) -> None:
    await sending.make(receiver.url, RENAMED)
    receiver.say = lambda _: answer(status)
    await sending.happen("Comes again")
    await sending.send_out()
    receiver.say = lambda _: answer(200)
    sending.be_due()
    await sending.send_out()
    assert names_in(receiver) == ["Comes again"] * 2
    assert len({each.headers["webhook-id"] for each in receiver.requests}) == 1


async def test_an_event_that_can_not_be_sent_can_be_left_out(sending: Sending, receiver: Receiver) -> None:
    number, _ = await sending.make(receiver.url, RENAMED)
    receiver.say = lambda received: answer(422 if b"Poison" in received.body else 200)
    await sending.happen("Poison", "After it")
    await sending.send_out()
    failing = sending.turn(number)["failing_cursor"]
    with pytest.raises(Gone):
        await sending.change(skip_fact, number, failing + 1)
    await sending.change(skip_fact, number, failing)
    with pytest.raises(Gone):
        await sending.change(skip_fact, number, failing)
    await sending.send_out()
    assert names_in(receiver) == ["Poison", "After it"]


async def test_what_was_sent_can_be_sent_again_alone_or_all_from_an_event_on(
    sending: Sending, receiver: Receiver
) -> None:
    number, secret = await sending.make(receiver.url, RENAMED)
    await sending.happen("One", "Two", "Three")
    await sending.send_out()
    second = receiver.requests[1].told["cursor"]
    await sending.change(ask_to_send, number, "again", second)
    await sending.send_out()
    assert names_in(receiver)[3:] == ["Two"]
    assert receiver.requests[3].headers["webhook-id"] == receiver.requests[1].headers["webhook-id"]
    await sending.change(replay_from, number, second)
    await sending.send_out()
    assert names_in(receiver)[4:] == ["Two", "Three"]
    with pytest.raises(Invalid):
        await sending.change(replay_from, number, sending.cursor() + 1)
    await sending.change(ask_to_send, number, "test")
    await sending.send_out()
    assert receiver.requests[-1].told["type"] == "webhook.test"
    assert is_signed(receiver.requests[-1], secret)
    assert sending.store.rows("SELECT count(*) FROM webhook_turn") == [(1,)]


async def test_the_last_event_is_said_as_it_can_be_typed(sending: Sending, receiver: Receiver) -> None:
    number, _ = await sending.make(receiver.url, RENAMED)
    sending.store.rows(f"UPDATE tenant SET cursor = 12345 WHERE id = {ACME}")
    with pytest.raises(Invalid) as refused:
        await sending.change(replay_from, number, 12346)
    said = refused.value.errors["from"].translate("en")
    assert said == "Enter an event number up to 12345."
    await sending.change(replay_from, number, number_of(re.findall(r"\S+(?=\.$)", said)[0]))


async def test_a_worker_that_dies_in_between_lets_another_send_the_same_again(
    sending: Sending, receiver: Receiver
) -> None:
    number, _ = await sending.make(receiver.url, RENAMED)
    await sending.happen("One", "Two")
    arrived = receiver.hang()
    await sending.sender.step()
    await arrived.wait()
    (dead,) = sending.sender.sending
    other = WebhookSender(sending.database, sending.settings)
    assert not await other.step(), "its lease runs"
    receiver.say = lambda _: answer(200)
    sending.be_due()
    assert await other.step()
    while other.sending:
        await asyncio.wait(other.sending)
        await asyncio.sleep(0)
    assert names_in(receiver)[-2:] == ["One", "Two"]
    receiver.stays.set()  # the first one comes back late, and settles nothing
    await asyncio.wait([dead])
    await sending.send_out()
    assert names_in(receiver) == ["One", "One", "Two"]
    assert sending.turn(number)["cursor"] == sending.cursor()
    assert sending.turn(number)["failures"] == 0


async def test_two_workers_send_everything_once(sending: Sending, receiver: Receiver) -> None:
    await sending.make(receiver.url, RENAMED)
    names = [f"Name {number}" for number in range(30)]
    await sending.happen(*names)
    senders = [
        sending,
        Sending(sending.database, sending.store, sending.settings, WebhookSender(sending.database, sending.settings)),
    ]
    await asyncio.gather(*(each.send_out() for each in senders))
    await sending.send_out()
    assert names_in(receiver) == names


async def test_the_log_keeps_what_an_enabled_webhook_has_still_to_send(sending: Sending, receiver: Receiver) -> None:
    number, _ = await sending.make(receiver.url, RENAMED)
    receiver.say = lambda _: answer(500)
    await sending.happen("Waits for days", "This, too")
    await sending.send_out()
    count = f"SELECT count(*) FROM event WHERE kind = '{RENAMED}'"
    sending.store.rows("UPDATE event SET created_at = '2026-01-01 00:00:00+00'")
    await sweep_one(sending.database, sending.settings, ACME)
    assert sending.store.rows(count) == [(2,)]
    receiver.say = lambda _: answer(200)
    sending.be_due()
    await sending.send_out()
    assert names_in(receiver)[-2:] == ["Waits for days", "This, too"]
    await sweep_one(sending.database, sending.settings, ACME)
    assert sending.store.rows(count) == [(0,)]
    await sending.happen("Nobody waits for this")
    await sending.change(set_webhook_enabled, number, enabled=False)
    sending.store.rows("UPDATE event SET created_at = '2026-01-01 00:00:00+00'")
    await sweep_one(sending.database, sending.settings, ACME)
    assert sending.store.rows(count) == [(0,)], "one that is off keeps nothing"


async def test_a_maker_who_loses_the_right_loses_the_webhook(sending: Sending, receiver: Receiver) -> None:
    number, _ = await sending.make(receiver.url, RENAMED)
    sending.store.rows("UPDATE member SET role = 'member' WHERE id = 2")
    await sending.happen("Not for Bruno's server")
    await sending.send_out()
    assert receiver.requests == []
    assert not sending.turn(number)["active"]
    told = sending.store.rows("SELECT member_id FROM notification WHERE kind = 'webhook'")
    assert told == [(1,)], "Ana, who is an owner"
    with pytest.raises(Invalid):
        await sending.change(set_webhook_enabled, number, enabled=True)
    for what in ("test", "again"):
        await sending.change(ask_to_send, number, what, sending.cursor())
    await sending.send_out()
    assert receiver.requests == []
    sending.store.rows("UPDATE member SET role = 'admin', suspended_at = '2026-01-01 00:00:00+00' WHERE id = 2")
    with pytest.raises(Invalid):
        await sending.change(set_webhook_enabled, number, enabled=True)


async def test_a_suspended_workspace_sends_nothing_and_loses_nothing(sending: Sending, receiver: Receiver) -> None:
    await sending.make(receiver.url, RENAMED)
    await sending.happen("Waits")
    sending.store.rows("UPDATE tenant SET suspended_at = '2026-01-01 00:00:00+00' WHERE id = 1")
    await sending.send_out()
    assert receiver.requests == []
    sending.store.rows("UPDATE tenant SET suspended_at = NULL WHERE id = 1")
    await sending.send_out()
    assert names_in(receiver) == ["Waits"]


async def test_what_is_in_private_rooms_is_sent_only_where_they_are_named_and_as_long_as_one_is_in_them(
    sending: Sending, receiver: Receiver
) -> None:
    async with sending.database.write(ACME) as transaction:
        bruno = await get_person(transaction, "bruno")
        room = await create_room(transaction, bruno, name="Secret", private=True)
        room_id = room.id
    await sending.make(receiver.url, "message.*")
    async with receiving() as inside, receiving() as outside:
        await sending.make(inside.url, "message.*", rooms=[room_id])
        await sending.make(outside.url, "message.*", by="ana", rooms=[room_id])
        await sending.change(say_in, "bruno", room.slug)
        await sending.send_out()
        assert [len(each.requests) for each in (receiver, inside, outside)] == [0, 1, 0]
        sending.store.rows(f"DELETE FROM membership WHERE room_id = {room_id} AND member_id = 2")
        sending.store.rows(
            f"INSERT INTO membership (tenant_id, room_id, member_id, joined_at, read_number, notify)"
            f" VALUES (1, {room_id}, 1, '2026-01-01 00:00:00+00', 0, 'everything')"
        )
        await sending.change(say_in, "ana", room.slug)
        await sending.send_out()
        assert [len(each.requests) for each in (receiver, inside, outside)] == [0, 1, 1]
    await sending.change(say_in, "ana", "general")
    await sending.send_out()
    assert [each.told["type"] for each in receiver.requests] == ["message.posted"]


async def say_in(transaction: Transaction, name: str, slug: str) -> None:
    person = await get_person(transaction, name)
    room = await get_room(transaction, person, slug)
    await post_message(transaction, room, person, key=f"{name} {slug}", text="Said")


async def test_only_admins_make_webhooks_and_to_the_public_internet(sending: Sending) -> None:
    for name in ("carla", "davi"):
        with pytest.raises(PageError):
            await sending.make("http://127.0.0.1:1/", by=name)
    sending.settings = replace(sending.settings, outgoing_networks="", outgoing_http=False)
    for address in ("http://example.org/", "https://127.0.0.1/", "https://[::1]/", "https://169.254.169.254/x", "no"):
        with pytest.raises(Invalid):
            await sending.make(address)
    for kind in ("", "record", "nonsense.*", "record.*.*", "*", "record.changd"):
        with pytest.raises(Invalid):
            await sending.make("https://example.org/", kind)
    number, _ = await sending.make("https://example.org/", "record.*")
    await sending.change(remove_webhook, number)
    assert sending.store.rows("SELECT count(*) FROM webhook_turn") == [(0,)]
    for _ in range(20):
        await sending.make("https://example.org/")
    with pytest.raises(Invalid):
        await sending.make("https://example.org/")


async def test_the_audit_log_says_why_one_was_turned_off() -> None:
    about = {"by": Actor("page"), "webhook_id": 1, "member_id": 2, "host": "hooks.test"}
    said = [WebhookGivenUp(**about, why=why).entry.what for why in (RIGHTS_LOST, SAYS_GONE, "it has failed")]
    assert said == ["webhook.rights-lost", "webhook.gone", "webhook.given-up"]


async def test_the_families_that_can_be_chosen_are_those_of_all_facts() -> None:
    found: set[str] = set()
    for path in Path(app.__file__).parent.rglob("*.py"):
        found.update(re.findall(r'LogEntry\(\s*f?"([a-z]+)\.', path.read_text()))
    assert found <= WEBHOOK_FAMILIES.keys()


async def test_the_receiver_of_the_documentation_knows_what_is_genuine(sending: Sending, receiver: Receiver) -> None:
    page = (Path(__file__).parents[2] / "docs/webhooks.md").read_text()
    named: dict[str, Any] = {}
    exec(page.partition("```python\n")[2].partition("```")[0], named)
    is_genuine = named["is_genuine"]
    _, secret = await sending.make(receiver.url, RENAMED)
    await sending.happen("Genuine")
    await sending.send_out()
    (came,) = receiver.requests
    assert is_genuine(secret, came.headers, came.body)
    assert not is_genuine(secret, came.headers, came.body + b" ")
    assert not is_genuine("whsec_" + "A" * 44, came.headers, came.body)
    assert not is_genuine(secret, came.headers | {"webhook-timestamp": "1"}, came.body)


async def test_a_webhook_that_is_removed_while_something_is_sent_to_it_is_gone(
    sending: Sending, receiver: Receiver, capsys: pytest.CaptureFixture[str]
) -> None:
    number, _ = await sending.make(receiver.url, RENAMED)
    await sending.happen("One", "Two")
    arrived = receiver.hang()
    await sending.sender.step()
    await arrived.wait()
    await sending.change(remove_webhook, number)
    receiver.stays.set()
    await sending.send_out()
    assert len(receiver.requests) == 1
    assert "[error" not in capsys.readouterr().out
