"""The gate: every request and socket passes here before anything else sees it.

It gives each an id, takes what proxies of ours say of whom they speak for, has it judged (`judging.py`), and puts the
security headers on every answer, errors included.
"""

from __future__ import annotations

import asyncio
import math
import re
import secrets
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Send
from structlog.contextvars import bound_contextvars
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.chat.incoming import INCOMING_PATH
from app.database.fairness import FOR_WORKSPACE
from app.database.steps import take_steps
from app.server.judging import HEADER_LIMIT, NUL, UNSAFE, Judgement, Sites, first
from app.server.refusals import send_refusal
from app.server.security_headers import security_headers
from app.server.workspace_limits import WorkspaceLimits
from app.settings import Settings
from app.web.assets import static_version
from app.web.bodies import hold_nothing
from app.web.cookies import CLEAR_COOKIES
from app.web.endings import end_all
from app.web.errors import SOON
from app.web.languages import Languages
from app.web.metrics import REQUESTS
from app.web.readiness import Readiness
from app.web.request_ids import HEADER
from app.web.texts import Text, _l

METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS")
# What comes from somewhere else instead of us, such as the page of a hotel's network, does not have it.
OURS = (b"x-page", b"1")
# Which ids of a proxy of ours are taken.
REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
RESTARTING = _l("The server is restarting. Nothing was saved; try again in a moment.")
TOO_MUCH = _l("This workspace has reached its request limit. Nothing was saved; try again in a moment.")

log = structlog.get_logger("web")


def make_request_id() -> str:
    """A new id, short enough to be read out."""
    return secrets.token_hex(8)


def find_request_id(scope: Any, settings: Settings) -> str:
    """The id that a proxy of ours has given to a request, or else a new one.

    What anybody sends would be in the log as if it were ours. The scope's client has to be the one that is connected,
    and not yet the one that a proxy tells of.
    """
    given = [value for name, value in scope["headers"] if name == HEADER]
    client = scope.get("client")
    if len(given) == 1 and REQUEST_ID.fullmatch(given[0]) and client and settings.is_proxy(client[0]):
        return str(given[0].decode())
    return make_request_id()


def address(scope: Any) -> str:
    """The address that a request or a socket comes from, as a proxy of ours says it."""
    return str(scope["client"][0]) if scope.get("client") else ""


def hide_incoming(scope: Any) -> Any:
    """A request without the secret that its path has, where that is the address of a room: it is in the state, where no
    log and no page of an error finds it. The path that is left names no room."""
    if scope["type"] != "http" or not scope["path"].startswith(INCOMING_PATH + "/"):
        return scope
    state = {**scope["state"], "incoming": scope["path"][len(INCOMING_PATH) + 1 :]}
    return {**scope, "path": INCOMING_PATH, "raw_path": INCOMING_PATH.encode(), "query_string": b"", "state": state}


