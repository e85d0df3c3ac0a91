"""Libraries with large tables, which are imported when the first request needs them: in a thread, before its
transaction begins, as that takes up to a third of a second, in which nobody else would be answered, or write."""

from __future__ import annotations

import asyncio
from functools import _lru_cache_wrapper
from typing import TypeVar

Brought = TypeVar("Brought")


async def load_library(load: _lru_cache_wrapper[Brought]) -> Brought:
    """What a function imports, which is cached: in a thread unless it is there already."""
    return load() if load.cache_info().currsize else await asyncio.to_thread(load)
