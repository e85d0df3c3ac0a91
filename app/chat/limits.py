"""How fast one person may write, and search."""

from __future__ import annotations

from typing import Literal

from limits import RateLimitItemPerMinute
from msgspec import Struct

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.sessions import Askers
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


class Pace(Struct, frozen=True):
    """Whether who asks may write one thing more, or is too fast. It was counted already.

    `tenant_id` is the workspace of who asks, None when nobody is signed in. It gives no right.
    """

    too_fast: TooFast | None
    tenant_id: int | None = None


class WritingLimit:
    """Counts what each person writes: 300 messages a minute, which nobody types and a burst of a script stays under,
    and apart from them as many changes, which are edits and emoji.

    Pages take the count as an argument, `writing` or `changing`, so that it is made before their transaction begins.
    """

    def __init__(self, windows: Windows, askers: Askers) -> None:
        self.windows = windows
        self.askers = askers

    async def count(self, what: Literal["write", "change"], request: AnyRequest) -> Pace:
        """Count one more of whoever asks. Nobody is counted who is not signed in, and may not write anyway."""
        asker = await self.askers.find(request)
        if asker is None:
            return Pace(None)
        if await self.windows.hit(A_MINUTE, what, *asker):
            return Pace(None, int(asker[0]))
        return Pace(TooFast(await self.windows.wait(A_MINUTE, what, *asker)), int(asker[0]))


async def count_message(request: AnyRequest) -> Pace:
    """Count one more message of whoever asks."""
    writing: WritingLimit = request.app.state.writing
    return await writing.count("write", request)


async def count_change(request: AnyRequest) -> Pace:
    """Count one more change of a message of whoever asks."""
    writing: WritingLimit = request.app.state.writing
    return await writing.count("change", request)


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
                _l("You have searched too often. Wait %(wait)s, then try again."),
                heading=_l("Too many searches"),
                retry_after=await self.windows.wait(SEARCHES_A_MINUTE, *whose),
            )
