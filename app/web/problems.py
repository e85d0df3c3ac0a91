"""Problem details (RFC 9457): what programs are told when something is not done, by whomever of us."""

from __future__ import annotations

import json
from typing import Any

# Where agents come, by the Model Context Protocol.
AGENT_PATH = "/mcp"
# How all addresses begin that are for programs, so that of others it need not be asked.
PROGRAM_PATHS = (AGENT_PATH, "/api")
PROBLEM_TYPE = "application/problem+json"
JSON_TYPE = "application/json"
# What problems are called by: stable, as programs compare them. Each has a status, and a title.
PROBLEMS: dict[str, tuple[int, str]] = {
    "bad-request": (400, "This request can't be read"),
    "unauthorized": (401, "A token is needed"),
    "forbidden": (403, "This is not allowed"),
    "insufficient-scope": (403, "The token was not given this"),
    "origin-not-allowed": (403, "The token names no such origin"),
    "not-found": (404, "There is nothing here"),
    "method-not-allowed": (405, "This isn't possible here"),
    "timeout": (408, "The request came too slowly"),
    "conflict": (409, "It is not as it was"),
    "in-progress": (409, "The same request is being answered"),
    "answer-not-kept": (409, "It was done, and its answer was not kept"),
    "lock-lost": (409, "The lock is lost"),
    "gone": (410, "It is no longer there"),
    "version-changed": (412, "The version has moved on"),
    "too-large": (413, "This is too large"),
    "unsupported-type": (415, "This is of a type that is not read here"),
    "range-not-satisfiable": (416, "The file has no such part"),
    "invalid": (422, "The values won't do"),
    "key-reused": (422, "The key was used for another request"),
    "locked": (423, "Somebody holds it"),
    "precondition-required": (428, "The version that is meant is needed"),
    "too-many-requests": (429, "Too many requests"),
    "header-too-large": (431, "The header is too large"),
    "internal": (500, "Something went wrong on our side"),
    "unavailable": (503, "Not available right now"),
    "disk-full": (507, "The disk is full"),
}
# Those of a status, where nothing else is known.
BY_STATUS: dict[int, str] = {}
for _code, (_status, _) in PROBLEMS.items():
    BY_STATUS.setdefault(_status, _code)


def is_for_programs(path: str) -> bool:
    """Whether an address is for programs, that come with tokens; `/api/docs` is a page, for people."""
    if not path.startswith(PROGRAM_PATHS) or path == AGENT_PATH:
        return path == AGENT_PATH
    below = path == "/api" or path.startswith("/api/")
    return below and path != "/api/docs" and not path.startswith("/api/docs/")


def code_of(status: int) -> str:
    """What a problem of a status is called."""
    return BY_STATUS.get(status) or ("internal" if status >= 500 else "bad-request")


def describe_problem(
    code: str, *, status: int = 0, detail: str = "", request_id: str = "", instance: str = "", **more: Any
) -> bytes:
    """A problem as JSON. `more` is what else there is to say of this one."""
    usual, title = PROBLEMS[code]
    said = {
        "type": f"urn:mutirao:problem:{code}",
        "title": title,
        "status": status or usual,
        "detail": detail or f"{title}.",
        "code": code,
        "request_id": request_id,
        "instance": instance,
    }
    return json.dumps({**said, **more}).encode()
