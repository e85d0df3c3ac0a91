"""The session cookie, read strictly.

Litestar's parser takes the last of duplicates and strips names as Latin-1, so that a cookie planted by a sibling
workspace could stand for ours.
"""

from __future__ import annotations

from collections.abc import Iterable

from litestar.datastructures import Cookie

from app.settings import Settings


class CookieError(Exception):
    """The cookie header can't be trusted: a name twice, or one that is not ASCII."""


def read_cookie(headers: Iterable[tuple[bytes, bytes]], wanted: str) -> str | None:
    """The value of one cookie, or None.

    Raises CookieError when the name is there twice, or when any name holds what is not printable ASCII.
    """
    found: str | None = None
    for header, content in headers:
        if header != b"cookie":
            continue
        for part in content.split(b";"):
            name, _, value = part.strip(b" \t").partition(b"=")
            if any(byte <= 32 or byte >= 127 for byte in name):
                raise CookieError("a cookie's name is not ASCII")
            if name.decode("ascii").lower() == wanted.lower():
                if found is not None or name.decode("ascii") != wanted:
                    raise CookieError("the session cookie is there twice")
                if any(byte < 32 or byte >= 127 for byte in value):
                    raise CookieError("the session cookie is not ASCII")
                found = value.decode("ascii")
    return found


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
