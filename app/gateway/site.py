"""The gateway as the gate knows it: the sockets of clients, what servers call, and what asks for the workspace's own
channels."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from typing import Any

import structlog
from litestar.types import Receive, Send
from msgspec.structs import replace

from app.background import in_background
from app.database import Database, check_holds_none
from app.gateway.api import ApiRefused, answer_call, check_call, read_call
from app.gateway.app_sending import HookSender
from app.gateway.channel_auth import AUTH_LIMIT, answer_auth, answer_preflight_of_auth
from app.gateway.connection import GatewayConnection
from app.gateway.exchange import GATEWAY_BEAT, Exchange
from app.gateway.keeping import EditingChannels
from app.gateway.known_apps import KnownApp, read_app
from app.gateway.lost_sight import LostSight
from app.gateway.messages import NO_SUCH_APP, SocketRefused
from app.gateway.names import OF_USERS
from app.gateway.socket import serve_gateway_socket
from app.gateway.workspace import WorkspaceChannels
from app.live.node import Node
from app.settings import Settings
from app.web.errors import first_line, is_database_away
from app.web.outgoing import Outgoing

# What a call may have besides ten events.
CALL_LIMIT = 64 * 1024
CONTENT = (b"content-type", b"application/json")

log = structlog.get_logger("gateway")


class Gateway:
    """The gateway of this process."""

    def __init__(self, settings: Settings, database: Database, node: Node, outgoing: Outgoing) -> None:
        self.settings = settings
        self.database = database
        self.node = node
        self.exchange = Exchange(node)
        self.known: dict[str, KnownApp] = {}
        self.workspace = WorkspaceChannels(self)
        self.editing = EditingChannels(self)
        self.hooks = HookSender(database, settings, outgoing)
        self.exchange.occupancy.offer = self.hooks.offer
        self.lost_sight = LostSight(database, self.exchange.occupancy)

    def add(self, connection: GatewayConnection, cursor: int) -> None:
        """A socket was accepted; from here on its workspace's events come here, too."""
        hub = self.node.hub
        hub.add(connection)
        hub.follow(connection, (), cursor)
        hub.listeners[connection.tenant_id] = self.workspace.take
        self.exchange.add(connection)

    def remove(self, connection: GatewayConnection) -> None:
        """A socket is gone."""
        hub = self.node.hub
        with contextlib.ExitStack() as stack:  # all of it, whatever fails
            stack.callback(self.let_go, connection.tenant_id)
            stack.callback(hub.remove, connection)
            stack.callback(self.exchange.remove, connection)
            stack.callback(self.workspace.leave, connection)

    def let_go(self, tenant_id: int) -> None:
        """Listen to a workspace's events no more if it has no socket here."""
        hub = self.node.hub
        if not any(isinstance(each, GatewayConnection) for each in hub.connections.get(tenant_id, ())):
            hub.listeners.pop(tenant_id, None)
            self.forget_apps(tenant_id)

    async def open_app(self, key: str, scope: Any) -> KnownApp:
        """The app of a socket. Raises SocketRefused.

        While its workspace has sockets here, what changes of its apps is heard as it happens, and none is looked up
        twice.
        """
        hub, slug = self.node.hub, scope["state"]["slug"] or ""
        known = self.known.get(key)
        if known is not None and known.tenant_id in hub.listeners and slug in ("", known.slug):
            return replace(known, cursor=hub.cursors.get(known.tenant_id, known.cursor))
        async with self.node.lookups, self.database.read() as transaction:
            app = await read_app(transaction, key, scope["state"]["slug"] or "", self.settings.secret_key)
        if app is None:
            raise SocketRefused(NO_SUCH_APP)
        self.known[key] = app
        return app

    def forget_apps(self, tenant_id: int) -> None:
        """Look the apps of a workspace up anew."""
        self.known = {key: app for key, app in self.known.items() if app.tenant_id != tenant_id}

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Serve a socket, or answer a request."""
        if scope["type"] == "websocket":
            await serve_gateway_socket(scope, receive, send, self)
            return
        fields: list[tuple[bytes, bytes]] = []
        try:
            if scope["path"].startswith("/broadcasting/"):
                status, content, fields = await self.answer_who_asks(scope, receive)
            else:
                status, content = await self.answer(scope, receive)
        except ApiRefused as refusal:
            status, content = refusal.args[0], {"error": refusal.args[1]}
            log.info("call refused", path=scope["path"][:100], status=status, reason=refusal.args[1])
        except Exception as error:
            if not is_database_away(error):
                raise
            log.error("the database is not available", path=scope["path"], reason=first_line(error))
            status, content = 503, {"error": "not available right now"}
        await send_json(send, status, content, *fields)

    async def answer_who_asks(self, scope: Any, receive: Receive) -> tuple[int, Any, list[tuple[bytes, bytes]]]:
        """The answer to who asks for a channel of the workspace, with its headers. Raises ApiRefused."""
        if scope["path"] not in ("/broadcasting/auth", "/broadcasting/user-auth"):
            raise ApiRefused(404, "there is nothing here")
        if scope["method"] == "OPTIONS":
            return 200, {}, await answer_preflight_of_auth(self, scope)
        if scope["method"] != "POST":
            raise ApiRefused(405, "this address can't do that")
        return await answer_auth(self, scope, await read_whole_body(receive, AUTH_LIMIT))

    async def answer(self, scope: Any, receive: Receive) -> tuple[int, Any]:
        """The answer to a request. Raises ApiRefused."""
        if scope["path"] == "/up":
            return 200, {"health": "OK"}
        said = read_call(scope, await read_whole_body(receive, CALL_LIMIT + 20 * self.settings.gateway_message_bytes))
        async with self.database.read() as transaction:
            try:
                key, slug = said.query.get("auth_key", ""), scope["state"]["slug"] or ""
                app = await read_app(transaction, key, slug, self.settings.secret_key)
            except SocketRefused as refusal:
                raise ApiRefused(403, refusal.args[1]) from refusal
        if app is None:
            raise ApiRefused(401, "there is no app of this auth_key")
        # The library for Python names no app where it ends a user's sockets.
        below = said.path if OF_USERS.fullmatch(said.path) else said.path.removeprefix(f"/apps/{app.id}")
        if not below.startswith("/") or below.startswith("/apps/"):
            raise ApiRefused(404, "there is no such app, or auth_key is not its key")
        check_call(app, said)
        return 200, await answer_call(self, app, said, below)

    async def run(self) -> None:
        """Beat, and end what is over, until cancelled. It waits for nothing: others take a node that is silent for
        some seconds for gone, with all who are there."""
        while True:
            await asyncio.sleep(GATEWAY_BEAT)
            for work in (self.exchange.beat, self.workspace.end_expired):
                try:
                    work()
                except Exception as error:
                    log.error("something failed that is done each second", exc_info=error)

    async def keep_locks(self) -> None:
        """Renew what sockets hold, until cancelled."""
        while True:
            await asyncio.sleep(GATEWAY_BEAT)
            try:
                await self.editing.renew()
            except Exception as error:
                log.error("locks can't be renewed; they last a while without it", reason=repr(error))

    async def look_for_gone(self) -> None:
        """Tell apps' servers who has gone unseen, until cancelled."""
        while True:
            await asyncio.sleep(GATEWAY_BEAT)
            try:
                await self.lost_sight.look()
            except Exception as error:
                log.error("it can't be told yet who has gone unseen; it is tried again", reason=repr(error))

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run while the block does."""
        async with self.hooks.running():
            try:
                async with (
                    in_background(self.run()),
                    in_background(self.keep_locks()),
                    in_background(self.look_for_gone()),
                ):
                    yield
            finally:
                await self.exchange.occupancy.end()


async def read_whole_body(receive: Receive, limit: int) -> bytes:
    """The body of a request. Raises ApiRefused for one that is too large, or breaks off."""
    check_holds_none()
    pieces: list[bytes] = []
    size, more = 0, True
    async with asyncio.timeout(30):
        while more:
            message: Any = await receive()
            if message["type"] != "http.request":
                raise ApiRefused(400, "the request breaks off")
            pieces.append(message.get("body", b""))
            size += len(pieces[-1])
            if size > limit:
                raise ApiRefused(413, f"the body has more than {limit} bytes")
            more = message.get("more_body", False)
    return b"".join(pieces)


async def send_json(send: Send, status: int, content: Any, *headers: tuple[bytes, bytes]) -> None:
    """Answer with JSON."""
    body = json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode()
    length = (b"content-length", str(len(body)).encode())
    await send({"type": "http.response.start", "status": status, "headers": [CONTENT, length, *headers]})
    await send({"type": "http.response.body", "body": body, "more_body": False})
