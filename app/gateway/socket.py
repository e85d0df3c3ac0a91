"""`/app/{key}`: the socket of a client of the Pusher protocol, from its handshake to its end."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import structlog
from litestar.types import Receive, Send

from app.gateway.connection import GatewayConnection
from app.gateway.hook_events import describe_client_event
from app.gateway.known_apps import KnownApp
from app.gateway.messages import (
    INVALID_FORMAT,
    NOT_SENT,
    OVER_QUOTA,
    PONG,
    UNAUTHORIZED,
    UNSUPPORTED,
    Refused,
    SocketRefused,
    read_message,
    read_person,
    write_client_event,
    write_established,
    write_event,
    write_json,
    write_refusal,
)
from app.gateway.names import (
    ENCRYPTED,
    LONGEST_EVENT,
    MOST_SUBSCRIBED,
    is_channel_name,
    is_presence,
    is_private,
    is_reserved,
    user_of,
)
from app.live.open_socket import OpenSocket
from app.web.errors import first_line, is_database_away
from app.web.metrics import REFUSALS
from app.web.origins import is_origin_allowed
from app.web.request_ids import HEADER, request_id_of

if TYPE_CHECKING:
    from app.gateway.site import Gateway

# The versions of the protocol whose clients are understood.
VERSIONS = ("5", "6", "7")
# What a socket may say to others in a second.
MOST_CLIENT_EVENTS = 10

log = structlog.get_logger("gateway")


async def serve_gateway_socket(scope: Any, receive: Receive, send: Send, gateway: Gateway) -> None:
    """Accept, serve, and close with a reason. A client that is refused is told why, which it can't be otherwise."""
    await receive()
    mark = (HEADER, request_id_of(scope).encode())
    await send({"type": "websocket.accept", "subprotocol": None, "headers": [mark]})
    origins = [value.decode("latin-1") for name, value in scope["headers"] if name == b"origin"]
    if isinstance(scope["headers"], list):
        scope["headers"].clear()
    await GatewaySocket(scope, send, gateway, origins).serve(receive)