class Gate:
    """The outermost ASGI application: passes a request on to the central site, to a workspace's pages or to what it has
    for programs, and sockets to both to `live`."""

    def __init__(
        self,
        settings: Settings,
        sites: Sites,
        *,
        readiness: Readiness,
        limits: WorkspaceLimits | None,
        languages: Languages,
        send_away: Callable[[], Awaitable[None]],
    ) -> None:
        self.settings = settings
        self.sites = sites
        self.readiness = readiness
        self.limits = limits
        self.languages = languages
        self.send_away = send_away
        # Which scripts and styles pages are made for (js/calls.js).
        self.static_header = (b"x-static", static_version().encode())
        self.security = security_headers(settings)  # of answers that never come here (web/plain.py)
        # Who is told of by X-Forwarded-For: the last address that is not one of a proxy of ours.
        trusted = settings.forwarded_allow_ips.split()
        self.look_behind_proxies: Any = ProxyHeadersMiddleware(self.pass_on, trusted)  # type: ignore[arg-type]

    async def drain(self) -> None:
        """Say that this process is about to end: to `/readyz`, to connections as they are used, and to open pages."""
        self.readiness.draining = True
        await self.send_away()

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Give it an id, which is in every line of the log from here on."""
        if scope["type"] == "lifespan":
            await self.sites.workspace(scope, receive, send)
            return
        request_id = find_request_id(scope, self.settings)
        scope.setdefault("state", {})["request_id"] = request_id
        with bound_contextvars(request_id=request_id):
            await self.look_behind_proxies(hide_incoming(scope), receive, send)

    async def pass_on(self, scope: Any, receive: Receive, send: Send) -> None:
        """Judge, and say for which workspace everything is that follows."""
        judged = self.sites.judge(scope)
        meant = FOR_WORKSPACE.set(judged.slug)
        try:
            await self.serve(scope, receive, send, judged)
        finally:
            FOR_WORKSPACE.reset(meant)

    async def serve(self, scope: Any, receive: Receive, send: Send, judged: Judgement) -> None:
        """Pass on what was judged, or refuse it."""
        headers = scope["headers"]
        if scope["type"] == "websocket":
            if judged.site is None:
                asked = {"host": first(headers, b"host"), "origin": first(headers, b"origin")}
                log.info("handshake refused", client=address(scope), status=judged.refusal, **asked)
                await receive()
                await send({"type": "websocket.close", "code": 4403, "reason": None})
                return
            scope["state"] = {**scope["state"], "slug": judged.slug}
            site = judged.site

            async def serve_it() -> None:
                await site(scope, receive, send)

            await take_steps(serve_it())
            return
        await self.answer(scope, receive, send, judged)

    async def answer(self, scope: Any, receive: Receive, send: Send, judged: Judgement) -> None:
        """Answer an HTTP request with the security headers, counting it, and then do what reading the page leads to."""
        started, slug = time.perf_counter(), judged.slug
        is_static = scope["path"].startswith("/static/")
        security = (
            *security_headers(self.settings, None if judged.refusal else slug or ""),
            *(() if is_static else (self.static_header,)),  # whose address says it
            *(OURS, (HEADER, scope["state"]["request_id"].encode())),
        )
        status = 0  # of the answer, once it has begun

        async def send_secured(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                if "endings" in scope["state"]:
                    await end_all(scope["state"])
                start: HTTPResponseStartEvent = message
                status = start["status"]
                present = {name for name, _ in start["headers"]}
                start["headers"] = [*start["headers"], *(pair for pair in security if pair[0] not in present)]
                if self.readiness.draining:
                    start["headers"] = [*start["headers"], (b"connection", b"close")]
                method = scope["method"] if scope["method"] in METHODS else "other"
                REQUESTS.labels(method, str(start["status"])).observe(time.perf_counter() - started)
            await send(message)

        if judged.site is None:
            cookies = sum(len(value) for name, value in scope["headers"] if name == b"cookie")
            clearing = [CLEAR_COOKIES] if cookies > HEADER_LIMIT // 2 else []
            await self.refuse(scope, send_secured, judged.refusal, *clearing)
            return
        writes = scope["method"] in UNSAFE
        if self.limits and slug and not is_static and (wait := await self.limits.count(slug, writes=writes)):
            retry_after = (b"retry-after", b"%d" % math.ceil(wait))
            await self.refuse(scope, send_secured, 429, retry_after, detail=TOO_MUCH)
            return
        # HEAD is GET without the body, which the server leaves out.
        method = "GET" if scope["method"] == "HEAD" else scope["method"]
        state = {**scope["state"], "slug": slug, "head": scope["method"] == "HEAD"}
        headers = scope["headers"]
        if judged.without_session:
            headers = [pair for pair in headers if pair[0] != b"cookie"]
        query = NUL.sub(b"", scope["query_string"])
        scope = {**scope, "method": method, "state": state, "headers": headers, "query_string": query}

        async def do_all(site: ASGIApp) -> None:
            await site(scope, hold_nothing(scope, receive), send_secured)
            if 0 < status < 400:
                for step in state.get("afterwards", ()):
                    await step()

        try:
            await take_steps(do_all(judged.site))
        except asyncio.CancelledError:
            # The process ends, and this has taken longer than it waits.
            log.warning("request cancelled", path=scope["path"], method=scope["method"], answered=bool(status))
            if not status:
                await self.refuse(scope, send_secured, 503, (b"retry-after", b"%d" % SOON), detail=RESTARTING)
        except Exception as error:
            log.error("request failed", path=scope["path"], method=scope["method"], exc_info=error)
            if not status:
                await self.refuse(scope, send_secured, 500)
        finally:
            if not status:
                await end_all(state)

    async def refuse(
        self, scope: Any, send: Send, status: int, *headers: tuple[bytes, bytes], detail: Text | None = None
    ) -> None:
        """Answer with the page of a status, with what is known already of the workspace whose host was asked; of none
        where several were."""
        hosts = [value.decode("latin-1").lower() for name, value in scope["headers"] if name == b"host"]
        known = self.languages.known.get(self.sites.find_slug(hosts[0]) or "") if len(hosts) == 1 else None
        await send_refusal(scope, send, status, *headers, detail=detail, known=known)
