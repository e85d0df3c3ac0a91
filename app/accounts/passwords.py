"""Passwords: argon2id in threads, a few at a time, and limits against guessing."""

from __future__ import annotations

import asyncio
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError
from limits import RateLimitItemPerHour, RateLimitItemPerMinute

from app.web.errors import PageError
from app.web.limits import Windows
from app.web.texts import _l

# OWASP's second choice of parameters: 44 ms on a small machine, 19 MiB.
HASHER = PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)
HASHING = asyncio.Semaphore(2)


async def hash_password(password: str) -> str:
    """The text to store for a password."""
    async with HASHING:
        return await asyncio.to_thread(HASHER.hash, password)


async def verify_password(password: str, stored: str | None) -> bool:
    """Whether the password is the stored one; takes the same time when there is nobody (`stored` is None)."""
    async with HASHING:
        return await asyncio.to_thread(verify, password, stored)


def verify(password: str, stored: str | None) -> bool:
    """Compare in the calling thread."""
    try:
        HASHER.verify(stored or unknown_hash(), password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return HASHER.check_needs_rehash(stored)


@cache
def unknown_hash() -> str:
    """A hash that nobody's password has."""
    return HASHER.hash("nobody has this password")


class TooManyTries(PageError):
    """Too many wrong passwords came from an address. `first` is the refusal to log: one in each window.

    So a log tells that somebody was shut out, and can't be flooded by who goes on trying.
    """

    def __init__(self, *, first: bool) -> None:
        super().__init__(429, _l("There were too many wrong tries. Wait a quarter of an hour, then try again."))
        self.first = first


class GuessingLimit:
    """Counts wrong passwords: ten in a quarter of an hour for an account, a hundred an hour for an address.

    Counted are only failures, so that nobody is kept out who knows the password; and an account's count is kept for
    each address it is tried from, so that a stranger can't lock its owner out.
    """

    ACCOUNT = RateLimitItemPerMinute(10, 15)
    ADDRESS = RateLimitItemPerHour(100)

    def __init__(self, windows: Windows) -> None:
        self.windows = windows

    async def check(self, account: str, address: str, *, log: str = "") -> None:
        """Raise TooManyTries when there were too many failures; `log` names the log that the first refusal is for."""
        for item, whose in ((self.ACCOUNT, (account, address)), (self.ADDRESS, (address,))):
            if not await self.windows.test(item, "guess", *whose):
                once = type(item)(1, item.multiples)
                raise TooManyTries(first=bool(log) and await self.windows.hit(once, "refused", log, *whose))

    async def verify(self, password: str, stored: str | None, account: str, address: str, *, log: str = "") -> bool:
        """Whether a password is the stored one; a wrong one is counted. It takes long: hold no transaction meanwhile.

        Raises TooManyTries. That is looked at again when the answer is known, so that many tries at once are no more
        than as many after one another, and the last of them learns nothing.
        """
        await self.check(account, address, log=log)
        right = await verify_password(password, stored)
        await self.check(account, address, log=log)
        if not right:
            await self.note_failure(account, address)
        return right

    async def note_failure(self, account: str, address: str) -> None:
        """Count one failure."""
        await self.windows.hit(self.ACCOUNT, "guess", account, address)
        await self.windows.hit(self.ADDRESS, "guess", address)
