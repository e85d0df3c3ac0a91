"""What no client or server of good will sends: it is refused where it is read, and nobody else notices."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest
import websockets

from app.gateway.names import MOST_SUBSCRIBED
from tests.conftest import Server
from tests.gateway.conftest import Client, Dial, add_app
from tests.gateway.test_own_channels import call, sign

HALF = "\\ud83d"  # half of an emoji, as JSON writes it


def sign_person(app: dict[str, Any], client: Client, channel_data: str) -> dict[str, str]:
    """What lets a client follow `presence-room` as somebody."""
    auth = f"{app['key']}:{sign(app['secret'], f'{client.socket_id}:presence-room:{channel_data}')}"
    return {"auth": auth, "channel_data": channel_data}


@pytest.mark.parametrize(
    "channel_data",
    [
        f'{{"user_id":"{HALF}"}}',
        f'{{"user_id":"1","user_info":{{"name":"{HALF}"}}}}',
        f'{{"user_id":"1","user_info":{{"{HALF}":1}}}}',
        '{"user_id":"1","user_info":NaN}',
        '{"user_id":"1","user_info":[1e999]}',
    ],
)
async def test_who_can_not_be_told_of_comes_to_no_channel_and_others_come_and_go(
    shared_server: Server, dial: Dial, channel_data: str
) -> None:
    app = add_app(shared_server)
    client, first, second = [await dial(shared_server, app["key"]) for _ in range(3)]
    refused = await client.follow("presence-room", **sign_person(app, client, channel_data))
    assert refused["data"]["code"] == 4200
    await first.follow("presence-room", **sign_person(app, first, '{"user_id":"first"}'))
    joined = await second.follow("presence-room", **sign_person(app, second, '{"user_id":"second 😀"}'))
    assert joined["data"]["presence"]["ids"] == ["first", "second 😀"]
    assert (await first.hear())["data"]["user_id"] == "second 😀"
    await client.socket.close()
    await second.socket.close()
    assert (await first.hear())["event"] == "pusher_internal:member_removed"


@pytest.mark.parametrize(
    "text",
    [
        f'{{"event":"client-{HALF}","channel":"private-a","data":1}}',
        f'{{"event":"client-a","channel":"private-a","data":"{HALF}"}}',
        f'{{"event":"client-a","channel":"private-a","data":{{"{HALF}":1}}}}',
        '{"event":"client-a","channel":"private-a","data":NaN}',
        '{"event":"client-a","channel":"private-a","data":-Infinity}',
        '{"event":"client-a","channel":"private-a","data":' + "[" * 4000 + "]" * 4000 + "}",
        f'{{"event":"client-a","channel":"{HALF}","data":1}}',
        f'{{"event":"{HALF}"}}',
        f'{{"event":"pusher:subscribe","data":{{"channel":"{HALF}"}}}}',
        f'{{"event":"pusher:subscribe","data":{{"channel":"private-b","auth":"k:{HALF}"}}}}',
        '{"event":"pusher:subscribe","data":"{\\"channel\\":\\"private-b\\",\\"auth\\":\\"k:' + "\\" + HALF + '\\"}"}',
        f'{{"event":"pusher:signin","data":{{"user_data":"{{}}","auth":"k:{HALF}"}}}}',
    ],
)
async def test_a_message_that_can_not_be_passed_on_is_refused_and_the_socket_goes_on(
    shared_server: Server, dial: Dial, text: str
) -> None:
    app = add_app(shared_server)
    client, other = await dial(shared_server, app["key"]), await dial(shared_server, app["key"])
    for each in (client, other):
        await each.follow("private-a", auth=f"{app['key']}:{sign(app['secret'], f'{each.socket_id}:private-a')}")
    await client.socket.send(text)
    assert (await client.hear())["data"]["code"] == 4200
    await client.say("client-typing", {"n": 1}, channel="private-a")
    assert (await other.hear())["event"] == "client-typing"


async def test_who_signs_in_as_nobody_that_can_be_told_of_is_refused(shared_server: Server, dial: Dial) -> None:
    app = add_app(shared_server)
    client = await dial(shared_server, app["key"])
    user_data = f'{{"id":"{HALF}"}}'
    auth = f"{app['key']}:{sign(app['secret'], f'{client.socket_id}::user::{user_data}')}"
    await client.say("pusher:signin", {"auth": auth, "user_data": user_data})
    assert (await client.hear())["data"]["code"] == 4200


@pytest.mark.parametrize(
    "event",
    [
        f'{{"name":"{HALF}","channel":"cache-a","data":"d"}}',
        f'{{"name":"n","channel":"cache-a","data":"{HALF}"}}',
        f'{{"name":"n","channel":"cache-a","data":{{"a":["{HALF}"]}}}}',
        f'{{"name":"n","channel":"#server-to-user-{HALF}","data":"d"}}',
        f'{{"name":"n","channels":["cache-a","{HALF}"],"data":"d"}}',
        '{"name":"n","channel":"cache-a","data":NaN}',
    ],
)
async def test_an_event_that_can_not_be_passed_on_is_400_and_poisons_no_channel(
    shared_server: Server, dial: Dial, event: str
) -> None:
    app = add_app(shared_server)
    for path, body in (("/events", event), ("/batch_events", f'{{"batch":[{event}]}}')):
        refused = await call(shared_server, app, path, body=body.encode())
        assert (refused.status_code, refused.json()) == (400, {"error": "the body is not JSON"})
    client = await dial(shared_server, app["key"])
    await client.follow("cache-a")
    assert (await client.hear())["event"] == "pusher:cache_miss"


async def test_a_grant_is_not_asked_for_in_what_is_no_text(shared_server: Server) -> None:
    async with shared_server.client("acme", authorization="Bearer none") as caller:
        for name in ("origin", "sec-fetch-site"):
            caller.headers.pop(name)
        for more in (HALF, "😀"):
            said = f'{{"socket_id":"1.1","channel_name":"private-user.{more}"}}'
            answer: httpx.Response = await caller.post(
                "/broadcasting/auth", content=said.encode(), headers={"content-type": "application/json"}
            )
            assert answer.status_code == (400 if more == HALF else 401), json.dumps(answer.text)


@pytest.mark.parametrize("twice", ["authorization", "content-type", "origin"])
async def test_a_grant_is_not_asked_for_with_a_header_that_comes_twice(shared_server: Server, twice: str) -> None:
    said = {"authorization": "Bearer none", "content-type": "application/json", "origin": "https://app.example"}
    async with shared_server.client("acme") as caller:
        for name in ("origin", "sec-fetch-site"):
            caller.headers.pop(name)
        answer: httpx.Response = await caller.post(
            "/broadcasting/auth", content=b"{}", headers=[*said.items(), (twice, said[twice])]
        )
    assert (answer.status_code, answer.json()) == (400, {"error": "send each header once"})


@pytest.mark.parametrize(
    ("changed", "status"),
    [
        ({"body_md5": "é" * 32}, 401),
        ({"auth_signature": "é" * 64}, 401),
        ({"auth_timestamp": "²"}, 401),
        ({"auth_timestamp": "١٢٣"}, 401),
        ({"auth_key": "é\0"}, 400),
        ({f"n{number}": "1" for number in range(50)}, 400),
    ],
)
async def test_a_call_with_odd_parameters_is_refused_in_words(
    shared_server: Server, changed: dict[str, Any], status: int
) -> None:
    event = {"name": "n", "data": "d", "channel": "news"}
    before = shared_server.log.count("Traceback")
    refused = await call(shared_server, add_app(shared_server), "/events", event, **changed)
    assert refused.status_code == status
    assert refused.json()["error"]
    assert shared_server.log.count("Traceback") == before


@pytest.mark.parametrize("auth", ["{key}:é", "é:{key}", "workspace:é.é", "workspace:e30.é", ":", ""])
async def test_odd_signatures_are_refused(shared_server: Server, dial: Dial, auth: str) -> None:
    app = add_app(shared_server)
    client = await dial(shared_server, app["key"])
    for channel in ("private-a", "private-tenant.1"):
        refused = await client.follow(channel, auth=auth.format(key=app["key"]))
        assert refused["data"]["code"] == 4009


async def test_a_socket_follows_as_many_channels_at_once_as_it_may_and_no_more(
    shared_server: Server, dial: Dial
) -> None:
    client = await dial(shared_server, add_app(shared_server)["key"])
    for number in range(MOST_SUBSCRIBED + 1):
        await client.say("pusher:subscribe", {"channel": f"c{number}"})
    for number in range(MOST_SUBSCRIBED):
        told = await client.hear()
        assert (told["event"], told["channel"]) == ("pusher_internal:subscription_succeeded", f"c{number}")
    assert (await client.hear())["data"] == {"code": 4301, "message": "Too many channels on one connection"}
    await client.say("pusher:unsubscribe", {"channel": "c0"})
    assert (await client.follow("another"))["event"] == "pusher_internal:subscription_succeeded"


async def test_a_flood_of_frames_ends_a_socket(shared_server: Server, dial: Dial) -> None:
    client = await dial(shared_server, add_app(shared_server)["key"])
    with pytest.raises(websockets.ConnectionClosed) as closed:
        for _ in range(3 * MOST_SUBSCRIBED):
            await client.say("pusher:pong")
        await client.hear()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1008
