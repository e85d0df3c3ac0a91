"""Hashing passwords: argon2id in threads of its own, a few at a time, with turns for those who wait.

It takes as long as some twenty pages, so nobody who is not known gets it for nothing: whoever calls this has looked
first whether there is anything to hash for, and has counted the try (`passwords.py`). What is left is fairness: people
whose session or browser is known don't stand in line behind strangers, and no line is longer than some two seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections import deque
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from typing import TYPE_CHECKING, ParamSpec, TypeVar
from weakref import WeakKeyDictionary

from app.web.errors import PageError
from app.web.texts import _l

if TYPE_CHECKING:
    from argon2 import PasswordHasher

P = ParamSpec("P")
Hashed = TypeVar("Hashed")

HASHES_AT_ONCE = 2
MOST_WAITING = 64
# Of so many turns one is a stranger's, if one waits.
STRANGERS_TURN = 4
RETRY_AFTER = 3


class Busy(PageError):
    """So many wait that one more is told to come back."""

    def __init__(self) -> None:
        detail = _l("Too many people are signing in right now. Try again in a few seconds.")
        super().__init__(503, detail, retry_after=RETRY_AFTER)


class Turns:
    """Places to hash at, and two lines before them: one of those who are known, one of strangers."""

    def __init__(self) -> None:
        self.free = HASHES_AT_ONCE
        self.given = 0
        self.known: deque[asyncio.Future[None]] = deque()
        self.strangers: deque[asyncio.Future[None]] = deque()

    async def take(self, *, known: bool) -> None:
        """Wait for a place. Raises Busy when the line is too long."""
        if self.free:
            self.free -= 1
            return
        line = self.known if known else self.strangers
        if len(line) >= MOST_WAITING:
            raise Busy
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        line.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            with contextlib.suppress(ValueError):
                line.remove(turn)
            if not turn.cancelled():  # it was given just now
                self.pass_on()
            raise

    def pass_on(self) -> None:
        """Give a place that is free to the next in line."""
        self.given += 1
        lines = [self.known, self.strangers]
        if self.given % STRANGERS_TURN == 0:
            lines.reverse()
        for line in lines:
            while line:
                turn = line.popleft()
                if not turn.done():
                    turn.set_result(None)
                    return
        self.free += 1


@cache
def load_hasher() -> PasswordHasher:
    """What hashes: OWASP's second choice of parameters, 44 ms on a small machine, 19 MiB. Until somebody signs in, a
    process is smaller without it."""
    from argon2 import PasswordHasher

    return PasswordHasher(time_cost=2, memory_cost=19456, parallelism=1)


EXECUTOR = ThreadPoolExecutor(HASHES_AT_ONCE, thread_name_prefix="hashing")
HASHING_TURNS: WeakKeyDictionary[asyncio.AbstractEventLoop, Turns] = WeakKeyDictionary()


async def in_turn(known: bool, work: Callable[P, Hashed], *args: P.args, **kwargs: P.kwargs) -> Hashed:
    """Do some work at a place of its own, which is free again when it is done, even if nobody waits for it any more."""
    loop = asyncio.get_running_loop()
    turns = HASHING_TURNS.setdefault(loop, Turns())
    await turns.take(known=known)
    doing = loop.run_in_executor(EXECUTOR, lambda: work(*args, **kwargs))
    doing.add_done_callback(lambda _: turns.pass_on())
    return await asyncio.shield(doing)


async def hash_password(password: str, *, known: bool = False) -> str:
    """The text to store for a password. Raises Busy."""
    return await in_turn(known, lambda: load_hasher().hash(password))


async def verify_password(password: str, stored: str | None, *, known: bool = False) -> bool:
    """Whether the password is the stored one; takes the same time when there is nobody (`stored` is None).

    Raises Busy.
    """
    return await in_turn(known, verify, password, stored)


def verify(password: str, stored: str | None) -> bool:
    """Compare in the calling thread."""
    from argon2.exceptions import InvalidHashError, VerificationError

    try:
        load_hasher().verify(stored or unknown_hash(), password)
    except (VerificationError, InvalidHashError):
        return False
    return stored is not None


def is_outdated(stored: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return load_hasher().check_needs_rehash(stored)


@cache
def unknown_hash() -> str:
    """A hash that nobody's password has."""
    return load_hasher().hash("nobody has this password")
