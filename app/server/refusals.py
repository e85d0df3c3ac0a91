"""What the gate answers by itself: a page, or JSON where a program or a client of the gateway asks."""

from __future__ import annotations

import json
from http import HTTPStatus
from typing import Any

from litestar import Request
from litestar.types import Send

from app.gateway.names import is_for_gateway
from app.web.error_texts import render_error
from app.web.languages import browser_language
from app.web.problems import PROBLEM_TYPE, code_of, describe_problem, is_for_programs
from app.web.texts import Text


async def send_refusal(
    scope: Any,
    send: Send,
    status: int,
    *headers: tuple[bytes, bytes],
    detail: Text | None = None,
    known: tuple[str, str, str] | None = None,
) -> None:
    """Answer with the page of a status, with the language, name and color of its workspace where they are `known`, or
    in a language that the browser asks for; programs get it as JSON."""
    request_id, path = scope["state"]["request_id"], scope["path"]
    if is_for_programs(path):
        said = detail.translate("en") if detail else ""
        body = describe_problem(code_of(status), status=status, detail=said, request_id=request_id, instance=path)
        content_type = PROBLEM_TYPE
    elif is_for_gateway(path):
        said = detail.translate("en") if detail else HTTPStatus(status).phrase.lower()
        body = json.dumps({"error": said}).encode()
        content_type = "application/json"
    else:
        language, name, color = known or (browser_language(Request(scope)), "", "")
        look = {"workspace": name, "accent": color}
        body = render_error(status, language=language, detail=detail, request_id=request_id, **look).encode()
        content_type = "text/html; charset=utf-8"
    content = [(b"content-type", content_type.encode()), (b"content-length", str(len(body)).encode()), *headers]
    await send({"type": "http.response.start", "status": status, "headers": content})
    await send({"type": "http.response.body", "body": body, "more_body": False})
