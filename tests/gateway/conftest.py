"""Apps, and the client libraries that the gateway is tested with."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import websockets

from app.accounts.scopes import SCOPES
from tests.conftest import RedisServer, Server, free_port, start_workers
from tests.databases import Store

HERE = Path(__file__).parent
MISSING = "the client libraries are missing: run `npm ci` in tests/gateway, as `make test` does"


@pytest.fixture(scope="module")
def workers(seeded: Store, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of two workers, which Redis joins, for all tests of a module."""
    redis_server = RedisServer(tmp_path_factory.mktemp("redis"), free_port())
    redis_server.start()
    with start_workers(seeded, tmp_path_factory.mktemp("workers"), redis_server) as made:
        yield made
    redis_server.stop()


def add_app(server: Server, slug: str = "acme", *options: str, name: str = "Front end") -> dict[str, Any]:
    """An app, as the command line makes and prints it."""
    done = server.run("app", "add", slug, name, *options)
    assert done.returncode == 0, done.stderr
    made: dict[str, Any] = json.loads(done.stdout)
    return made


def play(server: Server, scenario: str, **said: Any) -> None:
    """Let node play a scenario, whose tests all have to pass."""
    node = shutil.which("node")
    assert node, "node is missing: run tests/install-system-packages"
    assert (HERE / "node_modules" / "pusher-js").is_dir(), MISSING
    told = {
        "host": server.host("acme").partition(":")[0],
        "port": server.port,
        "hosts": [server.host(slug).partition(":")[0] for slug in ("acme", "", "ws")],
        "otherHost": server.host("globex").partition(":")[0],
        **said,
    }
    done = subprocess.run(
        [node, "--test", f"{scenario}.test.mjs"],
        cwd=HERE,
        env={"PATH": os.environ["PATH"], "SAID": json.dumps(told)},
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stdout[-8000:] + done.stderr[-2000:]
    assert "# pass 0" not in done.stdout


class Client:
    """A socket of the gateway, without a library: for what libraries don't let one see or do."""

    def __init__(self, socket: websockets.ClientConnection) -> None:
        self.socket = socket
        self.socket_id = ""

    async def say(self, event: str, data: Any = None, **more: Any) -> None:
        await self.socket.send(json.dumps({"event": event, "data": data if data is not None else {}, **more}))

    async def hear(self) -> dict[str, Any]:
        """The next message, with what is JSON in it."""
        message: dict[str, Any] = json.loads(await self.socket.recv())
        if isinstance(message.get("data"), str) and message["data"][:1] in ("{", "["):
            message["data"] = json.loads(message["data"])
        return message

    async def hear_of(self, event: str) -> dict[str, Any]:
        """The next message of an event; others are left out."""
        while (message := await self.hear())["event"] != event:
            pass
        return message

    async def follow(self, channel: str, **more: Any) -> dict[str, Any]:
        """Follow a channel, and say what comes of it."""
        await self.say("pusher:subscribe", {"channel": channel, **more})
        while (message := await self.hear()).get("channel") != channel and message["event"] != "pusher:error":
            pass
        return message


Dial = Callable[..., Any]


@pytest.fixture
async def dial() -> AsyncIterator[Dial]:
    """Opens sockets of the gateway, and closes them at the end."""
    opened: list[websockets.ClientConnection] = []

    async def connect(server: Server, key: str, host: str = "acme", *, greeted: bool = True, **options: Any) -> Client:
        query = urlencode({"protocol": "7", "client": "test", "version": "1", **options.pop("query", {})})
        socket = await websockets.connect(
            f"ws://{server.host(host)}/app/{key}?{query}",
            host=server.address,
            port=server.port,
            compression=None,
            proxy=None,
            max_size=None,
            **options,
        )
        opened.append(socket)
        client = Client(socket)
        if greeted:
            hello = await client.hear()
            assert hello["event"] == "pusher:connection_established", hello
            client.socket_id = hello["data"]["socket_id"]
        return client

    yield connect
    for socket in opened:  # a farewell would wait behind what a test has not read
        socket.transport.abort()
        await socket.wait_closed()


def add_token(server: Server, email: str, slug: str = "acme") -> str:
    """A token of a member's, as the command line makes it."""
    scopes = [each for scope in SCOPES for each in ("--scope", scope)]
    return server.run("token", "add", slug, email, "--name", "front end", *scopes).stdout.strip()


def people_of(server: Server) -> dict[str, Any]:
    """The people of acme with a token each, an app, and somebody of another workspace."""
    names = ("ana", "bruno", "carla", "davi")
    rows = server.store.rows("SELECT email, id FROM member WHERE tenant_id = 1 AND email IS NOT NULL")
    return {
        "app": add_app(server, "acme", "--origin", "*"),
        "tenant": 1,
        "otherTenant": 2,
        "tokens": {name: add_token(server, f"{name}@acme.test") for name in names},
        "members": {email.partition("@")[0]: number for email, number in rows},
        "otherToken": add_token(server, "gil@globex.test", "globex"),
    }
