"""Answers with static files."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from litestar import HttpMethod, Request, Response, route
from litestar.exceptions import NotFoundException

from app.web.assets import VERSION, static_file, static_names, static_version

FOR_EVER = "public, max-age=31536000, immutable"
# What is no page needs nothing; the policy of pages would be as long as many a script.
STRICTEST = "default-src 'none'; frame-ancestors 'none'"
ZERO = re.compile(r"q=0(\.0*)?")


@route(
    "/static/{path:path}",
    http_method=[HttpMethod.GET, HttpMethod.HEAD],
    include_in_schema=False,
    sync_to_thread=False,
)
def show_static_file(request: Request[Any, Any, Any], path: Path) -> Response[bytes]:
    """A file, compressed for whoever takes it so. Raises NotFoundException.

    Under the address of another version, which a page asks for while the program is replaced by a newer one, it is what
    there is now, and nobody keeps it.
    """
    version, _, name = path.as_posix().lstrip("/").partition("/")
    if not VERSION.fullmatch(version):
        version, name = "", f"{version}/{name}" if name else version
    if name not in static_names():
        raise NotFoundException
    file = static_file(name)
    headers = {"cache-control": FOR_EVER if version == static_version() else "no-store"}
    headers["content-security-policy"] = STRICTEST
    content = file.content
    if file.compressed is not None:
        headers["vary"] = "accept-encoding"
        if takes_gzip(request.headers.get("accept-encoding", "")):
            headers["content-encoding"] = "gzip"
            content = file.compressed
    return Response(content, media_type=file.media_type, headers=headers)


def takes_gzip(accepted: str) -> bool:
    """Whether a client says so of itself (RFC 9110, 12.5.3)."""
    for each in accepted.lower().split(","):
        coding, _, weight = (part.strip() for part in each.partition(";"))
        if coding == "gzip":
            return not ZERO.fullmatch(weight.replace(" ", ""))
    return False
