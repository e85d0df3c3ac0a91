"""An app's server is told who comes to its channels and goes, as Pusher's webhooks do, and its libraries verify it."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import pusher
import pytest

from app.database import Database
from app.gateway import app_deliveries
from app.gateway.app_deliveries import APP_DELIVERIES, keep_app_delivery
from app.gateway.app_turns import MOST_SENT_AGAIN
from app.gateway.app_webhooks import HOOK_KINDS, change_app_webhook
from app.gateway.apps import WantedApp, make_app
from app.tenants.deliveries import CameBack
from app.web.forms import Invalid
from tests.conftest import RedisServer, Server, free_port
from tests.databases import Store
from tests.gateway.conftest import HERE as LIBRARIES
from tests.gateway.conftest import Dial, add_app
from tests.receiver import Received, Receiver, answer, receiving
from tests.test_isolation import SETTINGS
from tests.waiting import until

HERE = replace(SETTINGS, secret_key="k" * 40, outgoing_http=True, outgoing_networks="127.0.0.1/32")
LOOPBACK = {"OUTGOING_HTTP": "1", "OUTGOING_NETWORKS": "127.0.0.1/32"}


def events_in(receiver: Receiver) -> list[dict[str, Any]]:
    """What has come, packet after packet."""
    return [event for each in receiver.requests for event in each.told["events"]]


def names_in(receiver: Receiver) -> list[str]:
    return [event["name"] for event in events_in(receiver)]


def is_genuine(made: dict[str, Any], received: Received) -> bool:
    """Whether the library of an app's server takes a request for one from here."""
    library = pusher.Pusher(app_id=made["id"], key=made["key"], secret=made["secret"])
    told = received.headers
    read = library.validate_webhook(told["x-pusher-key"], told["x-pusher-signature"], received.body.decode())
    return read is not None and read["events"] == received.told["events"]


