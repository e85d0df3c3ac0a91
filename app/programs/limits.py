"""How often a program may call: reads, writes and heavy calls apart, by the token that it shows.

What is left is said in the fields of draft-ietf-httpapi-ratelimit-headers-10.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from limits import RateLimitItem, RateLimitItemPerMinute

from app.programs.problems import Problem
from app.web.calls import retry_after
from app.web.limits import Windows

POLICIES: dict[str, RateLimitItem] = {
    "reads": RateLimitItemPerMinute(6000),
    "writes": RateLimitItemPerMinute(3000),
    "heavy": RateLimitItemPerMinute(300),
}


@dataclass(frozen=True, slots=True)
class LimitStanding:
    """How a token stands to the policy that a call counts for."""

    policy: str
    left: int
    seconds: float

    @property
    def fields(self) -> dict[str, str]:
        """The fields that say so."""
        item = POLICIES[self.policy]
        return {
            "RateLimit-Policy": f'"{self.policy}";q={item.amount};w={item.get_expiry()}',
            "RateLimit": f'"{self.policy}";r={self.left};t={math.ceil(self.seconds)}',
        }


async def count_call(windows: Windows, policy: str, tenant_id: int, token_id: int) -> LimitStanding:
    """Count one more call with a token. Raises a 429 problem when it is one too many."""
    item, whose = POLICIES[policy], ("token", policy, str(tenant_id), str(token_id))
    if await windows.hit(item, *whose):
        return LimitStanding(policy, *await windows.left(item, *whose))
    wait = await windows.wait(item, *whose)
    headers = {**retry_after(wait), **LimitStanding(policy, 0, max(1.0, wait)).fields}
    raise Problem("too-many-requests", "That was too often. Wait, then go on.", headers=headers)
