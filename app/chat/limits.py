"""How fast one person may write, and search."""

from __future__ import annotations

from limits import RateLimitItemPerMinute

from app.accounts.members import Member
from app.web.calls import retry_after
from app.web.errors import PageError
from app.web.forms import Invalid
from app.web.limits import Windows
from app.web.texts import _l

A_MINUTE = RateLimitItemPerMinute(300)
SEARCHES_A_MINUTE = RateLimitItemPerMinute(60)


class TooFast(Invalid):
    """Somebody has written more than they may for now, and may go on after some seconds."""

    status = 429

    def __init__(self, wait: float) -> None:
        super().__init__(text=_l("That was too fast. Wait a moment, then send it again."))
        self.headers = retry_after(wait)


class WritingLimit:
    """Counts what each person writes: 300 messages a minute, which nobody types and a burst of a script stays under,
    and apart from them as many changes, which are edits and emoji."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows

    async def check(self, member: Member, *, change: bool = False) -> None:
        """Count one more message, or change of one. Raises TooFast when it is one too many."""
        whose = ("change" if change else "write", str(member.tenant_id), str(member.id))
        if not await self.windows.hit(A_MINUTE, *whose):
            raise TooFast(await self.windows.wait(A_MINUTE, *whose))


class SearchLimit:
    """Counts what each person searches messages for: 60 times a minute, more than anybody reads."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows

    async def check(self, member: Member) -> None:
        """Count one more search. Raises a 429 page when it is one too many."""
        whose = ("search", str(member.tenant_id), str(member.id))
        if not await self.windows.hit(SEARCHES_A_MINUTE, *whose):
            raise PageError(
                429,
                _l("You have searched very often. Wait a moment, then try again."),
                heading=_l("Too many searches"),
                retry_after=await self.windows.wait(SEARCHES_A_MINUTE, *whose),
            )
