"""Windows in memory: what is counted is kept as long as it counts, and no longer."""

from __future__ import annotations

import time

import pytest
from limits import RateLimitItemPerMinute
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from app.web.limits import SWEPT_EVERY, SweptStorage

THREE = RateLimitItemPerMinute(3)


class Clock:
    """Time as the storage sees it."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.passed = 0.0
        started, since = time.time(), time.monotonic()
        started -= started % 60  # at the beginning of a window
        monkeypatch.setattr(time, "time", lambda: started + self.passed)
        monkeypatch.setattr(time, "monotonic", lambda: since + self.passed)


async def test_hits_are_counted_each_for_its_own_and_fade_with_their_window(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    windows = SlidingWindowCounterRateLimiter(SweptStorage())
    for who in ("ana", "bruno"):
        assert [await windows.hit(THREE, who) for _ in range(5)] == [True, True, True, False, False]
    clock.passed = 60 + 30  # half of the window is past: one and a half of three still count
    assert [await windows.hit(THREE, "ana") for _ in range(3)] == [True, True, False]


async def test_counters_that_are_over_are_forgotten_though_nobody_comes_back(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    storage = SweptStorage()
    windows = SlidingWindowCounterRateLimiter(storage)
    for number in range(100):
        assert await windows.hit(THREE, f"visitor {number}")
    assert len(storage.storage) == 100
    clock.passed = 10 * 60 + SWEPT_EVERY
    await windows.hit(THREE, "somebody else")
    assert storage.timer is not None
    await storage.timer
    assert len(storage.storage) == len(storage.expirations) == 1
