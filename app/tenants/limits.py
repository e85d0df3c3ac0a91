"""How often one person may be called otherwise, and how often strangers look whether an address is free."""

from __future__ import annotations

from limits import RateLimitItemPerHour, RateLimitItemPerMinute

from app.accounts.members import Member
from app.web.errors import PageError
from app.web.limits import Windows, network_of
from app.web.texts import _l

RENAMES_AN_HOUR = RateLimitItemPerHour(10)
ADDRESSES_A_MINUTE = RateLimitItemPerMinute(60)


class RenamingLimit:
    """Counts how often each person changes their name: ten times an hour, as each time all records that name people
    are searched and sorted anew."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows

    async def count(self, member: Member) -> float:
        """Count one more; how many seconds to wait when it is one too many, 0 when it is not."""
        whose = ("rename", str(member.tenant_id), str(member.id))
        if await self.windows.hit(RENAMES_AN_HOUR, *whose):
            return 0
        return await self.windows.wait(RENAMES_AN_HOUR, *whose)


class AddressLimit:
    """Counts how often it is looked from somewhere whether a new workspace can have an address: sixty times a minute,
    more than anybody types one."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows

    async def check(self, address: str) -> None:
        """Count one more look. Raises a 429 page when it is one too many."""
        whose = ("address", network_of(address))
        if not await self.windows.hit(ADDRESSES_A_MINUTE, *whose):
            raise PageError(
                429,
                _l("You have checked too many addresses. Wait %(wait)s, then try again."),
                retry_after=await self.windows.wait(ADDRESSES_A_MINUTE, *whose),
            )
