"""What the libraries of clients don't let one see: signatures, limits, errors, and what is on the wire."""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import hmac
import json
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from typing import Any
from urllib.parse import urlencode

import httpx
import pusher
import pytest
import websockets

from tests.conftest import Server
from tests.gateway.conftest import Dial, add_app
from tests.waiting import until


def sign(secret: str, text: str) -> str:
    return hmac.new(secret.encode(), text.encode(), hashlib.sha256).hexdigest()


@asynccontextmanager
async def calling(server: Server, host: str = "acme") -> AsyncIterator[httpx.AsyncClient]:
    """An app's server, which sends neither cookies nor an origin, and stays connected."""
    async with server.client(host) as client:
        client.headers.pop("origin")
        client.headers.pop("sec-fetch-site")
        yield client


async def call(
    server: Server,
    app: dict[str, Any],
    path: str,
    content: Any = None,
    *,
    host: str = "acme",
    query: dict[str, str] | None = None,
    at: float | None = None,
    secret: str = "",
    body: bytes | None = None,
    by: httpx.AsyncClient | None = None,
    **changed: str,
) -> httpx.Response:
    """A call of an app's server, signed as the protocol has it; what is `changed` is so after it was signed."""
    method = "GET" if content is None and body is None else "POST"
    sent = body if body is not None else b"" if content is None else json.dumps(content).encode()
    said = {
        "auth_key": app["key"],
        "auth_timestamp": str(int(at or time.time())),
        "auth_version": "1.0",
        **(query or {}),
    }
    if sent:
        said["body_md5"] = hashlib.md5(sent).hexdigest()
    address = f"/apps/{app['id']}{path}"
    pairs = "&".join(f"{name}={said[name]}" for name in sorted(said))
    said["auth_signature"] = sign(secret or app["secret"], f"{method}\n{address}\n{pairs}")
    async with nullcontext(by) if by else calling(server, host) as client:
        return await client.request(method, f"{address}?{urlencode(said | changed)}", content=sent)


async def test_the_beginning_of_a_socket_and_its_messages_are_as_the_protocol_has_them(
    shared_server: Server, dial: Dial
) -> None:
    app = add_app(shared_server)
    client = await dial(shared_server, app["key"], greeted=False)
    raw = json.loads(await client.socket.recv())
    assert raw["event"] == "pusher:connection_established"
    assert isinstance(raw["data"], str), "JSON inside of JSON"
    socket_id = json.loads(raw["data"])["socket_id"]
    assert json.loads(raw["data"]) == {"socket_id": socket_id, "activity_timeout": 30}
    await client.say("pusher:subscribe", {"channel": "news"})
    assert json.loads(await client.socket.recv()) == {
        "event": "pusher_internal:subscription_succeeded",
        "data": "{}",
        "channel": "news",
    }
    await client.say("pusher:ping")
    assert (await client.hear())["event"] == "pusher:pong"
    assert (await call(shared_server, app, "/events", {"name": "n", "data": "plain", "channel": "news"})).json() == {}
    assert json.loads(await client.socket.recv()) == {"event": "n", "data": "plain", "channel": "news"}
    said = '{"user_id":3}'
    auth = f"{app['key']}:{sign(app['secret'], f'{socket_id}:presence-r:{said}')}"
    joined = await client.follow("presence-r", auth=auth, channel_data=said)
    assert joined["data"] == {"presence": {"count": 1, "ids": ["3"], "hash": {"3": None}}}
    await client.say("pusher:unsubscribe", {"channel": "news"})
    await client.say("pusher:ping")
    assert (await client.hear())["event"] == "pusher:pong", "unsubscribing is not answered"


@pytest.mark.parametrize(
    ("key", "query", "code"),
    [("0" * 20, {}, 4001), ("1g" + "0" * 20, {}, 4001), ("", {}, 4001), (None, {"protocol": "3"}, 4007)],
)
async def test_who_names_no_app_or_speaks_another_version_is_told_so_and_closed(
    shared_server: Server, dial: Dial, key: str | None, query: dict[str, str], code: int
) -> None:
    own = add_app(shared_server)["key"] if key is None else key
    client = await dial(shared_server, own, greeted=False, query=query)
    error = await client.hear()
    assert (error["event"], error["data"]["code"]) == ("pusher:error", code)
    with pytest.raises(websockets.ConnectionClosed) as closed:
        await client.socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == code


