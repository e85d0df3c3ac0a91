"""Guessing passwords: how often, and which refusals are for the log."""

from __future__ import annotations

import asyncio

import pytest

from app.accounts.passwords import GuessingLimit, TooManyTries
from app.web.limits import Windows
from tests.test_isolation import SETTINGS


async def refuse(limit: GuessingLimit, account: str, address: str, log: str) -> bool:
    """Be refused; whether it is a refusal to log."""
    with pytest.raises(TooManyTries) as refusal:
        await limit.check(account, address, log=log)
    return refusal.value.first


async def test_the_first_refusal_of_an_account_is_for_the_log_and_those_after_it_are_not() -> None:
    limit = GuessingLimit(Windows(SETTINGS))
    for account in ("1:ana", "1:bruno"):
        for _ in range(10):
            await limit.check(account, "192.0.2.1", log="one")
            await limit.note_failure(account, "192.0.2.1")
    refusals = [("1:ana", "one"), ("1:ana", "one"), ("1:bruno", "one"), ("1:ana", ""), ("1:ana", "one")]
    assert [await refuse(limit, account, "192.0.2.1", log) for account, log in refusals] == [
        True,
        False,
        True,
        False,
        False,
    ]


async def test_an_address_that_tries_all_accounts_is_for_each_log_once() -> None:
    limit = GuessingLimit(Windows(SETTINGS))
    for number in range(100):
        await limit.check(f"1:{number}", "192.0.2.1", log="one")
        await limit.note_failure(f"1:{number}", "192.0.2.1")
    assert [await refuse(limit, f"1:{number}", "192.0.2.1", "one") for number in range(30)] == [True] + [False] * 29
    assert await refuse(limit, "2:ana", "192.0.2.1", "another")
    await limit.check("1:ana", "192.0.2.2", log="one")


async def test_many_tries_at_once_are_no_more_than_one_after_another() -> None:
    limit = GuessingLimit(Windows(SETTINGS))

    async def guess() -> bool | TooManyTries:
        try:
            return await limit.verify("wrong", None, "1:ana", "192.0.2.1", log="one")
        except TooManyTries as refusal:
            return refusal

    answers = await asyncio.gather(*(guess() for _ in range(30)))
    refusals = [answer for answer in answers if isinstance(answer, TooManyTries)]
    assert answers.count(False) == 10
    assert len(refusals) == 20
    assert [refusal.first for refusal in refusals].count(True) == 1
