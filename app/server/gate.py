"""The gate: every request and socket passes here before anything else sees it.

It gives each an id, takes what proxies of ours say of whom they speak for, decides by the Host header alone which site
is meant, refuses what comes from other sites, bounds the headers, and puts the security headers on every answer, errors
included.
"""

from __future__ import annotations

import asyncio
import math
import re
import time
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from litestar.types import ASGIApp, HTTPResponseStartEvent, Message, Receive, Send
from msgspec import Struct
from structlog.contextvars import bound_contextvars
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from app.chat.incoming import INCOMING_PATH
from app.database.fairness import FOR_WORKSPACE
from app.database.steps import take_steps
from app.database.tenancy import SLUG
from app.gateway.names import GATEWAY_PATHS, is_for_gateway, is_gateway_socket
from app.server.headers import address, find_request_id, first, hide_incoming, is_same_origin, read_host_name
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
from app.web.problems import PROGRAM_PATHS, is_for_programs
from app.web.readiness import Readiness
from app.web.request_ids import HEADER
from app.web.texts import Text, _l

ANY_HOST = ("/healthz", "/readyz", "/metrics", "/certificate")
METHODS = ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS")
# The name below the central host where the gateway alone is, which no workspace has.
GATEWAY_HOST = "ws"
UNSAFE = ("POST", "PUT", "PATCH", "DELETE")
# Beside those with a token below /api, the requests that programs of others send without a session, such as a mail
# program that unsubscribes (RFC 8058). They may come from anywhere, and cookies are taken off them: nothing can be done
# with one that a stranger could not do.
WITHOUT_SESSION = ("/unsubscribe",)
ASKS_FOR_CHANNELS = "/broadcasting/"
# Others than pages may be meant by what begins so.
OTHER_PATHS = (*GATEWAY_PATHS, *PROGRAM_PATHS, INCOMING_PATH)
HEADER_LIMIT = 32 * 1024
# What comes from somewhere else instead of us, such as the page of a hotel's network, does not have it.
OURS = (b"x-page", b"1")
# Nobody types it into an address, and PostgreSQL takes no text with it. Of pages it is left out; to a program, which is
# told what it does wrong, what is left would be another question.
NUL = re.compile(rb"%00|\0")
RESTARTING = _l("The server is restarting. Nothing was saved; try again in a moment.")
TOO_MUCH = _l("This workspace has reached its request limit. Nothing was saved; try again in a moment.")

log = structlog.get_logger("web")


class Judgement(Struct, frozen=True):
    """Who answers a request, or with which status it is refused; whose it is (None: no workspace's); and whether its
    cookies are taken off, as it may come from anywhere."""

    site: ASGIApp | None = None
    refusal: int = 0
    slug: str | None = None
    without_session: bool = False


