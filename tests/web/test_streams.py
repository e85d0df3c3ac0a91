"""Answers that are sent piece by piece, and are cut off."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Any

import pytest
import structlog

from app.web.streams import Streamed


@pytest.mark.parametrize(
    ("error", "traced"),
    [(TimeoutError("the database does not answer"), False), (ValueError("a fault of ours"), True)],
    ids=["by the database", "by a fault"],
)
async def test_an_answer_that_is_cut_off_as_the_database_went_away_is_one_line(error: Exception, traced: bool) -> None:
    async def pieces() -> AsyncGenerator[bytes]:
        yield b"first"
        raise error

    sent: list[Any] = []

    async def send(message: Any) -> None:
        sent.append(message)

    answer = Streamed(pieces(), media_type="text/csv", headers={})
    with structlog.testing.capture_logs() as logs:
        await answer.send_pieces({"path": "/c/books/export", "state": {}}, send)  # type: ignore[typeddict-item]
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"], "it has no end"
    (line,) = logs
    assert line["log_level"] == "error"
    assert line["event"].startswith("answer cut off")
    assert ("exc_info" in line) == traced
    assert line.get("reason", "") == ("" if traced else "the database does not answer")
