"""What is not done, and why."""

from __future__ import annotations

from typing import Any

import httpx


class ProblemError(Exception):
    """The server's problem details. Compare `code`, which is stable; `said` has all members of the answer."""

    def __init__(self, status: int, said: dict[str, Any], retry_after: float | None = None) -> None:
        self.status = status
        self.said = said
        self.code = str(said.get("code", ""))
        self.retry_after = retry_after
        super().__init__(f"{status} {self.code}: {said.get('detail', '')}".rstrip(": "))


class ConnectionLost(Exception):
    """The server was away, and still is after some tries. What was to be done is not, unless it is OutcomeUnknown."""


class OutcomeUnknown(ConnectionLost):
    """What was sent may have been done or not: its answer was lost."""


class LockLost(Exception):
    """The lock that a block held is somebody else's now, or nobody's."""


class StreamEnded(Exception):
    """The stream has ended for good: `reason` says why, such as that the token has."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


def raise_for_problem(answer: httpx.Response) -> None:
    """Raise ProblemError for an answer that is no success. Its body was read."""
    if answer.status_code < 400:
        return
    try:
        said = answer.json()
    except ValueError:  # a proxy's own
        said = {"detail": answer.text[:200]}
    wait = answer.headers.get("retry-after", "")
    raise ProblemError(
        answer.status_code, said if isinstance(said, dict) else {}, float(wait) if wait.isdigit() else None
    )
