"""Judging a request or socket: which site it is for, by its Host header alone, who answers it there, and why nobody
does, as for one that comes from another site, or whose headers are more than a browser sends."""

from __future__ import annotations

import re
from typing import Any

from litestar.types import ASGIApp
from msgspec import Struct

from app.chat.incoming import INCOMING_PATH
from app.database.tenancy import SLUG
from app.gateway.names import GATEWAY_PATHS, is_for_gateway, is_gateway_socket
from app.settings import Settings
from app.web.problems import PROGRAM_PATHS, is_for_programs

ANY_HOST = ("/healthz", "/readyz", "/metrics", "/certificate")
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
# Nobody types it into an address, and PostgreSQL takes no text with it. Of pages it is left out; to a program, which is
# told what it does wrong, what is left would be another question.
NUL = re.compile(rb"%00|\0")
PORT = re.compile("[0-9]{1,5}")


class Judgement(Struct, frozen=True):
    """Who answers a request, or with which status it is refused; whose it is (None: no workspace's); and whether its
    cookies are taken off, as it may come from anywhere."""

    site: ASGIApp | None = None
    refusal: int = 0
    slug: str | None = None
    without_session: bool = False


class Sites:
    """The sites of an installation: the central one, workspaces, programs, sockets; and which of them is meant."""

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
    ) -> None:
        self.settings = settings
        self.central = central
        self.workspace = workspace
        self.programs = programs
        self.live = live
        self.gateway = gateway
        self.incoming = incoming

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


def read_host_name(host: str) -> str:
    """The name in a Host header; '' where what follows the colon is no port."""
    name, colon, port = host.partition(":")
    return name if not colon or (PORT.fullmatch(port) and 0 < int(port) < 2**16) else ""


def first(headers: Any, wanted: bytes) -> str | None:
    """The first value of a header, or None."""
    for name, value in headers:
        if name == wanted:
            return str(value.decode("latin-1"))
    return None


def is_same_origin(headers: Any, origin: str) -> bool:
    """Whether a page of this very origin sent the request.

    Workspaces are 'same-site' to each other, so the browser's cookies don't tell. Sec-Fetch-Site does, and where a
    browser lacks it, Origin; a request with neither is refused.
    """
    site = first(headers, b"sec-fetch-site")
    return site == "same-origin" if site is not None else first(headers, b"origin") == origin
