"""How often a program may call: reads and writes by the token that it shows, and heavy calls by its member, with what
they search on pages.

What is left is said in the fields of draft-ietf-httpapi-ratelimit-headers-10.
"""

from __future__ import annotations

import math

from limits import RateLimitItem, RateLimitItemPerMinute
from msgspec import Struct

from app.programs.problems import Problem
from app.records.limits import LIST_SEARCHES_A_MINUTE, searches_of
from app.web.calls import retry_after
from app.web.limits import Windows

POLICIES: dict[str, RateLimitItem] = {
    "reads": RateLimitItemPerMinute(6000),
    "writes": RateLimitItemPerMinute(3000),
    "heavy": LIST_SEARCHES_A_MINUTE,
}


class LimitStanding(Struct, frozen=True):
    """How a program stands to the policy that a call counts for."""

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


async def count_call(windows: Windows, policy: str, tenant_id: int, member_id: int, token_id: int) -> LimitStanding:
    """Count one more call with a token of a member. Raises a 429 problem when it is one too many."""
    item = POLICIES[policy]
    of_token = ("token", policy, str(tenant_id), str(token_id))
    whose = searches_of(tenant_id, member_id) if policy == "heavy" else of_token
    if await windows.hit(item, *whose):
        return LimitStanding(policy, *await windows.left(item, *whose))
    wait = await windows.wait(item, *whose)
    headers = {**retry_after(wait), **LimitStanding(policy, 0, max(1.0, wait)).fields}
    raise Problem("too-many-requests", "That was too often. Wait, then go on.", headers=headers)
