"""Calls: what a script of a page asks for, to show it in the page that is open. Others ask for a page."""

from __future__ import annotations

import math
from typing import Any

from litestar import MediaType, Request, Response

from app.web.texts import Text


def is_call(request: Request[Any, Any, Any]) -> bool:
    """Whether a page of ours asks by itself, and shows no other page."""
    return "x-page" in request.headers


def refuse_call(language: str, text: Text, status: int, *, wait: float | None = None) -> Response[Any]:
    """Say in a line why it is not done, and after how many seconds it may be. The page shows it where it asked."""
    headers = {} if wait is None else {"retry-after": str(max(1, math.ceil(wait)))}
    return Response(text.translate(language), status_code=status, media_type=MediaType.TEXT, headers=headers)
