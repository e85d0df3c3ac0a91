"""Turns are fair between workspaces: one that asks much waits behind itself."""

from __future__ import annotations

import asyncio
import random
from contextlib import AsyncExitStack

import pytest

from app.database.fairness import FairTurns


class Clock:
    """A clock that goes on only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr("app.database.fairness.time", made)
    return made


class Crowd:
    """Those who want turns: each has one for as long as it is said to take, and `order` is how they came by it."""

    def __init__(self, turns: FairTurns, clock: Clock) -> None:
        self.turns, self.clock = turns, clock
        self.order: list[str] = []
        self.tasks: list[asyncio.Task[None]] = []

    async def have_one(self, name: str, seconds: float) -> None:
        async with self.turns.take(name):
            self.order.append(name)
            await asyncio.sleep(0)
            self.clock.now += seconds

    def come(self, name: str, count: int = 1, seconds: float = 0.01) -> None:
        self.tasks += [asyncio.create_task(self.have_one(name, seconds)) for _ in range(count)]

    async def leave(self) -> list[str]:
        await asyncio.gather(*self.tasks)
        assert self.turns.free == self.turns.at_once
        assert not self.turns.lines
        assert not self.turns.queues
        return self.order


async def test_who_comes_from_a_quiet_workspace_is_next_whatever_many_of_a_noisy_one_wait(clock: Clock) -> None:
    crowd = Crowd(FairTurns(1, 1), clock)
    crowd.come("noisy", 50)
    await asyncio.sleep(0)
    crowd.come("quiet")
    assert (await crowd.leave()).index("quiet") <= 2


async def test_a_workspace_with_long_turns_has_fewer(clock: Clock) -> None:
    crowd = Crowd(FairTurns(1, 1), clock)
    crowd.come("long", 20, seconds=0.1)
    crowd.come("short", 20, seconds=0.01)
    first = (await crowd.leave())[:22]
    assert first.count("short") == 20


async def test_of_one_workspace_who_comes_first_is_first() -> None:
    turns, order = FairTurns(1, 1), []

    async def have_one(place: int) -> None:
        async with turns.take("acme"):
            order.append(place)
            await asyncio.sleep(0)

    await asyncio.gather(*map(have_one, range(20)))
    assert order == list(range(20))


async def test_a_workspace_can_not_save_up_what_it_did_not_use(clock: Clock) -> None:
    crowd = Crowd(FairTurns(1, 1), clock)
    crowd.come("noisy", 40)
    await let_go_on(30)
    crowd.come("late", 20)
    order = await crowd.leave()
    both = order[order.index("late") :][:10]
    assert 4 <= both.count("late") <= 6


async def test_a_workspace_has_some_of_the_turns_at_most_and_leaves_the_others() -> None:
    turns = FairTurns(4, 2)
    async with AsyncExitStack() as busy:
        await busy.enter_async_context(turns.take("noisy"))
        await busy.enter_async_context(turns.take("noisy"))
        third = asyncio.create_task(busy.enter_async_context(turns.take("noisy")))
        await asyncio.sleep(0)
        assert not third.done()
        async with turns.take("quiet"), turns.take(None), AsyncExitStack() as nobody:
            assert turns.free == 0
            waits = asyncio.create_task(nobody.enter_async_context(turns.take(None)))
            await asyncio.sleep(0)
            assert not waits.done()
            waits.cancel()
            await asyncio.gather(waits, return_exceptions=True)
        third.cancel()
        await asyncio.gather(third, return_exceptions=True)
    assert (turns.free, turns.lines, turns.queues) == (4, {}, {})


async def test_who_waits_too_long_gives_up_and_leaves_the_line() -> None:
    turns = FairTurns(1, 1)
    async with turns.take("acme"):
        with pytest.raises(TimeoutError):
            async with turns.take("globex", 0):
                raise AssertionError
    assert (turns.free, turns.lines, turns.queues) == (1, {}, {})


async def let_go_on(moments: int) -> None:
    """Let others go on so often."""
    for _ in range(moments):
        await asyncio.sleep(0)


@pytest.mark.parametrize("seed", range(200))
async def test_no_turn_is_lost_whoever_gives_up(seed: int) -> None:
    """Some are cancelled while they wait, have a turn, or are given one in that moment."""
    chance = random.Random(seed)
    at_once = chance.randint(1, 4)
    turns = FairTurns(at_once, max(1, at_once // 2))
    having = 0

    async def have_one(whose: str | None, moments: int) -> None:
        nonlocal having
        async with turns.take(whose):
            having += 1
            assert having <= at_once
            try:
                await let_go_on(moments)
            finally:
                having -= 1

    tasks = []
    for _ in range(chance.randint(1, 40)):
        tasks.append(asyncio.create_task(have_one(chance.choice(["a", "b", None]), chance.randint(0, 3))))
        await let_go_on(chance.randint(0, 2))
        if chance.random() < 0.5:
            chance.choice(tasks).cancel()
    async with asyncio.timeout(10):
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert not any(isinstance(each, Exception) for each in ended)
    assert (turns.free, turns.lines, turns.queues) == (at_once, {}, {})


async def test_a_workspace_that_asks_little_is_ahead_by_so_much_and_no_more(clock: Clock) -> None:
    crowd = Crowd(FairTurns(1, 1, ahead=0.05), clock)
    crowd.come("noisy", 60)
    await let_go_on(30)
    crowd.come("late", 40)
    order = await crowd.leave()
    since = order[order.index("late") :]
    assert 5 <= since.index("noisy") <= 7
    assert 4 <= since[10:20].count("late") <= 6