class GatewaySocket(OpenSocket):
    """One socket's life."""

    __slots__ = ("app", "gateway", "origins", "scope")

    app: KnownApp
    connection: GatewayConnection

    def __init__(self, scope: Any, send: Send, gateway: Gateway, origins: list[str]) -> None:
        super().__init__(scope, send)
        self.scope: Any = scope  # until the hub knows it, as where it may come from
        self.gateway = gateway
        self.origins = origins

    async def serve(self, receive: Receive) -> None:
        """Answer messages until the socket ends, from either side, or rests."""
        code, why, rests = 1000, "", False
        try:
            if self.scope is not None:
                await self.join()
            rests = await self.read_on(receive)
            return
        except SocketRefused as refusal:
            code, why = refusal.args
            REFUSALS.labels("gateway").inc()
            log.warning("refused", client=self.client, tenant=self.slug, code=code, reason=why)
            with contextlib.suppress(Exception):
                text = write_refusal(code, why)
                await self.send({"type": "websocket.send", "text": text, "bytes": None})
        except Exception as error:
            if is_database_away(error):
                log.error("the database is not available", path="/app", reason=first_line(error))
                code, why = 1013, "try again later"
            else:
                log.error("a socket failed", exc_info=error)
                code, why = 1011, "something went wrong"
        finally:
            if not rests:
                self.leave()
        with contextlib.suppress(Exception):
            await self.send({"type": "websocket.close", "code": code, "reason": why})

    async def join(self) -> None:
        """Look up the app, and be known to the hub. Raises SocketRefused."""
        query = parse_qs(self.scope["query_string"].decode("latin-1"))
        if query.get("protocol", ["7"])[0] not in VERSIONS:
            raise SocketRefused(UNSUPPORTED)
        self.app = app = await self.gateway.open_app(self.scope["path"].removeprefix("/app/"), self.scope)
        own = self.gateway.settings.workspace_url(app.slug, "")
        if any(not is_origin_allowed(origin, (*app.origins, own)) for origin in self.origins):
            raise SocketRefused(UNAUTHORIZED, "Origin not allowed")
        node = self.gateway.node
        if node.draining:
            raise SocketRefused(INVALID_FORMAT, "Server is restarting")
        if 0 < node.most_sockets <= len(node.hub.connections.get(app.tenant_id, ())):
            raise SocketRefused(OVER_QUOTA)
        self.connection = connection = GatewayConnection(self.scope, app.tenant_id, self.interrupt, app.slug)
        connection.app_id, connection.key = app.id, app.key
        connection.client_events, connection.secrets = app.client_events, app.secrets
        self.gateway.add(connection, app.cursor)
        self.app = self.gateway.known.get(app.key, app)  # the one that all its sockets share
        self.scope, self.origins = None, []
        self.start_writer()
        connection.write(write_established(connection.socket_id))
        log.debug("connected", tenant=app.slug, app=app.id, socket=connection.socket_id)

    async def read_on(self, receive: Receive) -> bool:
        """Answer one message after another until the client has gone or the socket has to end; or, which is True, until
        nothing has come for now."""
        connection = self.connection
        loop = asyncio.get_running_loop()
        while not self.rest():
            message = await self.next_message(receive)
            if message is None or message["type"] == "websocket.disconnect":
                break
            connection.heard_at, connection.pinged = loop.time(), False
            text = message.get("text")
            try:
                if text is None:
                    raise Refused(INVALID_FORMAT)
                if len(text) > self.gateway.settings.gateway_message_bytes or (
                    not text.isascii() and len(text.encode()) > self.gateway.settings.gateway_message_bytes
                ):
                    connection.close(1009, "message too large")
                    break
                await self.answer(*read_message(text))
            except SocketRefused:
                raise
            except Refused as refusal:
                code, why = refusal.args
                log.info("message refused", tenant=self.app.slug, socket=connection.socket_id, code=code, reason=why)
                connection.write(write_refusal(code, why))
        else:
            return True
        if connection.ending is not None:
            code, why = connection.ending
            with contextlib.suppress(Exception):
                await self.send({"type": "websocket.close", "code": code, "reason": why[:120]})
        log.debug("closed", tenant=self.app.slug, socket=connection.socket_id)
        return False

    async def answer(self, name: str, data: Any, channel: str) -> None:
        """Do what a message asks for. Raises Refused."""
        if name == "pusher:ping":
            self.connection.write(PONG)
        elif name == "pusher:pong":
            pass
        elif name.startswith("client-"):
            self.pass_on(name, data, channel)
        elif not isinstance(data, dict):
            raise Refused(INVALID_FORMAT)
        elif name == "pusher:subscribe":
            await self.subscribe(data)
        elif name == "pusher:unsubscribe":
            await self.unsubscribe(data)
        elif name == "pusher:signin":
            await self.sign_in(data)

    async def subscribe(self, data: dict[str, Any]) -> None:
        """Let the client follow a channel, if it may. Raises Refused."""
        connection, channel = self.connection, data.get("channel")
        if not isinstance(channel, str) or not (is_channel_name(channel) or user_of(channel)):
            raise Refused(INVALID_FORMAT, "Invalid channel name")
        if channel not in connection.subscribed and len(connection.subscribed) >= MOST_SUBSCRIBED:
            raise Refused(NOT_SENT, "Too many channels on one connection")
        if is_reserved(channel):
            await self.gateway.workspace.subscribe(connection, channel, data)
            return
        if user := user_of(channel):
            if user != connection.user:
                raise Refused(UNAUTHORIZED)
            self.gateway.exchange.subscribe(connection, channel)
            return
        user = info = ""
        if is_private(channel):
            signed, given = f"{connection.socket_id}:{channel}", data.get("channel_data")
            if is_presence(channel):
                user, info = read_person(given)
            if is_presence(channel) or given:  # a server may sign it for any private channel
                signed += f":{given}"
            self.check_signature(signed, data.get("auth"))
        self.gateway.exchange.subscribe(connection, channel, user, info)

    def check_signature(self, text: str, auth: Any) -> None:
        """Raise Refused unless the app's server has signed a text."""
        key, _, signature = auth.partition(":") if isinstance(auth, str) else ("", "", "")
        if not self.connection.secrets.is_signed(text, signature) or key != self.app.key:
            raise Refused(UNAUTHORIZED)

    async def unsubscribe(self, data: dict[str, Any]) -> None:
        """Let the client follow a channel no more."""
        channel = data.get("channel")
        if not isinstance(channel, str):
            raise Refused(INVALID_FORMAT)
        if is_reserved(channel):
            await self.gateway.workspace.unsubscribe(self.connection, channel)
        else:
            self.gateway.exchange.unsubscribe(self.connection, channel)

    def pass_on(self, name: str, data: Any, channel: str) -> None:
        """Send a client's event to the others on its channel. Raises Refused."""
        connection = self.connection
        subscribed = connection.subscribed.get(channel)
        if not connection.client_events:
            raise Refused(NOT_SENT)
        if (
            subscribed is None
            or is_reserved(channel)
            or not is_private(channel)
            or channel.startswith(ENCRYPTED)
            or len(name) > LONGEST_EVENT
        ):
            raise Refused(UNAUTHORIZED, "The client is not a member of the specified channel.")
        connection.said += 1
        if connection.said > MOST_CLIENT_EVENTS:
            raise Refused(NOT_SENT, "Too many client events in a second")
        text = write_client_event(name, data, channel, subscribed.user)
        self.gateway.exchange.publish(self.app.id, channel, name, text, without=connection.socket_id)
        told = describe_client_event(name, data, channel, connection.socket_id, subscribed.user)
        self.gateway.exchange.occupancy.note(self.app.id, told)

    async def sign_in(self, data: dict[str, Any]) -> None:
        """Let somebody be signed in on this socket. Raises SocketRefused."""
        given, auth = data.get("user_data"), data.get("auth")
        try:
            user, _ = read_person(given, "id")
            if not await self.gateway.workspace.sign_in(self.connection, str(given), auth):
                self.check_signature(f"{self.connection.socket_id}::user::{given}", auth)
        except Refused as refusal:
            raise SocketRefused(*refusal.args) from refusal
        self.gateway.exchange.sign_in(self.connection, user)
        self.connection.write(write_event("pusher:signin_success", write_json({"user_data": given})))

    def leave(self) -> None:
        """Take the socket out of everything."""
        self.stop_writer()
        connection: GatewayConnection | None = self.connection
        if connection is not None:
            self.gateway.remove(connection)