class Gate:
    """The outermost ASGI application: passes a request on to the central site, to a workspace's pages or to what it has
    for programs, and sockets to both to `live`."""

    def __init__(
        self,
        settings: Settings,
        *,
        central: ASGIApp,
        workspace: ASGIApp,
        programs: ASGIApp,
        live: ASGIApp,
        gateway: ASGIApp,
        incoming: ASGIApp,
        readiness: Readiness,
        limits: WorkspaceLimits | None,
        languages: Languages,
        send_away: Callable[[], Awaitable[None]],
    ) -> None:
        self.settings = settings
        self.central = central
        self.workspace = workspace
        self.programs = programs
        self.live = live
        self.gateway = gateway
        self.incoming = incoming
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
            await self.workspace(scope, receive, send)
            return
        request_id = find_request_id(scope, self.settings)
        scope.setdefault("state", {})["request_id"] = request_id
        with bound_contextvars(request_id=request_id):
            await self.look_behind_proxies(hide_incoming(scope), receive, send)

    async def pass_on(self, scope: Any, receive: Receive, send: Send) -> None:
        """Judge, and say for which workspace everything is that follows."""
        judged = self.judge(scope)
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
        known = self.languages.known.get(self.find_slug(hosts[0]) or "") if len(hosts) == 1 else None
        await send_refusal(scope, send, status, *headers, detail=detail, known=known)

    def judge(self, scope: Any) -> Judgement:
        """Who answers, for which workspace; or why nobody does."""
        headers, path = scope["headers"], scope["path"]
        if sum(len(name) + len(value) for name, value in headers) + len(scope.get("raw_path") or b"") > HEADER_LIMIT:
            return Judgement(refusal=431)
        if "\0" in path:
            return Judgement(refusal=400)
        hosts = [value for name, value in headers if name == b"host"]
        if len(hosts) != 1 or any(byte <= 32 or byte >= 127 for byte in hosts[0]):
            return Judgement(refusal=400)
        host = hosts[0].decode("ascii").lower()
        if path.startswith(GATEWAY_PATHS) and (is_for_gateway(path) or is_gateway_socket(path)):
            host = self.leave_port_out(host)
        alone = host == f"{GATEWAY_HOST}.{self.settings.base_host}"
        slug = "" if alone else self.find_slug(host)
        if scope["type"] == "websocket":
            site, refusal = self.find_socket_site(headers, path, host, slug)
            judged = Judgement(site, refusal, slug or None)
        else:
            judged = self.find_site(scope, slug)
            if judged.without_session and NUL.search(scope["query_string"]):
                judged = Judgement(refusal=400)
            if judged.site and not judged.without_session and scope["method"] in UNSAFE:
                same = is_same_origin(headers, f"{self.settings.scheme}://{host}")
                judged = judged if same else Judgement(refusal=403)
        if alone and judged.site is not self.gateway and path not in ANY_HOST:
            return Judgement(refusal=404)
        return judged

    def find_socket_site(self, headers: Any, path: str, host: str, slug: str | None) -> tuple[ASGIApp | None, int]:
        """Who serves a socket, or the status that its handshake is refused with."""
        if slug is None:
            return None, 400
        if is_gateway_socket(path):  # whose app says from where it may come
            return self.gateway, 0
        if path != "/live":
            return None, 404
        origins = [value for name, value in headers if name == b"origin"]
        if len(origins) != 1 or origins[0].decode("latin-1") != f"{self.settings.scheme}://{host}":
            return None, 403
        return self.live, 0

    def find_site(self, scope: Any, slug: str | None) -> Judgement:
        """Who answers a request of a host."""
        path = scope["path"]
        if slug is None and path not in ANY_HOST:
            return Judgement(refusal=400)
        if path.startswith(OTHER_PATHS) and (other := self.find_other_site(scope, slug)):
            return other
        return Judgement(self.workspace if slug else self.central, 0, slug or None, path in WITHOUT_SESSION)

    def find_other_site(self, scope: Any, slug: str | None) -> Judgement | None:
        """Who answers what is none of the pages; None for what is. What asks for channels of the workspace comes with a
        token, or else from a page with a session."""
        path = scope["path"]
        if is_for_programs(path):
            return Judgement(self.programs, 0, slug, without_session=True) if slug else Judgement(refusal=404)
        if is_for_gateway(path):
            asks = path.startswith(ASKS_FOR_CHANNELS) and scope["method"] != "OPTIONS"
            without = not asks or first(scope["headers"], b"authorization") is not None
            return Judgement(self.gateway, 0, slug or None, without)
        return Judgement(self.incoming, 0, slug or None, without_session=True) if path == INCOMING_PATH else None

    def find_slug(self, host: str) -> str | None:
        """'' for the central host, the slug for a workspace's, None for any other."""
        base = self.settings.base_host
        if host == base:
            return ""
        slug = host.removesuffix("." + base)
        return slug if slug != host and SLUG.fullmatch(slug) else None

    def leave_port_out(self, host: str) -> str:
        """A host as if it was asked on the port of all pages: the proxy may have one for the gateway alone."""
        _, separator, port = self.settings.base_host.partition(":")
        return read_host_name(host) + separator + port
