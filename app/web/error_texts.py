"""What error pages say: what went wrong, what to do about it, and the ways on."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.web.request_ids import quote_request
from app.web.templates import render
from app.web.texts import WAIT_PLACE, Text, _l, say_wait
from app.web.typed_texts import TypedText

HEADINGS = {
    400: _l("This request can't be read"),
    403: _l("This is not allowed"),
    404: _l("Page not found"),
    405: _l("This isn't possible here"),
    409: _l("It has changed"),
    413: _l("This is too large"),
    429: _l("Too many requests"),
    500: _l("Something went wrong on our side"),
    503: _l("Not available right now"),
    507: _l("The disk is full"),
}
WAIT = _l("Wait %(wait)s, then try again.")
EXPLANATIONS = {
    400: _l("The browser sent something that can't be understood here. Go back and try again."),
    403: _l("You don't have permission to do this, or it came from another site."),
    404: _l("The page doesn't exist, was removed, or you don't have access to it."),
    405: _l("Go back and try again from the page itself."),
    409: _l("This has changed since you opened it. Nothing was saved."),
    413: _l("This is larger than the page accepts, and nothing was saved. Go back and send less at a time."),
    429: _l("Wait a few minutes, then try again."),
    500: _l("The error was recorded. Nothing you saved is lost; try again in a moment."),
    503: _l("The database is busy or can't be reached. Try again in a moment."),
    507: _l("The server is out of space, and nothing was saved. Your administrator can make room."),
}


def no_workspace_at(address: str) -> Text:
    """That there is nothing at an address that somebody took for the one of a workspace."""
    return _l("There is no workspace at %(address)s.", address=address)


def describe_error_page(
    status: int,
    *,
    request_id: str,
    detail: Text | None = None,
    heading: Text | None = None,
    typed: Sequence[TypedText] = (),
    wait: int = 0,
    back: str = "",
    again: str = "",
    find: str = "",
) -> dict[str, Any]:
    """What the page for a status code shows; `detail` and `heading` say more than the usual ones. `typed` is what was
    typed and is not stored, so that it is not lost. What is our fault says by which id it is found in the log. `wait`
    is in how many seconds it may be tried again, `back` the page with the form, `again` the address of what was asked
    for, `find` the page that finds workspaces, where there is none here."""
    shown = status if status in HEADINGS else (500 if status >= 500 else 400)
    explanation = detail or EXPLANATIONS[shown]
    if wait and status == 429:
        if WAIT_PLACE not in explanation.message:
            explanation = _l("%(why)s You can try again in %(wait)s.", why=explanation) if detail else WAIT
        explanation = say_wait(explanation, wait)
    return {
        "code": status,
        "heading": heading or HEADINGS[shown],
        "explanation": explanation,
        "reference": quote_request(request_id) if status >= 500 else None,
        "typed": typed,
        "back": back,
        "kept": bool(typed) or status == 413,
        "again": again if status in (429, 500, 503) else "",
        "find": find,
    }


def render_error(
    status: int, *, language: str, request_id: str, workspace: str = "", accent: str = "", **more: Any
) -> str:
    """The page for a status code without the frame, under the name of the workspace and in its color if
    they are known."""
    shown = describe_error_page(status, request_id=request_id, **more)
    return render(language, "error.html", workspace=workspace, accent=accent, **shown)
