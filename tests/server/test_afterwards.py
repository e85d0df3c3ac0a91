"""What reading a page leads to is done when its answer has gone out, and not when there was none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.web.test_request_ids import make_client


@pytest.mark.parametrize(("status", "done"), [(200, True), (303, True), (404, False), (500, False)])
async def test_what_a_page_leads_to_is_done_after_its_answer_and_not_after_an_error(
    tmp_path: Path, status: int, done: bool
) -> None:
    happened: list[str] = []

    async def read() -> None:
        happened.append("read")

    async def answer(scope: Any, receive: Any, send: Any) -> None:
        scope["state"].setdefault("afterwards", []).append(read)
        await send({"type": "http.response.start", "status": status, "headers": []})
        await send({"type": "http.response.body", "body": b""})
        happened.append("answered")

    async with make_client(answer, tmp_path) as client:
        assert (await client.get("/")).status_code == status
    assert happened == (["answered", "read"] if done else ["answered"])
