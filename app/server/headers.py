"""What the gate reads of a request's headers: its id, where it comes from, and where to."""

from __future__ import annotations

import re
import secrets
from typing import Any

from app.chat.incoming import INCOMING_PATH
from app.settings import Settings
from app.web.request_ids import HEADER

# Which ids of a proxy of ours are taken.
REQUEST_ID = re.compile(rb"[A-Za-z0-9][A-Za-z0-9._-]{7,63}")
PORT = re.compile("[0-9]{1,5}")


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


def read_host_name(host: str) -> str:
    """The name in a Host header; '' where what follows the colon is no port."""
    name, colon, port = host.partition(":")
    return name if not colon or (PORT.fullmatch(port) and 0 < int(port) < 2**16) else ""


def hide_incoming(scope: Any) -> Any:
    """A request without the secret that its path has, where that is the address of a room: it is in the state, where no
    log and no page of an error finds it. The path that is left names no room."""
    if scope["type"] != "http" or not scope["path"].startswith(INCOMING_PATH + "/"):
        return scope
    state = {**scope["state"], "incoming": scope["path"][len(INCOMING_PATH) + 1 :]}
    return {**scope, "path": INCOMING_PATH, "raw_path": INCOMING_PATH.encode(), "query_string": b"", "state": state}


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
