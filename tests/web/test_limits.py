"""Windows in memory: what is counted is kept as long as it counts, and no longer."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from typing import Any

import pytest
from limits import RateLimitItemPerMinute
from limits.aio.strategies import SlidingWindowCounterRateLimiter

from app.accounts.passwords import GuessingLimit, MailLimit, TooManyTries
from app.database import Database, Followers, HoldsWriter, Partial, Shown, Tenant, Transaction
from app.notifications.channels import Bell, push_bells
from app.web.limits import SWEPT_EVERY, SweptStorage, Windows
from tests.test_isolation import SETTINGS

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


async def test_no_limit_is_asked_while_the_writer_is_held(database: Database) -> None:
    windows = Windows(SETTINGS)
    async with database.write(1):
        for asking in (windows.hit, windows.wait, windows.give_back):
            with pytest.raises(HoldsWriter):
                await asking(THREE, "ana")
        await asyncio.create_task(windows.hit(THREE, "somebody else's task"))
    async with database.read(1):
        assert await windows.hit(THREE, "ana")
    with pytest.raises(ValueError, match="undone"):
        async with database.write(1):
            raise ValueError("undone")
    assert await windows.hit(THREE, "ana")


async def test_a_mail_whose_transaction_does_not_commit_is_not_counted(database: Database) -> None:
    mailing = MailLimit(GuessingLimit(Windows(SETTINGS)))

    def fail(tenant: Tenant, bells: Any) -> Iterator[Partial]:
        raise ValueError("what is pushed can't be rendered")

    def push_badly(transaction: Transaction) -> None:
        transaction.facts.followers = Followers(shown=(Shown(fail, (Bell,)),))
        push_bells(transaction, [1])

    async def invite(*, fails: bool) -> None:
        async with mailing.counting("eva@example.org", 1), database.write(1) as transaction:
            if fails:
                push_badly(transaction)

    async def ask_for_link(*, fails: bool) -> None:
        async with mailing.counting_link(1, "carla@acme.test"), database.write(1) as transaction:
            if fails:
                push_badly(transaction)

    for send in (invite, ask_for_link):
        for _ in range(MailLimit.ANYWHERE.amount + 1):
            with pytest.raises(ValueError, match="can't be rendered"):
                await send(fails=True)
        for _ in range(MailLimit.RECEIVER.amount):
            await send(fails=False)
        with pytest.raises(TooManyTries):
            await send(fails=False)


async def test_what_is_given_back_after_its_window_is_given_back_in_it(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = Clock(monkeypatch)
    windows = Windows(SETTINGS)
    clock.passed = 59
    assert [await windows.hit(THREE, "ana") for _ in range(4)] == [True, True, True, False]
    clock.passed = 60
    for _ in range(3):
        await windows.give_back(THREE, "ana")
    await windows.give_back(THREE, "ana")  # of nothing
    assert [await windows.hit(THREE, "ana") for _ in range(4)] == [True, True, True, False]


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
