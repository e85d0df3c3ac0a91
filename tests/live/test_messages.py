"""The messages of a socket, as uvicorn's protocol keeps them for the application."""

from __future__ import annotations

import asyncio

import pytest

from app.server.websocket_protocol import Messages


async def test_messages_are_taken_in_the_order_they_came() -> None:
    messages = Messages()
    assert messages.empty()
    for number in range(3):
        messages.put_nowait(number)
    assert not messages.empty()
    assert [await messages.get() for _ in range(3)] == [0, 1, 2]
    assert messages.empty()


async def test_who_waits_gets_what_comes_next() -> None:
    messages = Messages()
    waiting = asyncio.create_task(messages.get())
    await asyncio.sleep(0)
    messages.put_nowait("one")
    messages.put_nowait("two")
    assert await waiting == "one"
    assert await messages.get() == "two"


async def test_a_wait_that_was_cancelled_takes_nothing() -> None:
    messages = Messages()
    waiting = asyncio.create_task(messages.get())
    await asyncio.sleep(0)
    messages.put_nowait("one")
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert await messages.get() == "one"
