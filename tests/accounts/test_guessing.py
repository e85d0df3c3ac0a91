"""Guessing passwords: how often, how long one waits, who is kept out, and which refusals are for the log."""

from __future__ import annotations

import asyncio

import pytest
from argon2.exceptions import VerificationError

from app.accounts import hashing
from app.accounts.passwords import GuessingLimit, TooManyTries
from app.web.limits import Windows
from tests.test_isolation import SETTINGS


class Counting:
    """A hasher that counts what it is asked; 'right' is everybody's password."""

    def __init__(self) -> None:
        self.asked = 0

    def hash(self, password: str) -> str:
        self.asked += 1
        return f"hash of {password}"

    def check_needs_rehash(self, stored: str) -> bool:
        return False

    def verify(self, stored: str, password: str) -> bool:
        self.asked += 1
        if password != "right":
            raise VerificationError
        return True


@pytest.fixture
def hasher(monkeypatch: pytest.MonkeyPatch) -> Counting:
    made = Counting()
    monkeypatch.setattr(hashing, "load_hasher", lambda: made)
    return made


@pytest.fixture
def limit() -> GuessingLimit:
    return GuessingLimit(Windows(SETTINGS))


async def refusal_of(limit: GuessingLimit, account: str, address: str, log: str = "") -> TooManyTries:
    """Be refused."""
    with pytest.raises(TooManyTries) as refusal:
        await limit.begin(account, address, log=log)
    return refusal.value


async def guess(
    limit: GuessingLimit, address: str, *, account: str = "1:ana", password: str = "wrong", device: str = ""
) -> bool | TooManyTries:
    try:
        return await limit.verify(password, "hash", account, address, device=device)
    except TooManyTries as refusal:
        return refusal


async def test_the_first_refusal_of_an_account_is_for_the_log_and_those_after_it_are_not(limit: GuessingLimit) -> None:
    for account in ("1:ana", "1:bruno"):
        for _ in range(10):
            await limit.begin(account, "192.0.2.1", log="one")
    refusals = [("1:ana", "one"), ("1:ana", "one"), ("1:bruno", "one"), ("1:ana", ""), ("1:ana", "one")]
    assert [(await refusal_of(limit, account, "192.0.2.1", log)).first for account, log in refusals] == [
        True,
        False,
        True,
        False,
        False,
    ]


async def test_an_address_that_tries_all_accounts_is_for_each_log_once(limit: GuessingLimit) -> None:
    for number in range(100):
        await limit.begin(f"1:{number}", "192.0.2.1", log="one")
    refusals = [await refusal_of(limit, f"1:{number}", "192.0.2.1", "one") for number in range(30)]
    assert [refusal.first for refusal in refusals] == [True] + [False] * 29
    assert (await refusal_of(limit, "2:ana", "192.0.2.1", "another")).first
    await limit.begin("1:ana", "192.0.2.2", log="one")


@pytest.mark.usefixtures("hasher")
async def test_many_tries_at_once_are_no_more_than_one_after_another(limit: GuessingLimit, hasher: Counting) -> None:
    answers = await asyncio.gather(*(guess(limit, "192.0.2.1") for _ in range(30)))
    assert answers.count(False) == 10
    assert len([answer for answer in answers if isinstance(answer, TooManyTries)]) == 20
    assert hasher.asked == 10, "what is refused is not looked at"


async def test_who_signs_in_without_end_is_slowed_and_locks_nobody_out(
    limit: GuessingLimit, hasher: Counting, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_000_000 * 3600.0]
    monkeypatch.setattr("time.time", lambda: clock[0])
    most = GuessingLimit.RIGHT.amount
    answers = [await guess(limit, "192.0.2.1", password="right") for _ in range(120)]
    assert answers[:most] == [True] * most
    assert all(isinstance(answer, TooManyTries) for answer in answers[most:])
    assert hasher.asked == most
    refusal = answers[-1]
    assert isinstance(refusal, TooManyTries)
    assert 1 <= int((refusal.headers or {})["Retry-After"]) <= 63
    assert await guess(limit, "192.0.2.1", account="1:bruno") is False, "what is refused is no try that counts"
    assert await guess(limit, "192.0.2.1", password="right", device="her own browser") is True
    assert await guess(limit, "192.0.2.2", password="right") is True
    clock[0] += 120
    assert await guess(limit, "192.0.2.1", password="right") is True


