"""Errors in the frame of the workspace, for whoever is signed in there."""

from __future__ import annotations

from typing import Any

from litestar import Response
from litestar.exceptions import HTTPException

from app.accounts.access import AnyRequest, SignInNeeded, begin_signed_in
from app.accounts.shell import render_page
from app.web.cookies import CookieError, read_cookie
from app.web.errors import frames_errors


@frames_errors
async def frame_error(request: AnyRequest, status: int, shown: dict[str, Any]) -> Response[str] | None:
    """The page of an error in the frame; None where nobody is signed in, or another one than its page was made for."""
    settings = request.app.state.settings
    try:
        if read_cookie(request.scope["headers"], settings.session_cookie) is None:
            return None
        async with begin_signed_in(request, writes=False) as (transaction, member):
            return await render_page(request, transaction, member, "accounts/error.html", status=status, **shown)
    except (SignInNeeded, HTTPException, CookieError):
        return None