@pytest.fixture(scope="module")
def workers(seeded: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two workers that may send to this machine."""
    redis_server = RedisServer(tmp_path_factory.mktemp("redis"), free_port())
    redis_server.start()
    folder = tmp_path_factory.mktemp("workers")
    seeded.copy_to(folder)
    made = Server(folder, free_port(), {"REDIS_URL": redis_server.url, **LOOPBACK}, workers=2)
    made.start()
    yield made
    made.stop()
    made.store.drop()
    redis_server.stop()


@pytest.mark.alike
async def test_what_happens_on_channels_is_told_once_over_two_workers_and_verified_by_the_libraries(
    workers: Server, dial: Dial
) -> None:
    made = add_app(workers)
    library = pusher.Pusher(app_id=made["id"], key=made["key"], secret=made["secret"])
    async with receiving() as receiver:
        done = workers.run("app", "webhook", "acme", made["id"], receiver.url)
        assert done.stdout.split("\t") == [receiver.url, " ".join(sorted(HOOK_KINDS)) + "\n"], done.stderr
        clients = [await dial(workers, made["key"]) for _ in range(6)]
        for number, client in enumerate(clients):
            await client.follow("news")
            person = {"user_id": f"user-{number % 2}"}
            await client.follow("presence-room", **library.authenticate("presence-room", client.socket_id, person))
        await clients[0].follow("cache-news")
        said = {"event": "client-typing", "channel": "presence-room", "data": {"é": 1}}
        await clients[0].socket.send(json.dumps(said))
        await until(lambda: len(events_in(receiver)) >= 7)
        for client in clients[1:]:
            await client.socket.close()
        await until(lambda: "member_removed" in names_in(receiver))
        await clients[0].socket.close()
        await until(lambda: names_in(receiver).count("channel_vacated") == 3 and len(events_in(receiver)) >= 12)
    come = sorted(events_in(receiver), key=lambda event: (event["name"], event["channel"], event.get("user_id", "")))
    client_event = next(event for event in come if event["name"] == "client_event")
    assert client_event.pop("socket_id") == clients[0].socket_id
    room = {"channel": "presence-room"}
    assert come == [
        {"name": "cache_miss", "channel": "cache-news"},
        {"name": "channel_occupied", "channel": "cache-news"},
        {"name": "channel_occupied", "channel": "news"},
        {"name": "channel_occupied", **room},
        {"name": "channel_vacated", "channel": "cache-news"},
        {"name": "channel_vacated", "channel": "news"},
        {"name": "channel_vacated", **room},
        {"name": "client_event", **room, "event": "client-typing", "data": '{"é":1}', "user_id": "user-0"},
        *({"name": "member_added", **room, "user_id": f"user-{number}"} for number in (0, 1)),
        *({"name": "member_removed", **room, "user_id": f"user-{number}"} for number in (0, 1)),
    ]
    assert all(is_genuine(made, each) for each in receiver.requests)
    assert not is_genuine({**made, "secret": "another"}, receiver.requests[0])
    check_with_node(made, receiver.requests[0])


def check_with_node(made: dict[str, Any], received: Received) -> None:
    """The library for Node takes a request for one from here, too."""
    script = """
        import Pusher from "pusher";
        const [made, headers, rawBody] = JSON.parse(process.argv[1]);
        const library = new Pusher({ appId: made.id, key: made.key, secret: made.secret, host: "localhost" });
        const webhook = library.webhook({ headers, rawBody });
        process.stdout.write(JSON.stringify([webhook.isValid(), webhook.getEvents()]));
    """
    node = shutil.which("node")
    assert node, "node is missing: run tests/install-system-packages"
    told = json.dumps([made, received.headers, received.body.decode()])
    done = subprocess.run(
        [node, "--input-type=module", "-e", script, told], cwd=LIBRARIES, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [True, received.told["events"]]


async def test_the_newest_that_was_sent_to_an_apps_server_is_kept(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(app_deliveries, "MOST_APP_DELIVERIES", 3)
    async with database.write(1) as transaction:
        one, _ = await make_app(transaction, None, WantedApp("One"))
        other, _ = await make_app(transaction, None, WantedApp("Other"))
        for app in (other, *[one] * 5):
            occupied = {"name": "channel_occupied", "channel": "c"}
            body = json.dumps({"events": [occupied, occupied, {"name": "cache_miss"}]})
            await keep_app_delivery(transaction, app.id, body, CameBack(3, 200, "Thanks"))
        for app, count in ((one, 3), (other, 1)):
            kept = await APP_DELIVERIES.read_page(transaction, app.id, "")
            assert kept.count == count
            assert {(each.kind, each.status, each.answer) for each in kept.items} == {
                ("channel_occupied, cache_miss", 200, "Thanks")
            }


async def test_a_page_shows_what_an_apps_server_was_told_and_sends_it_again(workers: Server, dial: Dial) -> None:
    made = add_app(workers)
    page = f"/settings/apps/{made['id']}/deliveries"
    said = [answer(500, b"<b>Not now</b>"), answer(200)]
    async with receiving(lambda _: said[0]) as receiver, aclosing(workers.let_in("acme", "bruno@acme.test")) as bruno:
        assert "Nothing yet." in (await bruno.get(page)).text
        assert workers.run("app", "webhook", "acme", made["id"], receiver.url).returncode == 0
        client = await dial(workers, made["key"])
        await client.follow("lobby")

        async def shows(words: str) -> bool:
            return words in (await bruno.get(page)).text

        await until(lambda: shows("channel_occupied"))
        text = (await bruno.get(page)).text
        assert "&lt;b&gt;Not now" in text
        assert "&#34;lobby&#34;" in text
        said.pop(0)
        ((number,),) = workers.store.rows("SELECT min(id) FROM gateway_app_delivery WHERE app_id = ?", int(made["id"]))
        async with aclosing(workers.let_in("acme", "carla@acme.test")) as carla:
            assert (await carla.get(page)).status_code == 403
            assert (await carla.post(f"{page}/again", data={"delivery": number})).status_code == 403
        other = add_app(workers)
        elsewhere = f"/settings/apps/{other['id']}/deliveries/again"
        assert (await bruno.post(elsewhere, data={"delivery": number})).status_code == 404, "it is another app's"
        before = len(receiver.requests)
        assert (await bruno.post(f"{page}/again", data={"delivery": number})).status_code == 303
        first = receiver.requests[0].told["events"]
        await until(lambda: first in [each.told["events"] for each in receiver.requests[before:]])
        again = [each for each in receiver.requests if each.told["events"] == first]
        assert all(is_genuine(made, each) for each in again)
        await until(lambda: shows(" 200 "))
        assert workers.run("app", "webhook", "acme", made["id"], "--off").returncode == 0
        assert (await bruno.post(f"{page}/again", data={"delivery": number})).status_code == 303
        await until(lambda: shows("the app has no webhook any more"))
        for _ in range(MOST_SENT_AGAIN):
            workers.store.rows(
                "INSERT INTO gateway_app_turn (workspace_id, app_id, what, delivery_id, due_at)"
                " VALUES (1, ?, 'again', 0, '2999-01-01 00:00:00+00')",
                int(made["id"]),
            )
        refused = await bruno.post(f"{page}/again", data={"delivery": number})
        assert (refused.status_code, "Other events are still being sent" in refused.text) == (422, True)
        workers.store.rows("DELETE FROM gateway_app_turn")
        assert made["secret"] not in (await bruno.get(page)).text


async def test_a_webhook_of_an_app_goes_to_the_internet_alone_and_wants_something(database: Database) -> None:
    async with database.write(1) as transaction:
        app, bot = await make_app(transaction, None, WantedApp("Front end"))
        for address, kinds in (("https://127.0.0.1/", ["presence"]), ("x", ["presence"]), ("https://a.test/", [])):
            with pytest.raises(Invalid):
                await change_app_webhook(transaction, SETTINGS, None, app, bot, address, kinds)
        await change_app_webhook(transaction, SETTINGS, None, app, bot, "https://a.test/", ["presence"])
        await change_app_webhook(transaction, SETTINGS, None, app, bot, "", [])
        assert (app.hook_address, app.hook_kinds) == ("", [])