async def test_a_page_of_another_site_is_told_so_and_closed_and_nothing_else_is_done(
    shared_server: Server, dial: Dial
) -> None:
    app = add_app(shared_server, "acme", "--origin", "https://front.example.org", "--origin", "*.example.net")
    for origin in ("https://evil.example", "http://front.example.org", "https://example.net", "null"):
        client = await dial(shared_server, app["key"], greeted=False, origin=origin)
        with contextlib.suppress(websockets.ConnectionClosed):  # it may be closed already
            await client.say("pusher:subscribe", {"channel": "news"})
        assert (await client.hear())["data"]["code"] == 4009
        with pytest.raises(websockets.ConnectionClosed):
            await client.socket.recv()
    own = f"http://{shared_server.host('acme')}"
    for origin in ("https://front.example.org", "http://a.example.net:81", own):
        assert (await dial(shared_server, app["key"], origin=origin)).socket_id
    await dial(shared_server, app["key"])  # a program says no origin


@pytest.mark.parametrize(
    "text",
    ["", "x", "[]", "{}", '{"event": 1}', '{"event": "pusher:subscribe"}', '{"event":"pusher:subscribe","data":"{"}'],
)
async def test_what_is_no_message_is_refused_and_the_socket_goes_on(
    shared_server: Server, dial: Dial, text: str
) -> None:
    client = await dial(shared_server, add_app(shared_server)["key"])
    await client.socket.send(text)
    assert (await client.hear())["data"]["code"] == 4200
    await client.say("pusher:ping")
    assert (await client.hear())["event"] == "pusher:pong"


async def test_a_message_that_is_too_large_ends_the_socket(shared_server: Server, dial: Dial) -> None:
    client = await dial(shared_server, add_app(shared_server)["key"])
    await client.socket.send("x" * 10_001)
    with pytest.raises(websockets.ConnectionClosed) as closed:
        await client.socket.recv()
    assert closed.value.rcvd is not None
    assert closed.value.rcvd.code == 1009


@pytest.mark.parametrize("host", ["acme.hero.localhost:8080", "hero.localhost:6001", "ws.hero.localhost"])
async def test_the_proxy_may_have_a_port_of_its_own_for_the_gateway_and_for_nothing_else(
    shared_server: Server, host: str
) -> None:
    app = add_app(shared_server)
    address = {"host": shared_server.address, "port": shared_server.port, "proxy": None}
    async with websockets.connect(f"ws://{host}/app/{app['key']}?protocol=7", **address) as socket:
        assert "pusher:connection_established" in str(await socket.recv())
    async with shared_server.client("acme", host=host) as client:
        assert (await client.get("/up")).json() == {"health": "OK"}
        for path in ("/login", "/api/v1/member"):
            assert (await client.get(path)).status_code == 400


@pytest.mark.parametrize("port", ["x", "", "0", "65536", "8080:1", "8080@evil.test", "080808"])
async def test_what_follows_the_colon_of_a_host_is_a_port(shared_server: Server, port: str) -> None:
    async with shared_server.client("acme", host=f"acme.hero.localhost:{port}") as client:
        answer = await client.get("/up")
    assert (answer.status_code, answer.json()) == (400, {"error": "bad request"})


@pytest.mark.parametrize("path", ["/up", "/apps/1/channels", "/broadcasting/auth"])
async def test_what_the_gate_refuses_is_told_as_the_gateway_tells_it(shared_server: Server, path: str) -> None:
    async with shared_server.client("acme", authorization="Bearer none") as client:
        answer = await client.request("POST" if "auth" in path else "GET", f"{path}?x=%00")
    assert (answer.status_code, answer.json()) == (400, {"error": "bad request"})
    assert answer.headers["content-type"] == "application/json"


async def test_a_server_may_sign_what_it_says_of_somebody_for_a_channel_without_presence(
    server: Server, dial: Dial
) -> None:
    app = add_app(server)
    client = await dial(server, app["key"])
    said = '{"user_id":"7"}'
    signature = sign(app["secret"], f"{client.socket_id}:private-b:{said}")
    wrong = await client.follow("private-b", auth=f"{app['key']}:{signature}")
    assert (wrong["event"], wrong["data"]["code"]) == ("pusher:error", 4009)
    told = await client.follow("private-b", auth=f"{app['key']}:{signature}", channel_data=said)
    assert told["event"] == "pusher_internal:subscription_succeeded"


