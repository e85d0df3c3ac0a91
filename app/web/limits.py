"""Limits on how often something may be done: sliding windows, counted here and, with Redis, over all nodes.

What is limited is counted before it is done (`hit`), and given back if it turns out not to count (`give_back`). There
is no way to look first and count later: as many as come at once would all find that there is still room.

A window is two counters, of which the older one fades. (The library's moving windows keep each hit, and their storage
in memory looks through everybody's hits at each of them, in another thread for each.)

Without an answer from Redis this node's own count decides, at once: a limit may become wider, and no request waits.
"""

from __future__ import annotations

import asyncio
import hashlib
import ipaddress
import time
from functools import lru_cache
from typing import Any

from limits import RateLimitItem
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from app.database import check_holds_no_writer
from app.settings import Settings

# How often, in seconds, counters that are over are looked for in memory.
SWEPT_EVERY = 10.0
LIMIT_TIMEOUT = 0.2
TRIED_AGAIN_AFTER = 3.0


class SweptStorage(MemoryStorage):
    """Counters in memory. The library looks through everybody's at each hit for those that are over."""

    failures: tuple[type[Exception], ...] = ()
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

    async def take_back(self, item: RateLimitItem, whose: tuple[str, ...]) -> None:
        """Count one less: in the window of this moment, or in the one before if it was counted at its very end."""
        before, current = self.sliding_window_keys(item.key_for(*whose), item.get_expiry(), time.time())
        for key in (current, before):
            if self.storage.get(key, 0) > 0:
                self.storage[key] -= 1
                return


class SharedStorage(RedisStorage):
    """Counters in Redis, asked once and not again, which can also be counted down."""

    # One step: what is looked at first and counted later would be counted twice by two who look at once.
    TAKE_BACK = """
    for _, key in ipairs(KEYS) do
        if (tonumber(redis.call('get', key)) or 0) > 0 then
            redis.call('decr', key)
            return
        end
    end
    """

    def __init__(self, url: str) -> None:
        from redis.asyncio import ConnectionPool
        from redis.asyncio.retry import Retry
        from redis.backoff import NoBackoff
        from redis.exceptions import RedisError

        self.failures: tuple[type[Exception], ...] = (RedisError, OSError, TimeoutError)
        pool = ConnectionPool.from_url(
            url, socket_timeout=LIMIT_TIMEOUT, socket_connect_timeout=LIMIT_TIMEOUT, retry=Retry(NoBackoff(), 0)
        )
        options: dict[str, Any] = {"connection_pool": pool}
        super().__init__(f"async+{url}", implementation="redispy", key_prefix="mutirao", **options)
        bridge: Any = self.bridge
        self.lua_take_back: Any = bridge.get_connection().register_script(self.TAKE_BACK)

    async def take_back(self, item: RateLimitItem, whose: tuple[str, ...]) -> None:
        """Count one less, likewise."""
        key = item.key_for(*whose)
        names = (self._current_window_key(key), self._previous_window_key(key))
        await self.lua_take_back([self.bridge.prefixed_key(name) for name in names])


class Counters(SlidingWindowCounterRateLimiter):
    """The library's windows over counters that can also be counted down."""

    def __init__(self, counters: SweptStorage | SharedStorage) -> None:
        super().__init__(counters)
        self.counters = counters


class Windows:
    """Counts of what was done, by whom."""

    def __init__(self, settings: Settings) -> None:
        self.key = hashlib.blake2b(settings.secret_key.encode(), person=b"mutirao limits").digest()
        self.own = Counters(SweptStorage())
        self.shared = Counters(SharedStorage(settings.redis_url)) if settings.redis_url else None
        self.shared_from = 0.0

    async def hit(self, item: RateLimitItem, *whose: str) -> bool:
        """Count that it is about to be done; whether it may be. What may not be done is not counted.

        Raises HoldsWriter in a writing transaction, as Redis may be slow to answer.
        """
        check_holds_no_writer()
        if not await self.own.hit(item, *whose):
            return False
        if await self.ask(item, whose, "hit") is False:
            await self.own.counters.take_back(item, whose)
            return False
        return True

    async def give_back(self, item: RateLimitItem, *whose: str) -> None:
        """Take back what `hit` has counted a moment ago. Raises HoldsWriter."""
        check_holds_no_writer()
        await self.own.counters.take_back(item, whose)
        await self.ask(item, whose, "give back")

    async def wait(self, item: RateLimitItem, *whose: str) -> float:
        """How many seconds it takes until it may be done again; 0 when it may be done now. Raises HoldsWriter."""
        check_holds_no_writer()
        return max(await seconds_left(self.own, item, whose), await self.ask(item, whose, "wait") or 0)

    async def left(self, item: RateLimitItem, *whose: str) -> tuple[int, float]:
        """How often it may still be done now, and after how many seconds the window has room for all. Raises
        HoldsWriter."""
        check_holds_no_writer()
        own = await room_of(self.own, item, whose)
        left, seconds = await self.ask(item, whose, "left") or own
        return min(own[0], left), max(own[1], seconds)

    async def ask(self, item: RateLimitItem, whose: tuple[str, ...], what: str) -> Any:
        """Do something over all nodes; None when Redis does not answer in time, and for some seconds after that.

        It is done here in any case, so that the loss of Redis does not give everybody a new start.
        """
        if self.shared is None or time.monotonic() < self.shared_from:
            return None
        # Redis gets no names and addresses.
        named = (hashlib.blake2b("\0".join(whose).encode(), key=self.key, digest_size=16).hexdigest(),)
        try:
            async with asyncio.timeout(LIMIT_TIMEOUT):
                if what == "hit":
                    return await self.shared.hit(item, *named)
                if what == "wait":
                    return await seconds_left(self.shared, item, named)
                if what == "left":
                    return await room_of(self.shared, item, named)
                return await self.shared.counters.take_back(item, named)
        except self.shared.counters.failures:
            # The bus, which talks to the same Redis, says what is wrong with it.
            self.shared_from = time.monotonic() + TRIED_AGAIN_AFTER
            return None


async def room_of(windows: Counters, item: RateLimitItem, whose: tuple[str, ...]) -> tuple[int, float]:
    """How often it may still be done, and after how many seconds all that counts has faded.

    (The library tells when the window ends, whose hits count longer.)
    """
    storage: Any = windows.storage
    length = item.get_expiry()
    before, fading, current, current_left = await storage.get_sliding_window(item.key_for(*whose), length)
    left = item.amount - int(before * fading / length + current)
    return max(0, left), float(current_left if current else fading if before else 0)


async def seconds_left(windows: Counters, item: RateLimitItem, whose: tuple[str, ...]) -> float:
    """How long until one more is allowed: until what counts of the window before has faded enough.

    (The library tells when the next hit fades, which is not when one is allowed.)
    """
    storage: Any = windows.storage
    length, most = item.get_expiry(), item.amount
    before, fading, current, current_left = await storage.get_sliding_window(item.key_for(*whose), length)
    if before * fading / length + current < most:
        return 0
    left = fading if before else current_left - length  # of the window that runs
    if current < most:
        return float(left - (most - current) * length / before)
    return float(left + length * (1 - most / current))


@lru_cache(maxsize=1000)
def network_of(address: str) -> str:
    """Whom an address is counted as: one of IPv6 as its /64, which is what a single customer has at the least."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((parsed, 64), strict=False))
