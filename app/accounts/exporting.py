"""How often one person may export, and how much at once."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from limits import RateLimitItemPerMinute

from app.accounts.members import Member
from app.web.errors import PageError
from app.web.limits import Windows
from app.web.texts import _l

EXPORTS_A_MINUTE = RateLimitItemPerMinute(20)
EXPORTS_AT_ONCE = 3


class ExportLimit:
    """Counts what each person exports: 20 times a minute, and in a process three at once, of which each has a file on
    the disk and work for the thread that all share."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows
        self.going_on: Counter[tuple[int, int]] = Counter()

    async def check(self, member: Member) -> None:
        """Count one more export. Raises a 429 page when it is one too many."""
        whose = ("export", str(member.tenant_id), str(member.id))
        if not await self.windows.hit(EXPORTS_A_MINUTE, *whose):
            raise PageError(
                429,
                _l("You have exported too often. Wait %(wait)s, then try again."),
                heading=_l("Too many exports"),
                retry_after=await self.windows.wait(EXPORTS_A_MINUTE, *whose),
            )

    @contextmanager
    def going(self, member: Member) -> Iterator[None]:
        """One export as long as it goes on. Raises a 429 page when it is one too many."""
        whose = (member.tenant_id, member.id)
        if self.going_on[whose] >= EXPORTS_AT_ONCE:
            raise self.refuse(5)
        self.going_on[whose] += 1
        try:
            yield
        finally:
            self.going_on[whose] -= 1
            self.going_on += Counter()  # forgets who has none any more

    def refuse(self, wait: float) -> PageError:
        """The page that says it was one too many."""
        return PageError(
            429,
            _l("You have several exports running. Wait until they finish, then try again."),
            heading=_l("Too many exports"),
            retry_after=wait,
        )
