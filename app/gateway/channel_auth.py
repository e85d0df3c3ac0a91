"""`/broadcasting/auth` and `/broadcasting/user-auth`: a member's client asks for one of the workspace's channels.

It shows a token, from a page of an origin that one of the workspace's apps names, or from no page; or it is a page of
the workspace itself, with its session, as the gate has seen to (`server/judging.py`).
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import structlog
from litestar.exceptions import HTTPException
from msgspec import Struct
from msgspec.structs import replace

from app.accounts.access import enter_workspace
from app.accounts.program_tokens import find_by_secret
from app.accounts.sessions import find_session
from app.database import Transaction
from app.gateway.apps import LIST_APP_ORIGINS
from app.gateway.grants import GRANT_SECONDS, ChannelGrant, read_grant, write_grant
from app.gateway.holdings import LockedFor
from app.gateway.messages import Refused, read_event_id, read_json, write_json
from app.gateway.names import SOCKET_ID, is_presence, is_reserved
from app.gateway.targets import Asker, find_target, is_editing
from app.gateway.workspace import describe_user
from app.web.cookies import CookieError, read_cookie
from app.web.errors import PageError
from app.web.metrics import REFUSALS
from app.web.origins import is_origin_allowed

if TYPE_CHECKING:
    from app.gateway.site import Gateway

ALLOWED_FIELDS = b"Authorization, Content-Type, X-Requested-With, X-CSRF-TOKEN, X-Socket-ID"
AUTH_LIMIT = 16 * 1024
# The headers that say who asks and for what. With two of one, which one is meant would be a guess.
SAID_ONCE = (b"authorization", b"content-type", b"origin")

log = structlog.get_logger("gateway")


class AuthRefused(Exception):
    """What is asked for is refused: `args` are the status and what is said."""


class AskedFor(Struct, frozen=True):
    """What is asked for, and by what."""

    said: dict[str, str]
    slug: str
    secret: str | None
    cookie: str | None
    origin: str | None
    address: str


def read_asked(scope: Any, body: bytes, cookie: str | None) -> AskedFor:
    """What a request asks for: a form, or JSON. Raises AuthRefused."""
    headers = dict(scope["headers"])
    said_once = [name for name, _ in scope["headers"] if name in SAID_ONCE]
    if len(said_once) != len({*said_once}):
        raise AuthRefused(400, {"error": "send each header once"})
    content_type = headers.get(b"content-type", b"").decode("latin-1")
    try:
        if content_type.startswith("application/json"):
            content = read_json(body or b"{}")
            if not isinstance(content, dict):
                raise ValueError
            said = {str(name): write_plain(value) for name, value in content.items()}
        else:
            said = dict(parse_qsl(body.decode(), keep_blank_values=True, max_num_fields=50))
    except ValueError:
        raise AuthRefused(400, {"error": "the body can't be read"}) from None
    given = headers.get(b"authorization", b"").decode("latin-1")
    scheme, _, secret = given.partition(" ")
    if given and scheme.lower() != "bearer":
        raise AuthRefused(401, {"error": "send `Authorization: Bearer` with a token"})
    origin = headers.get(b"origin")
    return AskedFor(
        said,
        scope["state"]["slug"] or "",
        secret.strip() if given else None,
        None if given else cookie,
        origin.decode("latin-1") if origin is not None else None,
        scope["client"][0] if scope.get("client") else "",
    )


def write_plain(value: Any) -> str:
    """A value of JSON as a form has it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "1" if value else ""
    return value if isinstance(value, str) else write_json(value)


async def find_by_credential(transaction: Transaction, asked: AskedFor) -> Asker:
    """Who asks. Raises AuthRefused."""
    language = transaction.tenant.language
    if asked.secret is not None:
        found = await find_by_secret(transaction, asked.secret)
        if found is not None:
            token, member = found
            return Asker(member, None, token, token.ends_at, language)
    elif signed_in := await find_session(transaction, asked.cookie):
        session = signed_in.session
        return Asker(signed_in.member, session.id, None, session.expires_at, language)
    raise AuthRefused(401, {"error": "no token, or none that works here, and no session"})


async def check_page(gateway: Gateway, transaction: Transaction, asked: AskedFor) -> bool:
    """Whether a page of another site asks, which may. Raises AuthRefused for one that may not."""
    if asked.origin is None or asked.origin == gateway.settings.workspace_url(asked.slug, ""):
        return False
    patterns = {each for origins in await transaction.column(LIST_APP_ORIGINS) for each in origins}
    if asked.secret is None or not is_origin_allowed(asked.origin, patterns):
        raise AuthRefused(403, {"error": "no app of this workspace names the origin of this page"})
    return True


