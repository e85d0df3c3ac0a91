"""What answers at the addresses of rooms.

Of a request no more than its head is read before its secret was looked at. The answers are those that programs know
which post to Slack or Mattermost.
"""

from __future__ import annotations

import asyncio
import json
import math
import re
from typing import Any
from urllib.parse import parse_qs

import structlog
from limits import RateLimitItemPerMinute
from litestar.exceptions import NotFoundException
from litestar.types import Receive, Send

from app.accounts.access import enter_workspace, read_network_address
from app.accounts.mentions import without_marks
from app.chat.incoming import find_incoming, post_incoming
from app.chat.limits import Pace
from app.chat.messages import ArchivedRoom
from app.chat.text.rendering import prepare_text
from app.database import Database
from app.settings import Settings
from app.web.errors import PageError, is_database_away
from app.web.forms import Invalid
from app.web.limits import Windows
from app.web.texts import drop_noncharacters

INCOMING_LIMIT = 64 * 1024
INCOMING_A_MINUTE = RateLimitItemPerMinute(60)
BODY_WITHIN = 15
# What JSON can say and no text has: halves of characters, and NUL.
LONE_OR_NUL = re.compile("[\0\ud800-\udfff]")

log = structlog.get_logger("incoming")


class NotPosted(Exception):
    """Nothing is posted: a status, and why, in words that programs know."""

    def __init__(self, status: int, why: str, *headers: tuple[bytes, bytes]) -> None:
        super().__init__(status, why)
        self.status, self.why, self.headers = status, why, headers


class IncomingSite:
    """The addresses of rooms, of all workspaces."""

    def __init__(self, settings: Settings, database: Database, windows: Windows) -> None:
        self.settings = settings
        self.database = database
        self.windows = windows

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Answer a request. Its secret is in its state, and no part of its path any more."""
        try:
            await self.post(scope, receive)
            answer = NotPosted(200, "ok")
        except NotPosted as refusal:
            answer = refusal
        except Exception as error:
            if not is_database_away(error):
                raise
            answer = NotPosted(503, "not_available", (b"retry-after", b"5"))
        body = answer.why.encode()
        headers = [(b"content-type", b"text/plain; charset=utf-8"), (b"content-length", b"%d" % len(body))]
        start = {"type": "http.response.start", "status": answer.status, "headers": [*headers, *answer.headers]}
        await send(start)  # type: ignore[arg-type]
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def post(self, scope: Any, receive: Receive) -> None:
        """Post what came. Raises NotPosted."""
        if scope["method"] != "POST":
            raise NotPosted(405, "method_not_allowed", (b"allow", b"POST"))
        slug, secret = scope["state"]["slug"], scope["state"].get("incoming", "")
        async with self.database.read() as transaction:
            address_id = await self.look(transaction, slug, secret)
            tenant_id = transaction.tenant.id
        whose = ("incoming", str(tenant_id), str(address_id))
        if not await self.windows.hit(INCOMING_A_MINUTE, *whose):
            wait = max(1, math.ceil(await self.windows.wait(INCOMING_A_MINUTE, *whose)))
            raise NotPosted(429, "rate_limited", (b"retry-after", b"%d" % wait))
        text = read_text(scope, await read_incoming_body(receive))
        origin = self.settings.workspace_url(slug, "")
        try:
            typed = await prepare_text(self.database, Pace(None, tenant_id), text, origin)
            async with self.database.write() as transaction:
                await self.look(transaction, slug, secret)
                found = await find_incoming(transaction, secret)
                assert found is not None  # noqa: S101  (as looked at in the same transaction)
                client = read_network_address(scope["client"][0]) if scope.get("client") else ""
                await post_incoming(transaction, *found, typed, client)
        except ArchivedRoom as error:
            raise NotPosted(410, "channel_is_archived") from error
        except Invalid as error:
            raise NotPosted(400, "invalid_text") from error
        except PageError as error:
            raise NotPosted(error.status_code, "action_prohibited") from error
        log.info("posted", address=address_id)

    async def look(self, transaction: Any, slug: str | None, secret: str) -> int:
        """The id of the address of a secret in a workspace. Raises NotPosted where there is none."""
        try:
            await enter_workspace(transaction, slug or "")
        except (NotFoundException, PageError) as error:
            raise NotPosted(404, "no_service") from error
        found = await find_incoming(transaction, secret)
        if found is None:
            raise NotPosted(404, "no_service")
        return found[0].id


async def read_incoming_body(receive: Receive) -> bytes:
    """The body of a request. Raises NotPosted for one that is too large, too slow, or breaks off."""
    pieces: list[bytes] = []
    more = True
    try:
        async with asyncio.timeout(BODY_WITHIN):
            while more:
                message: Any = await receive()
                if message["type"] != "http.request":
                    raise NotPosted(400, "invalid_payload")
                pieces.append(message.get("body", b""))
                if sum(map(len, pieces)) > INCOMING_LIMIT:
                    raise NotPosted(413, "too_large")
                more = message.get("more_body", False)
    except TimeoutError as error:
        raise NotPosted(408, "timeout") from error
    return b"".join(pieces)


def read_text(scope: Any, body: bytes) -> str:
    """What is to be said: `text` of a JSON object, which is the body, or `payload` of a form. Raises NotPosted."""
    kind = next((value for name, value in scope["headers"] if name == b"content-type"), b"").partition(b";")[0].strip()
    try:
        if kind.lower() == b"application/x-www-form-urlencoded":
            body = parse_qs(body.decode(), strict_parsing=True, max_num_fields=20)["payload"][0].encode()
        said = json.loads(body)
    except (ValueError, KeyError, RecursionError) as error:
        raise NotPosted(400, "invalid_payload") from error
    text = said.get("text") if isinstance(said, dict) else None
    if not isinstance(text, str) or not text.strip():
        raise NotPosted(400, "no_text" if isinstance(said, dict) else "invalid_payload")
    return without_marks(drop_noncharacters(LONE_OR_NUL.sub("", text)))
