"""Error pages in the program's own look."""

from __future__ import annotations

import errno
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Any
from urllib.parse import quote

import structlog
from litestar import MediaType, Request, Response
from litestar.exceptions import HTTPException
from litestar.types import Receive, Scope, Send
from sqlalchemy.exc import DBAPIError, TimeoutError

from app.database import postgresql
from app.database.tenancy import TenantScopeError
from app.web import calls
from app.web.calls import is_call, refuse_call
from app.web.cookies import CookieError, clearing_cookies
from app.web.error_texts import EXPLANATIONS, describe_error_page, no_workspace_at
from app.web.forms import Invalid
from app.web.languages import browser_language
from app.web.pages_above import find_own_address, find_page_above, find_page_before, is_opened
from app.web.request_ids import request_id_of
from app.web.templates import render
from app.web.texts import Text, _l, say_wait
from app.web.typed_texts import TypedText, list_typed

# PostgreSQL's SQLSTATE for it (https://www.postgresql.org/docs/current/errcodes-appendix.html).
DISK_FULL = "53100"
# After how many seconds what can't be done now may be tried again.
SOON = 5

log = structlog.get_logger("web")

# Which are shown in the frame of the workspace to whoever is signed in: what is refused.
FRAMED = frozenset({400, 403, 404, 405, 409, 413, 422, 429})
# Each puts the pages of errors in its place into their frame, if somebody is signed in: (request, status, what the page
# shows).
FrameError = Callable[[Request[Any, Any, Any], int, dict[str, Any]], Awaitable[Response[str] | None]]
FRAMES: list[FrameError] = []


def frames_errors(frame: FrameError) -> FrameError:
    """Register the function that puts an error's page into the frame of its place."""
    FRAMES.append(frame)
    return frame


class PageError(HTTPException):
    """A refusal with words for the person who sees the page. `retry_after` is in how many seconds it may do, which its
    text says where it has a place for it; `typed` is what was not stored, where that is not all of the form."""

    def __init__(
        self,
        status: int,
        detail: Text,
        *,
        heading: Text | None = None,
        retry_after: float | None = None,
        typed: Sequence[TypedText] | None = None,
    ) -> None:
        headers = None if retry_after is None else calls.retry_after(retry_after)
        super().__init__(status_code=status, detail=detail.message, headers=headers)
        self.text = detail if retry_after is None else say_wait(detail, retry_after)
        self.heading = heading
        self.typed = typed


class Gone(PageError):
    """What somebody wants to end, or to have, was there and is not any more: they, or somebody else, have ended it."""

    def __init__(self, detail: Text) -> None:
        super().__init__(404, detail, heading=_l("It is no longer there"))


def handle_error(request: Request[Any, Any, Any], error: Exception) -> Response[Any]:
    """Answer an exception with its page; what is our fault goes to the log."""
    error, state = find_cause(error), request.scope.get("state", {})
    frames = FRAMES and isinstance(error, HTTPException | Invalid) and not is_call(request)
    if state.get("language") and not frames:
        return answer_error(request, error, state["language"])
    return LateError(request, error)


class LateError(Response[None]):
    """The page of an exception for which something is read first: the language, where the exception came before the
    request's workspace was read; its frame, where somebody is signed in."""

    def __init__(self, request: Request[Any, Any, Any], error: Exception) -> None:
        super().__init__(None)
        self.request = request
        self.error = error
        self.is_nowhere = False  # on the host of a workspace that there is not

    def to_asgi_response(self, *arguments: Any, **options: Any) -> Any:
        """Find the language, then answer."""

        async def answer(scope: Scope, receive: Receive, send: Send) -> None:
            language = self.request.scope.get("state", {}).get("language") or await self.find_language()
            page = answer_error(self.request, self.error, language, is_nowhere=self.is_nowhere)
            response = await self.frame(page) or page
            await response.to_asgi_response(*arguments, **options)(scope=scope, receive=receive, send=send)

        return answer

    async def find_language(self) -> str:
        """The language of the workspace; where there is none, or it is not known and can't be read, one that the
        browser asks for."""
        slug = self.request.scope.get("state", {}).get("slug")
        found = None
        if slug:
            try:
                languages = self.request.app.state.languages
                if isinstance(self.error, HTTPException):
                    found = await languages.find(slug)
                    self.is_nowhere = found is None
                else:  # the database may be what is wrong
                    found = languages.known.get(slug, ("",))[0]
            except Exception as failure:  # the page is the one of the error there was first
                log.warning("the language of an error page is not known", reason=first_line(failure))
        return found or browser_language(self.request)

    async def frame(self, page: Response[str]) -> Response[str] | None:
        """The page in the frame of its place, for whoever is signed in there; None where it stays as it is."""
        if not isinstance(page, ErrorPage) or page.status_code not in FRAMED or not isinstance(page.status_code, int):
            return None
        for frame in FRAMES:
            try:
                framed = await frame(self.request, page.status_code, page.shown)
            except Exception as failure:
                log.warning("an error page is shown without its frame", reason=first_line(failure))
                return None
            if framed is not None:
                framed.headers.update(page.headers)
                framed.cookies.extend(page.cookies)
                return framed
        return None


