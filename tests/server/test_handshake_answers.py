"""What the server answers by itself, below the application, carries the headers of every answer."""

from __future__ import annotations

import asyncio
import socket

import pytest

from app.server.security_headers import security_headers
from app.settings import read_settings
from tests.conftest import Server

HANDSHAKE = (
    b"GET /live HTTP/1.1\r\nHost: %s\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n"
)


def ask(port: int, request: bytes) -> tuple[int, dict[str, list[str]]]:
    """The status and headers of an answer to any bytes."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection:
        connection.sendall(request)
        got = b""
        while b"\r\n\r\n" not in got and (piece := connection.recv(65536)):
            got += piece
    lines = got.split(b"\r\n\r\n")[0].decode().split("\r\n")
    headers: dict[str, list[str]] = {}
    for line in lines[1:]:
        name, _, value = line.partition(": ")
        headers.setdefault(name.lower(), []).append(value)
    return int(lines[0].split()[1]), headers


@pytest.mark.parametrize(
    ("status", "request_bytes"),
    [
        (400, b"nonsense\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\nHost: elsewhere\r\n\r\n"),
        (400, b"GET / HTTP/1.1\r\n\r\n"),
        (403, b"POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: 0\r\n\r\n"),
        (404, b"GET /nothing HTTP/1.1\r\nHost: %s\r\n\r\n"),
        (405, b"PUT /signup HTTP/1.1\r\nHost: %s\r\nSec-Fetch-Site: same-origin\r\nContent-Length: 0\r\n\r\n"),
        (431, b"GET / HTTP/1.1\r\nHost: %s\r\nX: " + b"x" * 70_000),
        (400, HANDSHAKE.replace(b"dGhlIHNhbXBsZSBub25jZQ==", b"short") + b"\r\n"),
        (400, HANDSHAKE.replace(b"Version: 13", b"Version: 12") + b"\r\n"),
        (403, HANDSHAKE + b"Origin: http://elsewhere\r\n\r\n"),
        (400, HANDSHAKE.replace(b"/live", b"/l\xc3\xa9") + b"\r\n"),
    ],
)
async def test_every_answer_of_the_server_itself_has_the_security_headers(
    shared_server: Server, status: int, request_bytes: bytes
) -> None:
    settings = read_settings(shared_server.settings())
    request = request_bytes.replace(b"%s", f"{settings.base_host}".encode())
    answered, headers = await asyncio.to_thread(ask, shared_server.port, request)
    assert answered == status
    routed = status in (404, 405)
    for name, value in security_headers(settings, "" if routed else None):
        assert headers.get(name.decode()) == [value.decode()], name