async def test_clients_send_each_other_only_so_much_and_nothing_where_the_app_says_so(
    shared_server: Server, dial: Dial
) -> None:
    app = add_app(shared_server)
    client = await dial(shared_server, app["key"])
    await client.follow("private-a", auth=f"{app['key']}:{sign(app['secret'], f'{client.socket_id}:private-a')}")
    await client.follow("news")
    await client.say("client-typing", {}, channel="news")
    assert (await client.hear())["data"]["code"] == 4009, "not on public channels"
    for _ in range(30):
        await client.say("client-typing", {}, channel="private-a")
    assert (await client.hear())["data"]["code"] == 4301
    silent = add_app(shared_server, "acme", "--no-client-events")
    other = await dial(shared_server, silent["key"])
    await other.say("client-typing", {}, channel="private-a")
    assert (await other.hear())["data"]["code"] == 4301


async def test_a_call_is_done_only_as_it_was_signed(shared_server: Server) -> None:
    app, other = add_app(shared_server), add_app(shared_server, "globex")
    event = {"name": "n", "data": "d", "channel": "news"}
    for host in ("acme", "", "ws"):
        assert (await call(shared_server, app, "/events", event, host=host)).status_code == 200
    assert (await call(shared_server, app, "/events", event, host="globex")).status_code == 401
    for changed in ({"auth_timestamp": "1"}, {"body_md5": "0" * 32}, {"auth_signature": "0" * 64}, {"more": "1"}):
        assert (await call(shared_server, app, "/events", event, **changed)).status_code == 401, changed
    assert (await call(shared_server, app, "/events", event, at=time.time() - 700)).status_code == 401
    assert (await call(shared_server, app, "/events", event, at=time.time() + 500)).status_code == 200
    assert (await call(shared_server, app, "/events", event, secret=other["secret"])).status_code == 401
    assert (await call(shared_server, app | {"id": other["id"]}, "/events", event)).status_code == 404
    empty = {"body_md5": hashlib.md5(b"").hexdigest()}
    assert (await call(shared_server, app, "/channels", query=empty)).status_code == 200, "as Python's library does"
    assert (await call(shared_server, app, "/channels")).status_code == 200


@pytest.mark.parametrize(
    ("event", "status"),
    [
        ({"name": "n", "data": "x" * 10_000, "channel": "news"}, 200),
        ({"name": "n", "data": "x" * 10_001, "channel": "news"}, 413),
        ({"name": "n", "data": "d", "channels": [f"c{n}" for n in range(100)]}, 200),
        ({"name": "n", "data": "d", "channels": [f"c{n}" for n in range(101)]}, 400),
        ({"name": "n", "data": "d", "channels": []}, 400),
        ({"name": "n" * 201, "data": "d", "channel": "news"}, 400),
        ({"name": "pusher:error", "data": "d", "channel": "news"}, 400),
        ({"name": "n", "data": "d", "channel": "no space"}, 400),
        ({"name": "n", "data": "d", "channel": "x" * 165}, 400),
        ({"name": "n", "channel": "news"}, 400),
        ({"name": "n", "data": "d", "channel": "news", "socket_id": "x"}, 400),
        ({"name": "n", "data": "d", "channel": "private-tenant.1.collection.books"}, 403),
        ([], 400),
    ],
)
async def test_an_event_has_bounds(shared_server: Server, event: Any, status: int) -> None:
    app = add_app(shared_server)
    assert (await call(shared_server, app, "/events", event)).status_code == status


async def test_a_body_that_is_far_too_large_is_not_read(shared_server: Server) -> None:
    assert (await call(shared_server, add_app(shared_server), "/events", body=b"x" * 400_000)).status_code == 413


