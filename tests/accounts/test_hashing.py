"""Turns at hashing: few at once, those who are known before strangers, and no line without an end."""

from __future__ import annotations

import asyncio

import pytest

from app.accounts.hashing import HASHES_AT_ONCE, MOST_WAITING, Busy, Turns


async def stand_in_line(turns: Turns, order: list[str], name: str, *, known: bool) -> None:
    await turns.take(known=known)
    order.append(name)
    turns.pass_on()


async def test_who_is_known_does_not_wait_behind_strangers_and_strangers_come_too() -> None:
    turns, order = Turns(), []
    for _ in range(HASHES_AT_ONCE):
        await turns.take(known=False)
    waiting = [asyncio.create_task(stand_in_line(turns, order, "stranger", known=False)) for _ in range(20)]
    waiting += [asyncio.create_task(stand_in_line(turns, order, "known", known=True)) for _ in range(6)]
    await asyncio.sleep(0)
    turns.pass_on()
    await asyncio.gather(*waiting)
    assert order[:8].count("known") == 6
    assert order[:4].count("stranger") == 1
    assert turns.free == 1


async def test_a_line_that_is_full_tells_the_next_one_to_come_back_and_leaves_the_other_line_alone() -> None:
    turns = Turns()
    for _ in range(HASHES_AT_ONCE):
        await turns.take(known=False)
    waiting = [asyncio.create_task(turns.take(known=False)) for _ in range(MOST_WAITING)]
    await asyncio.sleep(0)
    with pytest.raises(Busy) as refusal:
        await turns.take(known=False)
    assert refusal.value.status_code == 503
    assert refusal.value.headers == {"Retry-After": "3"}
    known = asyncio.create_task(turns.take(known=True))
    await asyncio.sleep(0)
    turns.pass_on()
    await known
    for each in waiting:
        each.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


async def test_a_place_is_not_lost_when_nobody_waits_for_it_any_more() -> None:
    turns = Turns()
    for _ in range(HASHES_AT_ONCE):
        await turns.take(known=False)
    gone, given, next_one = (asyncio.create_task(turns.take(known=False)) for _ in range(3))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.gather(gone, return_exceptions=True)
    turns.pass_on()
    given.cancel()  # in the moment in which it gets the place
    await asyncio.gather(given, return_exceptions=True)
    await next_one
    turns.pass_on()
    turns.pass_on()
    assert turns.free == HASHES_AT_ONCE
