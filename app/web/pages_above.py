"""Ways on from a page that could not be had: addresses that only take forms lead to the page above them, what was
sent to the page that it was sent from."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote, urlsplit

from litestar import Request
from litestar.routes import HTTPRoute
from litestar.types.internal_types import PathParameterDefinition


def find_page_above(request: Request[Any, Any, Any]) -> str:
    """The longest beginning of a request's path that is the address of a page; `/` where none is."""
    parts = request.scope["path"].strip("/").split("/")
    pages = [
        route.path_components
        for route in request.app.routes
        if isinstance(route, HTTPRoute) and "GET" in route.methods and route.path_components
    ]
    for count in range(len(parts) - 1, 0, -1):
        if any(fits(components, parts[:count]) for components in pages):
            return "/" + "/".join(parts[:count])
    return "/"


def fits(components: list[str | PathParameterDefinition], parts: list[str]) -> bool:
    """Whether a path is one of a route's."""
    return len(components) == len(parts) and all(
        each == part if isinstance(each, str) else bool(part) and (each.type is not int or part.isdecimal())
        for each, part in zip(components, parts, strict=True)
    )


def is_opened(request: Request[Any, Any, Any]) -> bool:
    """Whether a browser asks for a page that it is to show: one that was typed, reloaded or gone back to."""
    return request.method == "GET" and request.headers.get("sec-fetch-mode") == "navigate"


def find_page_before(request: Request[Any, Any, Any]) -> str:
    """The address on this host of the page that sent a form; '' where the browser does not tell, or it is another
    host's."""
    referrer = urlsplit(request.headers.get("referer", ""))
    if referrer.netloc != request.headers.get("host") or not re.fullmatch(r"/(?![/\\])[!-~]*", referrer.path):
        return ""
    return referrer.path + (f"?{referrer.query}" if referrer.query else "")


def find_own_address(request: Request[Any, Any, Any]) -> str:
    """The address of a request on its host."""
    query = request.scope["query_string"].decode("latin-1")
    return quote(request.scope["path"]) + (f"?{query}" if query else "")
