"""A request that the end of the process cuts off is told so."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from app.server import serving
from app.settings import read_settings
from tests.web.test_request_ids import make_gate


async def ask(application: Any, *, cancel: bool, tmp_path: Path) -> list[Any]:
    """What the gate sends when the application behind it is cancelled, or fails."""
    settings = read_settings({"SECRET_KEY": "x" * 64, "DATA_DIR": str(tmp_path), "BASE_URL": "http://hero.localhost"})
    gate = make_gate(application, settings)
    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    headers = [(b"host", b"hero.localhost")]
    scope = {"type": "http", "path": "/", "query_string": b"", "method": "GET", "headers": headers, "state": {}}
    task = asyncio.create_task(gate(scope, None, send))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    if cancel:
        task.cancel()
    await task
    return sent


async def test_a_request_that_is_cancelled_gets_the_page_of_503_and_when_to_try_again(tmp_path: Path) -> None:
    async def wait(scope: Any, receive: Any, send: Any) -> None:
        await asyncio.Event().wait()

    start, body = await ask(wait, cancel=True, tmp_path=tmp_path)
    headers = dict(start["headers"])
    assert start["status"] == 503
    assert headers[b"retry-after"] == b"5"
    assert b"content-security-policy" in headers
    assert b"restarting" in body["body"]


async def test_an_error_that_nobody_has_caught_gets_the_page_of_500(tmp_path: Path) -> None:
    async def fail(scope: Any, receive: Any, send: Any) -> None:
        raise ValueError("unforeseen")

    start, body = await ask(fail, cancel=False, tmp_path=tmp_path)
    assert start["status"] == 500
    assert b"<h1" in body["body"]


async def test_an_answer_that_has_begun_is_not_begun_again(tmp_path: Path) -> None:
    async def begin(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await asyncio.Event().wait()

    assert [message["type"] for message in await ask(begin, cancel=True, tmp_path=tmp_path)] == ["http.response.start"]


def test_requests_may_finish_longer_than_they_wait_inside_for_a_connection_and_a_turn() -> None:
    assert serving.FINISH > 10 + 10
