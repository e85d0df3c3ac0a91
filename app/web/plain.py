"""Answers from below the application: to what is no request, or one that does not arrive. Nothing else makes them."""

from __future__ import annotations

from http import HTTPStatus
from typing import Any

from uvicorn import Config


def standing_headers(config: Config) -> list[tuple[bytes, bytes]]:
    """The headers that every answer carries, as the outermost application says."""
    application: Any = config.app
    return getattr(application, "security", [])


def plain_answer(config: Config, status: int, text: str = "", *more: tuple[bytes, bytes]) -> bytes:
    """A whole answer, after which the connection ends."""
    headers = [
        *standing_headers(config),
        *more,
        (b"connection", b"close"),
        (b"content-type", b"text/plain; charset=utf-8"),
        (b"content-length", str(len(text)).encode()),
    ]
    lines = [f"HTTP/1.1 {status} {HTTPStatus(status).phrase}".encode(), *(b": ".join(pair) for pair in headers)]
    return b"\r\n".join([*lines, b"", text.encode("ascii")])
