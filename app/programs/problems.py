"""What is not done, and why, as programs are told it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import msgspec
from litestar import Request, Response
from litestar.exceptions import (
    HTTPException,
    MethodNotAllowedException,
    ValidationException,
)

from app.editing.rows import Held
from app.records.changes import Changed
from app.web import calls
from app.web.errors import SOON, PageError, find_cause, note_error
from app.web.forms import Invalid
from app.web.problems import PROBLEM_TYPE, PROBLEMS, code_of, describe_problem
from app.web.request_ids import request_id_of
from app.web.texts import Text


class FieldProblem(msgspec.Struct):
    """What is wrong with one member of what was sent; of the whole where `field` is empty."""

    field: str
    detail: str


class ProblemShape(msgspec.Struct, omit_defaults=True):
    """Why something was not done (RFC 9457). `code` is stable, `detail` is for people."""

    type: str
    title: str
    status: int
    detail: str
    code: str
    request_id: str
    instance: str
    errors: list[FieldProblem] | None = None
    scope: str | None = None
    holder: dict[str, Any] | None = None
    since: str | None = None
    until: str | None = None
    version: int | None = None
    preview: dict[str, Any] | None = None


class Problem(HTTPException):
    """Something is not done. `code` is one of `PROBLEMS`; `more` are members of the answer beside the usual ones."""

    def __init__(
        self,
        code: str,
        detail: str = "",
        *,
        errors: Mapping[str, Text | str] | None = None,
        headers: Mapping[str, str] | None = None,
        **more: Any,
    ) -> None:
        super().__init__(status_code=PROBLEMS[code][0], detail=detail or code, headers=dict(headers or {}))
        self.code = code
        self.said = detail
        self.more = more
        if errors is not None:
            self.more["errors"] = list_errors(errors)


def list_errors(errors: Mapping[str, Text | str]) -> list[dict[str, str]]:
    """What is wrong with each field."""
    return [
        {"field": name, "detail": text.translate("en") if isinstance(text, Text) else text}
        for name, text in errors.items()
    ]


def answer_problem(request: Request[Any, Any, Any], error: Exception) -> Response[bytes]:
    """The answer to an exception, whichever it is. What is our fault goes to the log."""
    found = find_problem(request, find_cause(error))
    headers = dict(found.headers or {})
    return Response(
        write_problem(request, found), status_code=found.status_code, media_type=PROBLEM_TYPE, headers=headers
    )


def write_problem(request: Request[Any, Any, Any], problem: Problem) -> bytes:
    """A problem of a request, as programs get it."""
    return describe_problem(
        problem.code,
        status=problem.status_code,
        detail=problem.said,
        request_id=request_id_of(request.scope),
        instance=request.scope["path"],
        **problem.more,
    )


def find_problem(request: Request[Any, Any, Any], error: Exception) -> Problem:
    """What an exception is called where programs are told of it."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, Invalid):
        found = Problem(code_of(error.status), error.first.translate("en"), errors=error.errors, headers=error.headers)
    elif isinstance(error, Held):
        return Problem("locked")
    elif isinstance(error, Changed):
        return Problem("version-changed")
    elif isinstance(error, ValidationException):
        extra: Any = error.extra or []
        return Problem("invalid", errors=dict(map(read_extra, extra)))
    elif isinstance(error, UnicodeDecodeError):
        return Problem("bad-request", "The body is not in UTF-8.")
    elif isinstance(error, RecursionError):
        return Problem("bad-request", "The body is nested too deeply.")
    elif isinstance(error, MethodNotAllowedException):
        given = {name.lower(): value for name, value in (error.headers or {}).items()}.get("allow", "")
        allowed = {each for each in given.split(", ") if each != "OPTIONS"} | ({"HEAD"} if "GET" in given else set())
        return Problem("method-not-allowed", headers={"Allow": ", ".join(sorted(allowed))})
    else:
        status = note_error(request, error)
        headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
        if status == 503:
            headers = calls.retry_after(SOON) | headers
        said = error.text.translate("en") if isinstance(error, PageError) else ""
        if not said and isinstance(error, HTTPException) and status == 400:
            said = error.detail.replace(ENDED_EARLY, "The JSON ends too early, or has half of a pair of surrogates")
        found = Problem(code_of(status), said, headers=headers)
        found.status_code = status
        return found
    found.status_code = error.status
    return found


# What msgspec says of both.
ENDED_EARLY = "Input data was truncated"
UNKNOWN_MEMBER = re.compile(r"Object contains unknown field `(.*)`")


def read_extra(extra: Mapping[str, Any]) -> tuple[str, str]:
    """The member that something is wrong with, and what, as the framework says it."""
    key, message = str(extra.get("key", "")), str(extra.get("message", ""))
    path = "" if key == "data" else key.removeprefix("data.")
    if unknown := UNKNOWN_MEMBER.fullmatch(message):
        return f"{path}.{unknown[1]}".removeprefix("."), "There is no such member."
    if not path and (message == "'data'" or message.startswith("Expected `object")):
        message = "A JSON object is needed."
    return path, message
