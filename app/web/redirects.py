"""Leading a browser to another page."""

from __future__ import annotations

from collections.abc import Iterable

from litestar.datastructures import Cookie
from litestar.response import Redirect


def see_other(address: str, *, cookies: Iterable[Cookie] = ()) -> Redirect:
    """Have the browser get another page after a form, so that loading it again sends nothing (RFC 9110, 15.4.4)."""
    return Redirect(address, status_code=303, cookies=list(cookies))