async def answer_auth(gateway: Gateway, scope: Any, body: bytes) -> tuple[int, Any, list[tuple[bytes, bytes]]]:
    """The answer to who asks, and its headers."""
    fields: list[tuple[bytes, bytes]] = [(b"cache-control", b"no-store"), (b"vary", b"Origin")]
    try:
        try:
            cookie = read_cookie(scope["headers"], gateway.settings.session_cookie)
        except CookieError:
            cookie = None
        asked = read_asked(scope, body, cookie)
        if not asked.slug:
            raise AuthRefused(404, {"error": "ask on the workspace's own host"})
        came, alive = await look_before(gateway, asked)
        async with gateway.node.lookups, gateway.database.read() as transaction:
            try:
                await enter_workspace(transaction, asked.slug)
            except (HTTPException, PageError):
                raise AuthRefused(404, {"error": "there is no such workspace"}) from None
            if await check_page(gateway, transaction, asked):
                fields.append((b"access-control-allow-origin", (asked.origin or "").encode("latin-1")))
            asker = await find_by_credential(transaction, asked)
            if scope["path"] == "/broadcasting/user-auth":
                return 200, await grant_sign_in(gateway, transaction, asked, asker), fields
            return 200, await grant_channel(gateway, transaction, asked, asker, came, alive=alive), fields
    except AuthRefused as refusal:
        status, said = refusal.args
        return status, said, fields


def read_socket_id(asked: AskedFor) -> str:
    """The socket that it is for. Raises AuthRefused."""
    socket_id = asked.said.get("socket_id", "")
    if not SOCKET_ID.fullmatch(socket_id):
        raise AuthRefused(422, {"error": "socket_id is missing"})
    return socket_id


async def look_before(gateway: Gateway, asked: AskedFor) -> tuple[ChannelGrant | None, bool]:
    """What a client had before of something that it wants to edit, as it says; and whether a socket that is connected
    holds it, other than that one. It may take a moment, in which no transaction waits."""
    channel, slug = asked.said.get("channel_name", ""), asked.slug
    if not is_editing(channel):
        return None, False
    came = read_grant(gateway.settings.secret_key, asked.said.get("auth"))
    async with gateway.database.read() as transaction:
        tenant = await transaction.find_tenant("slug", slug)
    if tenant is None:
        return None, False
    return came, await gateway.editing.is_held_alive((-tenant.id, channel), came.socket_id if came else "")


async def grant_channel(
    gateway: Gateway,
    transaction: Transaction,
    asked: AskedFor,
    asker: Asker,
    came: ChannelGrant | None,
    *,
    alive: bool,
) -> dict[str, str]:
    """The grant of a channel. Raises AuthRefused; that is always logged."""
    socket_id, channel = read_socket_id(asked), asked.said.get("channel_name", "")
    try:
        last = read_event_id(asked.said.get("last_event_id"))
    except Refused as refusal:
        raise AuthRefused(422, {"error": refusal.args[1]}) from None
    target = await find_target(transaction, asker, channel) if is_reserved(channel) else None
    if target is None:
        REFUSALS.labels("channel").inc()
        who = {"member": asker.member.id, "client": asked.address}
        log.warning("refused", tenant=asked.slug, channel=channel[:60], reason="not allowed", **who)
        raise AuthRefused(403, {"error": "this channel is not one of the workspace's, or not for you"})
    grant = ChannelGrant(
        transaction.tenant.id,
        socket_id,
        channel,
        asker.member.id,
        asker.session_id,
        asker.token_id,
        int(time.time()) + GRANT_SECONDS,
        last,
        asked.said.get("wait", "") not in ("", "0", "false"),
    )
    if is_editing(channel):
        try:
            if came is not None and came.is_of(grant):
                grant = replace(grant, came=came.socket_id)
            grant = await gateway.editing.check_ask(transaction, asker, target, grant, alive)
        except LockedFor as locked:
            raise AuthRefused(423, {"error": "somebody edits it", **locked.args[0]}) from None
        except Refused:
            raise AuthRefused(403, {"error": "you may not edit this"}) from None
    answer = {"auth": write_grant(gateway.settings.secret_key, grant)}
    if is_presence(channel):
        person = {"user_id": str(asker.member.id), "user_info": {"name": asker.member.name}}
        answer["channel_data"] = write_json(person)
    return answer


async def grant_sign_in(gateway: Gateway, transaction: Transaction, asked: AskedFor, asker: Asker) -> dict[str, str]:
    """The grant by which a member may sign in on a socket. Raises AuthRefused."""
    until = int(time.time()) + GRANT_SECONDS
    whose = (asker.member.id, asker.session_id, asker.token_id)
    grant = ChannelGrant(transaction.tenant.id, read_socket_id(asked), "", *whose, until)
    user_data = describe_user(asker.member.id, asker.member.name)
    return {"auth": write_grant(gateway.settings.secret_key, grant), "user_data": user_data}


async def answer_preflight_of_auth(gateway: Gateway, scope: Any) -> list[tuple[bytes, bytes]]:
    """What a browser is told that asks whether a page of another site may ask."""
    origin = dict(scope["headers"]).get(b"origin", b"").decode("latin-1")
    fields: list[tuple[bytes, bytes]] = [(b"vary", b"Origin")]
    async with gateway.database.read() as transaction:
        try:
            await enter_workspace(transaction, scope["state"]["slug"] or "")
        except (HTTPException, PageError):
            return fields
        patterns = {each for origins in await transaction.column(LIST_APP_ORIGINS) for each in origins}
    if is_origin_allowed(origin, patterns):
        fields += [
            (b"access-control-allow-origin", origin.encode("latin-1")),
            (b"access-control-allow-methods", b"POST"),
            (b"access-control-allow-headers", ALLOWED_FIELDS),
            (b"access-control-max-age", b"600"),
        ]
    return fields
