"""Errors in the frame of the operators' pages, for whoever is signed in there."""

from __future__ import annotations

import re
from typing import Any

from litestar import Response

from app.accounts.access import AnyRequest
from app.operators.access import OperatorSignInNeeded, provide_operator, render_operators_page
from app.web.cookies import CookieError
from app.web.errors import frames_errors


@frames_errors
async def frame_operators_error(request: AnyRequest, status: int, shown: dict[str, Any]) -> Response[str] | None:
    """The page of an error in the frame; None where it is none of theirs, or nobody is signed in."""
    path, state = request.scope["path"], request.app.state
    if request.scope["state"].get("slug") or not re.match("/operator(/|$)", path):
        return None
    try:
        operator = await provide_operator(request, state.database, state.settings)
    except (OperatorSignInNeeded, CookieError):
        return None
    return render_operators_page(request, operator, "operators/error.html", status=status, **shown)
