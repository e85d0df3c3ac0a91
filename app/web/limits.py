"""Limits on how often something may be done: sliding windows, counted here and, with Redis, over all nodes.

A window is two counters, of which the older one fades. (The library's moving windows keep each hit, and their storage
in memory looks through everybody's hits at each of them, in another thread for each.)

Without an answer from Redis this node's own count decides, at once: a limit may become wider, and no request waits.
"""

from __future__ import annotations

import asyncio
import hashlib
import time
from typing import Any

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter
from redis.asyncio import ConnectionPool
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from app.settings import Settings

# How often, in seconds, counters that are over are looked for in memory.
SWEPT_EVERY = 10.0
PATIENCE = 0.2
TRIED_AGAIN_AFTER = 3.0


class SweptStorage(MemoryStorage):
    """Counters in memory. The library looks through everybody's at each hit for those that are over."""

    swept = float("-inf")

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        """Count up, and now and then do so in the library's way, which forgets counters that are over."""
        if time.monotonic() >= self.swept + SWEPT_EVERY:
            self.swept = time.monotonic()
            return await super().incr(key, expiry, amount)
        count = await self.get(key) + amount  # which forgets this one, if it is over
        self.storage[key] = count
        if count == amount:
            self.expirations[key] = time.time() + expiry
        return count


class Windows:
    """Counts of what was done, by whom."""

    def __init__(self, settings: Settings) -> None:
        self.key = hashlib.blake2b(settings.secret_key.encode(), person=b"mutirao limits").digest()
        self.own = SlidingWindowCounterRateLimiter(SweptStorage())
        self.shared = SlidingWindowCounterRateLimiter(make_storage(settings.redis_url)) if settings.redis_url else None
        self.shared_from = 0.0

    async def test(self, item: RateLimitItem, *whose: str) -> bool:
        """Whether it may be done once more."""
        return await self.own.test(item, *whose) and await self.ask(item, whose, "test")

    async def hit(self, item: RateLimitItem, *whose: str) -> bool:
        """Count that it was done; whether it might be.

        It is counted here in any case, so that the loss of Redis does not give everybody a new start.
        """
        allowed = await self.own.hit(item, *whose)
        return await self.ask(item, whose, "hit") and allowed

    async def wait(self, item: RateLimitItem, *whose: str) -> float:
        """How many seconds it takes until it may be done again, as far as this node knows."""
        storage: Any = self.own.storage
        length, most = item.get_expiry(), item.amount
        before, fading, current, left = await storage.get_sliding_window(item.key_for(*whose), length)
        if before * fading / length + current < most:
            return 0
        if current < most:
            return float(fading - (most - current) * length / before)
        return float((fading if before else left - length) + length * (1 - most / current))

    async def ask(self, item: RateLimitItem, whose: tuple[str, ...], what: str) -> bool:
        """Test or count over all nodes; True when Redis does not answer in time, and for some seconds after that."""
        if self.shared is None or time.monotonic() < self.shared_from:
            return True
        # Redis gets no names and addresses.
        named = hashlib.blake2b("\0".join(whose).encode(), key=self.key, digest_size=16).hexdigest()
        do = self.shared.test if what == "test" else self.shared.hit
        try:
            async with asyncio.timeout(PATIENCE):
                return await do(item, named)
        except Exception:  # the bus, which talks to the same Redis, says what is wrong with it
            self.shared_from = time.monotonic() + TRIED_AGAIN_AFTER
            return True


def make_storage(url: str) -> RedisStorage:
    """Redis, asked once and not again."""
    pool = ConnectionPool.from_url(
        url, socket_timeout=PATIENCE, socket_connect_timeout=PATIENCE, retry=Retry(NoBackoff(), 0)
    )
    options: dict[str, Any] = {"connection_pool": pool}
    return RedisStorage(f"async+{url}", implementation="redispy", key_prefix="mutirao", **options)
