"""What the server's log tells, and what it must never tell."""

from __future__ import annotations

import asyncio
import json
import re
import signal
from contextlib import aclosing
from email import message_from_bytes, policy

from app.demo import PASSWORD
from tests.conftest import Server

WRONG = "a wrong but secret password"


async def until(server: Server, pattern: str) -> str:
    """Wait for a line in the server's log."""
    async with asyncio.timeout(20):
        while True:
            if found := re.search(pattern, server.log):
                return found[0]
            await asyncio.sleep(0.02)


async def wait_for_link(server: Server) -> str:
    """The token of the only mail, as soon as it is there."""
    async with asyncio.timeout(20):
        while True:
            if token := read_link(server):
                return token
            await asyncio.sleep(0.02)


def read_link(server: Server) -> str:
    """The token of the only mail in the outbox, '' while there is none."""
    for path in (server.data_dir / "outbox").glob("*.eml"):
        body = message_from_bytes(path.read_bytes(), policy=policy.default).get_body(("plain",))
        if body and (found := re.search(r"token=(\S+)", body.get_content())):
            return found[1]
    return ""


async def test_no_password_token_or_cookie_is_ever_logged(server: Server) -> None:
    secrets = [PASSWORD, WRONG]
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        secrets.append(ana.headers["cookie"].partition("=")[2])
        await ana.post("/login", data={"email": "ana@acme.test", "password": WRONG})
        await ana.post("/account/password", data={"password": WRONG, "new_password": WRONG})
        await ana.post("/forgotten", data={"email": "ana@acme.test"})
        token = await wait_for_link(server)
        secrets.append(token)
        await ana.get("/password", params={"token": token})
        await ana.post("/password", data={"token": token, "password": WRONG})
        async with server.connect("acme", ana) as socket:
            await socket.send("no hello")
            await socket.wait_closed()
        async with aclosing(await server.sign_in("acme", "carla@acme.test")) as carla:
            secrets.append(carla.headers["cookie"].partition("=")[2])
            async with server.connect("acme", carla) as socket:
                await socket.send(json.dumps({"sub": "tenant nothing", "last": 0, "n": 1}))
                await socket.recv()
            await carla.get("/c/books", headers={"cookie": carla.headers["cookie"] + "; session=twice"})
    async with server.client("") as visitor:
        made = await visitor.post(
            "/signup",
            data={"workspace": "W", "slug": "logged", "name": "N", "email": "n@logged.test", "password": WRONG},
        )
        secrets.append(made.headers["refresh"].partition("token=")[2])
    await until(server, "refused")
    log = server.log
    assert all(len(secret) > 10 for secret in secrets)
    assert [secret for secret in secrets if secret in log] == []


async def test_debug_prints_the_flow_of_messages_a_line_each(server: Server) -> None:
    async with aclosing(await server.sign_in("acme", "carla@acme.test")) as carla:
        ((cursor,),) = server.store.rows("SELECT cursor FROM tenant WHERE slug = 'acme'")
        async with server.connect("acme", carla) as socket:
            await socket.send(json.dumps({"sub": "tenant collection.1 admins", "last": cursor, "n": 1}))
            await socket.recv()
            connected = await until(server, r"connected .*")
            subscribed = await until(server, r"subscribed .*")
            refused = await until(server, r"refused .*")
            await carla.post("/c/books/new", data={"title": "Seen in the log"})
            done = await until(server, r"done .*fact=RecordChanged.*")
            delivered = await until(server, r"delivered .*channel=collection\.1.*")
        closed = await until(server, r"closed .*")
        async with server.connect("acme", carla) as socket:
            await socket.send(json.dumps({"sub": "collection.1", "last": cursor, "n": 1}))
            await socket.recv()
            resumed = await until(server, r"resumed .*")
            await carla.post("/logout")
            ended = await until(server, r"closed by us .*")
    assert "tenant=acme" in connected
    assert "channels='tenant collection.1'" in subscribed
    assert "channel=admins" in refused
    assert "reason='not allowed'" in refused
    for part in ("bytes=", "cursor=", "sockets=1", "tenant=acme"):
        assert part in delivered
    for part in ("by=3", "way=page", "tenant=acme", "cursor=", "kind=record", "what=created"):
        assert part in done
    number = re.search(r"socket=(\d+)", connected)
    assert number
    assert all(f"socket={number[1]}" in line for line in (subscribed, closed))
    assert f"socket={number[1]}" not in resumed
    assert "code=1000" in closed
    assert f"after={cursor}" in resumed
    assert "events=1" in resumed
    assert "code=4401" in ended
    assert "reason=ended" in ended


async def test_without_debug_every_line_is_json(server: Server) -> None:
    server.stop()
    server.log_path.unlink()
    server.debug = False
    server.start()
    carla = await server.sign_in("acme", "carla@acme.test")
    async with aclosing(carla), server.connect("acme", carla) as socket:
        await socket.send(json.dumps({"sub": "tenant admins", "last": 0, "n": 1}))
        await socket.recv()
    await until(server, '"refused"')
    await asyncio.to_thread(server.stop, signal.SIGTERM)
    lines = [json.loads(line) for line in server.log.splitlines()]
    refused = next(line for line in lines if line["event"] == "refused")
    assert refused["level"] == "warning"
    assert refused["tenant"] == "acme"
    assert refused["channel"] == "admins"
    assert refused["reason"] == "not allowed"
    assert "timestamp" in refused
    assert not {"connected", "subscribed", "delivered"} & {line["event"] for line in lines}