@pytest.mark.usefixtures("hasher")
async def test_an_address_has_bounds_for_right_passwords_of_all_accounts_together(limit: GuessingLimit) -> None:
    most = GuessingLimit.RIGHT_ADDRESS.amount
    answers = [await guess(limit, "192.0.2.1", account=f"1:{each}", password="right") for each in range(most + 5)]
    assert answers[:most] == [True] * most
    assert isinstance(answers[-1], TooManyTries)


@pytest.mark.usefixtures("hasher")
async def test_wrong_passwords_take_nothing_of_what_right_ones_have(limit: GuessingLimit) -> None:
    for _ in range(9):
        assert await guess(limit, "192.0.2.1") is False
    most = GuessingLimit.RIGHT.amount
    answers = [await guess(limit, "192.0.2.1", password="right") for _ in range(most + 1)]
    assert answers[:most] == [True] * most
    assert isinstance(answers[-1], TooManyTries)


async def test_ten_things_at_once_that_are_counted_first_are_ten(limit: GuessingLimit) -> None:
    counted = await asyncio.gather(*(limit.count("signup", "192.0.2.1") for _ in range(40)), return_exceptions=True)
    assert counted.count(None) == 10


@pytest.mark.parametrize(
    ("tried", "then", "refused"),
    [
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::9", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        ("::ffff:192.0.2.1", "192.0.2.1", True),
        ("::ffff:192.0.2.1", "::ffff:192.0.2.2", False),
        ("192.0.2.1", "192.0.2.2", False),
    ],
)
async def test_addresses_of_one_customer_are_counted_together(
    limit: GuessingLimit, tried: str, then: str, refused: bool
) -> None:
    for _ in range(10):
        await limit.begin("1:ana", tried)
    if refused:
        await refusal_of(limit, "1:ana", then)
    else:
        await limit.begin("1:ana", then)


@pytest.mark.usefixtures("hasher")
async def test_an_account_that_is_tried_from_everywhere_is_slowed_and_its_owner_is_not_kept_out(
    limit: GuessingLimit,
) -> None:
    answers = [await guess(limit, f"198.51.{number // 250}.{number % 250}") for number in range(500)]
    assert 60 <= answers.count(False) <= 72, "sixty, and then six a minute"
    refusal = await refusal_of(limit, "1:ana", "203.0.113.9")
    assert refusal.headers
    assert 1 <= int(refusal.headers["Retry-After"]) <= 60
    assert "second" in refusal.text.translate("en")
    assert await guess(limit, "203.0.113.9", password="right", device="her own browser") is True
    assert await guess(limit, "198.51.0.1", account="1:bruno") is False, "another account is not slowed"


@pytest.mark.usefixtures("hasher")
async def test_right_passwords_take_nothing_of_what_strangers_have_at_an_account_that_is_slowed(
    limit: GuessingLimit, monkeypatch: pytest.MonkeyPatch
) -> None:
    moment = 1_000_000 * 3600.0  # at the beginning of every window
    monkeypatch.setattr("time.time", lambda: moment)
    for number in range(60):
        assert await guess(limit, f"198.51.100.{number}") is False
    assert [await guess(limit, f"203.0.113.{number}", password="right") for number in range(10)] == [True] * 10
    answers = [await guess(limit, f"192.0.2.{number}") for number in range(10)]
    assert answers.count(False) == 6


@pytest.mark.usefixtures("hasher")
async def test_a_known_browser_has_tries_of_its_own(limit: GuessingLimit) -> None:
    assert [await guess(limit, "192.0.2.1") for _ in range(10)] == [False] * 10
    assert [await guess(limit, "192.0.2.1", device="hers") for _ in range(10)] == [False] * 10
    assert isinstance(await guess(limit, "192.0.2.1", device="hers"), TooManyTries)


async def test_who_has_to_wait_is_told_how_long_it_really_takes(
    limit: GuessingLimit, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = [1_000_000 * 900.0 + 600]  # two thirds of a window are over
    monkeypatch.setattr("time.time", lambda: clock[0])
    for _ in range(10):
        await limit.begin("1:ana", "192.0.2.1")
    refusal = await refusal_of(limit, "1:ana", "192.0.2.1")
    assert (refusal.headers or {})["Retry-After"] == "300"
    assert refusal.text.translate("en") == "Too many wrong attempts. Wait 5 minutes, then try again."
    assert "5 minutos" in refusal.text.translate("pt_BR")
    clock[0] += 299
    await refusal_of(limit, "1:ana", "192.0.2.1")
    clock[0] += 2
    await limit.begin("1:ana", "192.0.2.1")
    assert (await refusal_of(limit, "1:ana", "192.0.2.1")).headers == {"Retry-After": "89"}
    clock[0] += 90
    await limit.begin("1:ana", "192.0.2.1")
