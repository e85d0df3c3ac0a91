"""The session cookie, read strictly.

Litestar's parser takes the last of duplicates and strips names as Latin-1, so that a cookie planted by a sibling
workspace could stand for ours.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import takewhile

from litestar.datastructures import Cookie

from app.settings import Settings

# Folders of an address for which a doubled cookie is taken away; deeper ones are none of ours.
CLEARED_FOLDERS = 5
# What an address is asked by is not written into a header as it comes.
FOLDER = re.compile(r"[A-Za-z0-9._~-]+")

# Takes away a browser's cookies of this host and of those around it. A page of one of these can set so many that each
# request of the browser is too large, and would be refused for ever (https://www.w3.org/TR/clear-site-data/).
CLEAR_COOKIES = (b"clear-site-data", b'"cookies"')

# Says of a browser that it runs the scripts of pages, as it has opened a socket. It is gone when the browser is closed.
SCRIPTS_COOKIE = "scripts"
SET_SCRIPTS_COOKIE = (b"set-cookie", f"{SCRIPTS_COOKIE}=run; Path=/; HttpOnly; SameSite=Lax".encode())


class CookieError(Exception):
    """The cookie header can't be trusted: the cookie `name` is there twice, or holds what we never gave."""

    def __init__(self, reason: str, name: str) -> None:
        super().__init__(reason)
        self.name = name


def read_cookie(headers: Iterable[tuple[bytes, bytes]], wanted: str) -> str | None:
    """The value of the cookie of exactly this name, or None.

    Other cookies are ignored, malformed ones too: whoever runs a sibling host can set them. Raises CookieError when
    the name is there twice, or with a value that is not printable ASCII.
    """
    found: str | None = None
    for header, content in headers:
        if header != b"cookie":
            continue
        for part in content.split(b";"):
            name, _, value = part.strip(b" \t").partition(b"=")
            if name != wanted.encode():
                continue
            if found is not None:
                raise CookieError("the cookie is there twice", wanted)
            if any(byte < 32 or byte >= 127 for byte in value):
                raise CookieError("the cookie is not ASCII", wanted)
            found = value.decode("ascii")
    return found


def runs_scripts(headers: Iterable[tuple[bytes, bytes]]) -> bool:
    """Whether the browser of a request is known to run the scripts of pages."""
    try:
        return read_cookie(headers, SCRIPTS_COOKIE) is not None
    except CookieError:  # no more than a guess hangs on it
        return False


def clearing_cookies(settings: Settings, name: str, host: str, path: str) -> list[Cookie]:
    """Cookies that take away one of ours wherever it can have been set: for this host or one above, on each path.

    A browser takes a cookie away only where path and domain are those it was set with.
    """
    parts = list(takewhile(FOLDER.fullmatch, path.strip("/").split("/")))[:CLEARED_FOLDERS]
    folders = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    paths = ["/", *(address for folder in folders for address in (f"/{folder}", f"/{folder}/"))]
    labels = host.partition(":")[0].split(".")
    above = [".".join(labels[start:]) for start in range(len(labels) - 1)]
    domains = [None] if name.startswith("__Host-") else [None, *above]
    return [
        Cookie(key=name, value="", path=path, domain=domain, max_age=0, secure=settings.secure)
        for path in paths
        for domain in domains
    ]


def session_cookie(settings: Settings, token: str, *, seconds: int, name: str = "") -> Cookie:
    """The cookie that signs a browser in; `seconds` 0 takes it away. `name` is another one than a member's."""
    return Cookie(
        key=name or settings.session_cookie,
        value=token,
        path="/",
        max_age=seconds,
        secure=settings.secure,
        httponly=True,
        samesite="lax",
    )
