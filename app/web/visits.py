"""Who asks for a page that has an effect by being opened: a person, or a browser and a site by themselves.

A browser says so with each request (https://www.w3.org/TR/fetch-metadata/, https://www.w3.org/TR/prefetch/).
"""

from __future__ import annotations

from typing import Any

from litestar import Request


def is_seen(request: Request[Any, Any, Any]) -> bool:
    """Whether somebody sees the page that is asked for: then what it tells of is read.

    Nobody sees what a browser or a script of ours (js/prefetch.js) fetches ahead, what another site takes for an image
    or asks for by a script, or a page that fetches itself anew while it is hidden.
    """
    headers = request.headers
    destination = headers.get("sec-fetch-dest", "document")
    by_our_script = destination == "empty" and headers.get("sec-fetch-site", "same-origin") == "same-origin"
    return (
        not request.scope["state"].get("head")
        and "hidden" not in headers.get("x-refresh", "")
        and "prefetch" not in headers.get("sec-purpose", "") + headers.get("purpose", "")
        and (destination == "document" or by_our_script)
    )


def is_visit(request: Request[Any, Any, Any]) -> bool:
    """Whether somebody opens the page themselves, from a page of ours or by its address: then it may take a lock.

    Who does not say where they come from might be led here by another site.
    """
    headers = request.headers
    return (
        is_seen(request)
        and "refresh" not in headers.get("x-refresh", "")
        and headers.get("sec-fetch-site") in ("same-origin", "none")
    )
