"""What the event loop does next is fair between workspaces, a step of a request at a time."""

from __future__ import annotations

import asyncio
import contextvars
import gc
import random
from collections.abc import Coroutine
from typing import Any

import anyio
import pytest

from app.database import steps
from app.database.fairness import FOR_WORKSPACE
from app.database.steps import HURRIED, TURNS_AT, StepTurns, give_way, take_steps

NOTE: contextvars.ContextVar[str] = contextvars.ContextVar("note", default="")


class Clock:
    """A clock that goes on only when told."""

    def __init__(self) -> None:
        self.now = 0.0

    def perf_counter(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(steps, "time", made)
    return made


def start(whose: str | None, work: Coroutine[Any, Any, Any]) -> asyncio.Task[Any]:
    """Do some work for a workspace, in a task of its own."""

    async def do() -> Any:
        FOR_WORKSPACE.set(whose)
        return await take_steps(work)

    task = asyncio.create_task(do())
    task.add_done_callback(lambda _: work.close())  # of one that is cancelled before it has begun
    return task


async def let_go_on(moments: int) -> None:
    """Let others go on so often."""
    for _ in range(moments):
        await asyncio.sleep(0)


def here() -> StepTurns:
    """The turns at this loop."""
    return TURNS_AT[asyncio.get_running_loop()]


async def is_over() -> bool:
    """Whether no turn is had, and none is waited for, in the end."""
    await let_go_on(10)
    turns = here().turns
    return (turns.free, turns.lines, turns.queues, here().until) == (1, {}, {}, float("inf"))


class Walkers:
    """Those who do some steps each; `order` is whose steps came when."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.order: list[str] = []

    async def walk(self, name: str, count: int, seconds: float) -> None:
        for _ in range(count):
            self.order.append(name)
            self.clock.now += seconds
            await asyncio.sleep(0)

    def start(self, name: str, count: int, seconds: float = 0.001) -> asyncio.Task[None]:
        return start(name, self.walk(name, count, seconds))


async def test_between_two_steps_of_a_quiet_workspace_there_is_one_of_a_noisy_one_at_most(clock: Clock) -> None:
    walkers = Walkers(clock)
    noisy = [walkers.start("noisy", 20) for _ in range(50)]
    await let_go_on(20)
    before = len(walkers.order)
    await walkers.start("quiet", 5)
    assert len(walkers.order) - before <= 2 * 5 + 1
    await asyncio.gather(*noisy)
    assert await is_over()


async def test_workspaces_that_have_much_to_do_have_as_much_time_each(clock: Clock) -> None:
    walkers = Walkers(clock)
    tasks = [walkers.start(name, 100, seconds) for name, seconds in (("a", 0.01), ("b", 0.002), ("c", 0.001))] + [
        walkers.start("c", 100, 0.001) for _ in range(30)
    ]
    await let_go_on(600)
    had = {name: walkers.order.count(name) * seconds for name, seconds in (("a", 0.01), ("b", 0.002), ("c", 0.001))}
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    assert had["a"] > 0.05
    assert max(had.values()) - min(had.values()) <= 0.015
    assert await is_over()


async def test_nobody_starves_beside_many_who_ask_little(clock: Clock) -> None:
    walkers = Walkers(clock)
    long = walkers.start("long", 10, 0.005)
    for number in range(40):
        walkers.start(f"quiet {number % 4}", 10, 0.005)
        await let_go_on(30)
    await asyncio.wait_for(long, 10)


async def test_whose_steps_are_hurried_waits_for_none(clock: Clock) -> None:
    walkers = Walkers(clock)
    noisy = [walkers.start("noisy", 10) for _ in range(20)]

    async def hurry() -> int:
        HURRIED.add(asyncio.current_task())
        try:
            await asyncio.sleep(0)
            before = len(walkers.order)
            await let_go_on(5)
            return len(walkers.order) - before
        finally:
            HURRIED.discard(asyncio.current_task())

    assert await start("noisy", hurry()) <= 5
    await asyncio.gather(*noisy)
    assert await is_over()


async def test_a_long_step_gives_way_where_it_can_and_goes_on(clock: Clock) -> None:
    order = []

    async def long() -> str:
        for number in range(6):
            order.append(number)
            clock.now += 0.0004
            await give_way()
        return "done"

    async def short() -> None:
        order.append("short")

    first = start("noisy", long())
    await asyncio.sleep(0)
    others = [start("quiet", short()) for _ in range(2)]
    assert await first == "done"
    await asyncio.gather(*others)
    assert order.index("short") == 3
    assert await is_over()
    clock.now = 0.0
    await give_way()  # outside of a step there is nobody to give way to


@pytest.mark.parametrize("waits", [False, True])
async def test_a_long_step_gives_way_when_it_holds_nothing_any_more(clock: Clock, waits: bool) -> None:
    """Whether it has come to hold something in its middle, or held it from its beginning."""
    order, others = [], []

    async def note_other() -> None:
        order.append("other")

    async def hold() -> None:
        HURRIED.add(asyncio.current_task())
        try:
            if waits:
                await asyncio.sleep(0)
            others.append(start("quiet", note_other()))
            clock.now += 0.002
            await give_way()
            order.append("held")
        finally:
            HURRIED.discard(asyncio.current_task())
        await give_way()
        order.append("after")

    await start("noisy", hold())
    await asyncio.gather(*others)
    assert order == ["held", "other", "after"]
    assert await is_over()


async def test_what_work_comes_to_or_raises_is_what_its_caller_gets() -> None:
    async def give() -> int:
        await asyncio.sleep(0)
        return 42

    async def fail() -> None:
        await asyncio.sleep(0)
        raise KeyError("missing")

    async def give_nested() -> int:
        return await take_steps(take_steps(give())) + await give()

    async def read_failed() -> str:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(future.set_exception, LookupError("gone"))
        try:
            await future
        except LookupError as error:
            return str(error)
        return "nothing"

    assert await start("a", give()) == 42
    assert await asyncio.wait_for(start("a", give()), 1) == 42
    with pytest.raises(KeyError):
        await start("a", fail())
    assert await start("a", read_failed()) == "gone"
    assert await is_over()
    others = [start("a", give()) for _ in range(5)]
    assert await asyncio.wait_for(start("a", give_nested()), 10) == 84
    assert await asyncio.gather(*others) == [42] * 5
    assert await is_over()


async def test_context_timeouts_groups_and_scopes_are_those_of_the_task() -> None:
    async def use_all() -> list[Any]:
        seen: list[Any] = [asyncio.current_task()]
        NOTE.set("mine")
        await asyncio.sleep(0)
        seen.append(NOTE.get())
        try:
            async with asyncio.timeout(0):
                await asyncio.Event().wait()
        except TimeoutError:
            seen.append("timeout")
        with anyio.move_on_after(0) as scope:
            await anyio.sleep(10)
        seen.append(scope.cancelled_caught)
        async with asyncio.TaskGroup() as group:
            both = [group.create_task(asyncio.sleep(0, number)) for number in (1, 2)]
        return [*seen, *(each.result() for each in both)]

    task = start("a", use_all())
    assert await task == [task, "mine", "timeout", True, 1, 2]
    assert NOTE.get() == ""
    assert await is_over()


async def test_who_is_cancelled_while_it_waits_for_a_turn_is_told_where_it_waited(clock: Clock) -> None:
    """And cleans up at once, whatever is done meanwhile."""
    walkers, told, event = Walkers(clock), [], asyncio.Event()

    async def wait() -> None:
        try:
            await event.wait()
        except asyncio.CancelledError:
            told.append(event.is_set())
            raise

    waits = start("noisy", wait())
    await let_go_on(10)
    noisy = [walkers.start("noisy", 10) for _ in range(10)]
    await let_go_on(8)
    event.set()
    await let_go_on(2)
    waits.cancel()
    await asyncio.gather(waits, return_exceptions=True)
    assert waits.cancelled()
    assert told == [True]
    assert len(walkers.order) < 20
    await asyncio.gather(*noisy)
    assert await is_over()


async def test_work_that_is_dropped_is_closed() -> None:
    closed = []

    async def wait() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            closed.append(True)

    driven: Any = take_steps(wait())
    driven.send(None)
    driven.close()
    assert closed == [True]
    assert await is_over()


async def test_work_that_is_dropped_while_it_waits_for_a_turn_leaves_the_line(clock: Clock) -> None:
    walkers = Walkers(clock)
    first = walkers.start("a", 3)
    await asyncio.sleep(0)
    driven: Any = here().take(walkers.walk("b", 1, 0.001), "b")
    driven.send(None)
    assert "b" in here().turns.queues
    driven.close()
    await first
    assert walkers.order == ["a"] * 3
    assert await is_over()


def test_turns_of_a_loop_that_is_gone_are_gone() -> None:
    async def step() -> int:
        await take_steps(asyncio.sleep(0))
        return len(TURNS_AT)

    before = asyncio.run(step())
    gc.collect()
    assert asyncio.run(step()) <= before


@pytest.mark.parametrize("seed", range(200))
async def test_no_turn_is_lost_whoever_gives_up_and_whatever_fails(seed: int) -> None:
    """Some are cancelled while they wait, for a turn or for something else, are given a turn in that moment, or go on
    nevertheless; some fail."""
    chance = random.Random(seed)
    in_round: list[bool] = []

    async def walk(steps_left: int) -> str:
        while steps_left:
            steps_left -= 1
            assert here().turns.free == 0, "it has the turn"
            assert not in_round, "and nobody else has had one in this round of the loop"
            in_round.append(True)
            asyncio.get_running_loop().call_soon(in_round.clear)
            try:
                await chance.choice([asyncio.sleep, give_way_soon, wait_for_future])(0)
            except asyncio.CancelledError:
                if chance.random() < 0.5:
                    raise
                await asyncio.sleep(0)
            if chance.random() < 0.05:
                raise ValueError("failed")
        return "done"

    async def give_way_soon(_: int) -> None:
        here().until = 0.0
        await give_way()

    async def wait_for_future(_: int) -> None:
        future = asyncio.get_running_loop().create_future()
        asyncio.get_running_loop().call_soon(lambda: None if future.done() else future.set_result(None))
        await future

    tasks = []
    for _ in range(chance.randint(1, 30)):
        tasks.append(start(chance.choice(["a", "b", None]), walk(chance.randint(0, 6))))
        await let_go_on(chance.randint(0, 3))
        if chance.random() < 0.5:
            chance.choice(tasks).cancel()
    async with asyncio.timeout(10):
        ended = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(each == "done" or isinstance(each, ValueError | asyncio.CancelledError) for each in ended)
    assert await is_over()