async def test_the_secret_before_is_good_until_it_is_dropped_and_an_ended_app_is_none(
    shared_server: Server, dial: Dial
) -> None:
    app = add_app(shared_server)
    event = {"name": "n", "data": "d", "channel": "news"}
    renewed = app | {"secret": shared_server.run("app", "secret", "acme", app["id"]).stdout.strip()}
    assert renewed["secret"] != app["secret"]
    for each in (app, renewed):
        assert (await call(shared_server, each, "/events", event)).status_code == 200
    assert shared_server.run("app", "secret", "acme", app["id"], "--drop-old").returncode == 0
    assert (await call(shared_server, app, "/events", event)).status_code == 401
    assert (await call(shared_server, renewed, "/events", event)).status_code == 200
    client = await dial(shared_server, app["key"])
    assert shared_server.run("app", "end", "acme", app["id"]).returncode == 0
    assert (await call(shared_server, renewed, "/events", event)).status_code == 401
    assert (await client.hear())["data"]["code"] == 4001, "it is cut off"
    refused = await dial(shared_server, app["key"], greeted=False)
    assert (await refused.hear())["data"]["code"] == 4001


async def test_a_reader_that_is_stuck_is_dropped_and_the_others_lose_nothing(shared_server: Server, dial: Dial) -> None:
    app = add_app(shared_server)
    stuck, other = await dial(shared_server, app["key"], max_queue=1), await dial(shared_server, app["key"])
    for client in (stuck, other):
        await client.follow("busy")
    stuck.socket.transport.pause_reading()
    heard: list[int] = []

    async def listen() -> None:
        while len(heard) < 600:
            heard.append((await other.hear_of("n"))["data"]["n"])

    listening = asyncio.create_task(listen())
    for number in range(600):
        data = json.dumps({"n": number, "more": "x" * 9000})
        assert (
            await call(shared_server, app, "/events", {"name": "n", "data": data, "channel": "busy"})
        ).status_code == 200
    async with asyncio.timeout(30):
        await listening
    assert heard == list(range(600))
    await until(lambda: "slow reader" in shared_server.log)


async def test_the_library_for_python_does_every_call(
    workers: Server, dial: Dial, monkeypatch: pytest.MonkeyPatch
) -> None:
    look_up = socket.getaddrinfo

    def look_up_here(host: Any, *more: Any, **named: Any) -> Any:
        return look_up("127.0.0.1" if str(host).endswith("localhost") else host, *more, **named)

    monkeypatch.setattr(socket, "getaddrinfo", look_up_here)
    made = add_app(workers)
    host = workers.host("acme").partition(":")[0]
    app = pusher.Pusher(made["id"], made["key"], made["secret"], ssl=False, host=host, port=workers.port)
    client, other = await dial(workers, made["key"]), await dial(workers, made["key"])
    await client.follow("news")
    signed = app.authenticate("presence-room", client.socket_id, {"user_id": "ana", "user_info": {"name": "Ana"}})
    joined = await client.follow("presence-room", **signed)
    assert joined["data"]["presence"]["hash"] == {"ana": {"name": "Ana"}}

    def run(work: Any, *arguments: Any, **named: Any) -> Any:
        return asyncio.to_thread(work, *arguments, **named)

    await run(app.trigger, ["news", "other"], "created", {"title": "Casmurro"}, client.socket_id)
    await run(app.trigger_batch, [{"channel": "news", "name": "created", "data": {"n": 1}}])
    assert (await client.hear())["data"] == {"n": 1}, "and not what it was left out of"
    there = {"presence-room": {"user_count": 1}}

    async def are_there() -> bool:
        return bool((await run(app.channels_info, "presence-", ["user_count"]))["channels"] == there)

    await until(are_there)
    about = await run(app.channel_info, "presence-room", ["user_count", "subscription_count"])
    assert about == {"occupied": True, "user_count": 1, "subscription_count": 1}
    assert (await run(app.users_info, "presence-room"))["users"] == [{"id": "ana"}]
    user_data = json.dumps({"id": "ana"})
    auth = f"{made['key']}:{sign(made['secret'], f'{other.socket_id}::user::{user_data}')}"
    await other.say("pusher:signin", {"auth": auth, "user_data": user_data})
    assert (await other.hear())["event"] == "pusher:signin_success"
    await run(app.send_to_user, "ana", "greeting", {"hello": "Ana"})
    assert (await other.hear())["data"] == {"hello": "Ana"}
    await run(app.terminate_user_connections, "ana")
    assert (await other.hear())["data"]["code"] == 4009
