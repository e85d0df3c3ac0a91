"""Answers from below the application: to what is no request, or one that does not arrive. Nothing else makes them."""

from __future__ import annotations

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote

from uvicorn import Config

from app.web.problems import PROBLEM_TYPE, code_of, describe_problem, is_for_programs


def standing_headers(config: Config) -> Sequence[tuple[bytes, bytes]]:
    """The headers that every answer carries, as the outermost application says."""
    application: Any = config.app
    return getattr(application, "security", ())


def read_path(url: bytes) -> str:
    """The path of what is asked for, by its path alone or as a whole address (RFC 9112, 3.2)."""
    if b"://" in url.partition(b"?")[0]:
        url = b"/" + url.partition(b"://")[2].partition(b"/")[2]
    return unquote(url.partition(b"?")[0].decode("latin-1"))


def plain_answer(
    config: Config, status: int, text: str = "", *more: tuple[bytes, bytes], url: bytes = b"", request_id: str = ""
) -> bytes:
    """A whole answer, after which the connection ends. Programs, by the address that is asked for, get it as JSON."""
    content_type, path = "text/plain; charset=utf-8", read_path(url)
    if is_for_programs(path):
        content_type = PROBLEM_TYPE
        code = code_of(status)
        text = describe_problem(code, status=status, detail=text, request_id=request_id, instance=path).decode()
    headers = [
        *standing_headers(config),
        *more,
        (b"connection", b"close"),
        (b"content-type", content_type.encode()),
        (b"content-length", str(len(text)).encode()),
    ]
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode(), *(b": ".join(pair) for pair in headers)]
    return b"\r\n".join([*lines, b"", text.encode("ascii")])
