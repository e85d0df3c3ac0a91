"""How much one workspace may ask of an installation, where whoever runs it has set that."""

from __future__ import annotations

from limits import RateLimitItemPerMinute

from app.settings import Settings
from app.web.limits import Windows


def find_workspace_limits(settings: Settings, windows: Windows) -> WorkspaceLimits | None:
    """What counts, if anything is to be counted."""
    limited = settings.workspace_requests or settings.workspace_writes
    return WorkspaceLimits(settings, windows) if limited else None


class WorkspaceLimits:
    """Counts what each workspace asks for in a minute, and of that what it writes, over all processes with Redis.

    Turns are fair without it (`database/fairness.py`): this is for those who promise so much and no more.
    """

    def __init__(self, settings: Settings, windows: Windows) -> None:
        self.windows = windows
        self.requests = settings.workspace_requests and RateLimitItemPerMinute(settings.workspace_requests)
        self.writes = settings.workspace_writes and RateLimitItemPerMinute(settings.workspace_writes)

    async def count(self, slug: str, *, writes: bool) -> float:
        """Count a request that has come for a workspace: 0, or after how many seconds it may come again."""
        for name, item, counts in (("requests", self.requests, True), ("writes", self.writes, writes)):
            if item and counts and not await self.windows.hit(item, "workspace", name, slug):
                return max(1.0, await self.windows.wait(item, "workspace", name, slug))
        return 0