class ErrorPage(Response[str]):
    """The page of an error without the frame, and what it shows."""

    shown: dict[str, Any]


def answer_error(
    request: Request[Any, Any, Any], error: Exception, language: str, *, is_nowhere: bool = False
) -> Response[str]:
    """The answer to an exception, in a language.

    A cookie of ours that can't be trusted is taken away, or the browser would be refused for ever.
    """
    answer = render_answer(request, error, language, is_nowhere)
    if isinstance(error, CookieError):
        host, path = request.headers.get("host", ""), request.scope["path"]
        answer.cookies.extend(clearing_cookies(request.app.state.settings, error.name, host, path))
    return answer


def render_answer(request: Request[Any, Any, Any], error: Exception, language: str, is_nowhere: bool) -> Response[str]:
    """The page of an exception; where there is no workspace at all, it says so, and leads to where one is found."""
    status = note_error(request, error)
    detail, heading = (error.text, error.heading) if isinstance(error, PageError) else (None, None)
    if isinstance(error, Invalid):
        detail = error.first
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    if status == 503:
        headers = calls.retry_after(SOON) | headers
    if status == 405 and is_opened(request):
        return Response("", status_code=303, headers={"location": quote(find_page_above(request))})
    if is_call(request):
        return refuse_call(language, detail or EXPLANATIONS.get(status, EXPLANATIONS[500]), status, headers)
    reads = request.method in ("GET", "HEAD")
    find = ""
    if status == 404 and is_nowhere:
        detail, find = no_workspace_at(request.headers.get("host", "")), f"{request.app.state.settings.base_url}/find"
    typed = error.typed if isinstance(error, PageError) else None
    shown = describe_error_page(
        status,
        request_id=request_id_of(request.scope),
        detail=detail,
        heading=heading,
        typed=list_typed(request, language) if typed is None else typed,
        wait=int(headers.get("Retry-After", 0)),
        back="" if reads else find_page_before(request),
        again=find_own_address(request) if reads else "",
        find=find,
    )
    name, color = find_workspace_look(request)
    html = render(language, "error.html", workspace=name, accent=color, **shown)
    page = ErrorPage(html, status_code=status, media_type=MediaType.HTML, headers=headers)
    page.shown = shown
    return page


def find_workspace_look(request: Request[Any, Any, Any]) -> tuple[str, str]:
    """The name of the workspace of a request, and its color, as far as they are known; '' on the central host."""
    slug = request.scope.get("state", {}).get("slug")
    languages = getattr(request.app.state, "languages", None)
    if not slug or languages is None:
        return "", ""
    _, name, color = languages.known.get(slug, ("", "", ""))
    return name, color


def note_error(request: Request[Any, Any, Any], error: Exception) -> int:
    """The status that an exception is answered with. What is our fault goes to the log."""
    if isinstance(error, CookieError):
        return 400
    if isinstance(error, HTTPException):
        return error.status_code
    if isinstance(error, Invalid):  # where no form is shown again
        return error.status
    if is_beyond_all_numbers(error):
        return 404
    if isinstance(error, TenantScopeError):
        logging.getLogger("web").critical("a statement reached beyond its tenant", exc_info=error)
    where = {"path": request.scope["path"], "method": request.method}
    if is_disk_full(error):
        log.error("the disk is full", reason=first_line(error), **where)
        return 507
    if is_database_away(error):
        log.error("the database is not available", reason=first_line(error), **where)
        return 503
    log.error("request failed", exc_info=error, **where)
    return 500


def find_cause(error: Exception) -> Exception:
    """What an exception is about: itself, or of a group the one that is answered, which is our fault if any is."""
    if not isinstance(error, ExceptionGroup):
        return error
    causes = [find_cause(each) for each in error.exceptions]
    return next((each for each in causes if not is_not_ours(each)), causes[0])


def is_not_ours(error: Exception) -> bool:
    """Whether an exception is answered by something else than that it went wrong here."""
    told = isinstance(error, HTTPException | Invalid) or is_beyond_all_numbers(error)
    return told or is_disk_full(error) or is_database_away(error)


def is_beyond_all_numbers(error: Exception) -> bool:
    """Whether an address or a form asked for a row by a number that the database's whole numbers do not reach."""
    return isinstance(error, OverflowError) or (isinstance(error, DBAPIError) and "value out of int" in str(error.orig))


def first_line(error: BaseException) -> str:
    """What an exception says, in one line; its name when it says nothing."""
    return next(iter(str(error).splitlines()), "") or type(error).__name__


def is_disk_full(error: BaseException) -> bool:
    """Whether the cause of an exception is that there is no room left, for the database or for a file."""
    if isinstance(error, DBAPIError):
        return getattr(error.orig, "sqlstate", None) == DISK_FULL or "disk is full" in str(error.orig)
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def is_database_away(error: BaseException | None) -> bool:
    """Whether the cause of an exception is a database that can't be reached."""
    if isinstance(error, ExceptionGroup):
        return all(map(is_database_away, error.exceptions))
    return (
        postgresql.is_away(error)
        or isinstance(error, TimeoutError)
        or (isinstance(error, DBAPIError) and type(error.orig).__name__ == "OperationalError")
    )
