"""How often one person may be called otherwise."""

from __future__ import annotations

from limits import RateLimitItemPerHour

from app.accounts.members import Member
from app.web.limits import Windows

RENAMES_AN_HOUR = RateLimitItemPerHour(10)


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
