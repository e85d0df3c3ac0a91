"""Calls: what a script of a page asks for, to show it in the page that is open. Others ask for a page."""

from __future__ import annotations

import math
from typing import Any

from litestar import MediaType, Request, Response

from app.web.texts import Text


def is_call(request: Request[Any, Any, Any]) -> bool:
    """Whether a page of ours asks by itself, and shows no other page."""
    return "x-page" in request.headers


def retry_after(seconds: float) -> dict[str, str]:
    """The header that says when it may be tried again (RFC 9110, 10.2.3)."""
    return {"Retry-After": str(max(1, math.ceil(round(seconds, 3))))}


def refuse_call(language: str, text: Text, status: int, headers: dict[str, str] | None = None) -> Response[Any]:
    """Say in a line why it is not done. The page shows it where it asked."""
    return Response(text.translate(language), status_code=status, media_type=MediaType.TEXT, headers=headers)
