"""Static files, by addresses that change with their content."""

from __future__ import annotations

from litestar.response import Response
from litestar.static_files import create_static_files_router

from app.web.templates import STATIC


def keep_for_ever(response: Response[bytes]) -> Response[bytes]:
    """Let browsers keep a file: its address has a digest of it."""
    response.headers["cache-control"] = "public, max-age=31536000, immutable"
    return response


static_files = create_static_files_router(
    path="/static", directories=[STATIC], after_request=keep_for_ever, include_in_schema=False
)
