"""Waiting until something holds, where nothing tells that it does."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from tests.databases import Store


async def until(condition: Callable[[], Any], *, seconds: float = 30) -> None:
    """Wait until something holds; it may be a coroutine function."""
    async with asyncio.timeout(seconds):
        while True:
            found = condition()
            if await found if asyncio.iscoroutine(found) else found:
                return
            await asyncio.sleep(0.05)


async def until_keys_are_written(store: Store) -> None:
    """Wait until new fields have their keys, which are written after the answer and change the field's row."""
    await until(lambda: not store.rows("SELECT 1 FROM field WHERE NOT keyed AND removed_at IS NULL"))
