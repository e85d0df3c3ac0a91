"""The server is away for a moment: what is sent again, how often, and what is known of what was sent."""

from __future__ import annotations

from collections.abc import Iterator

import httpx

from mutirao_client.errors import ConnectionLost, OutcomeUnknown, ProblemError

# How often something is tried that may be sent again, and how long is waited at first.
TRIES, FIRST_PAUSE = 6, 0.25
PASSING = (408, 429, 502, 503, 504)
# What a proxy says of a server that is away.
FROM_PROXY = (502, 504)
NOT_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)

Failure = httpx.TransportError | ProblemError


def list_pauses() -> Iterator[float]:
    """How long is waited after each try; what fails after the last is told."""
    return (FIRST_PAUSE * 2**attempt for attempt in range(TRIES - 1))


def is_passing(failure: Failure) -> bool:
    """Whether it may go well another time."""
    if isinstance(failure, ProblemError):
        return failure.status in PASSING or failure.code == "in-progress"
    return not isinstance(failure, httpx.UnsupportedProtocol)  # the address is none


def is_lost(failure: Failure) -> bool:
    """Whether the server did not answer."""
    return isinstance(failure, httpx.TransportError) or failure.status in FROM_PROXY


def may_have_arrived(failure: Failure) -> bool:
    """Whether the server may have done what it did not answer."""
    return is_lost(failure) and not isinstance(failure, NOT_SENT)


def is_not_done(failure: Failure) -> bool:
    """Whether what failed is surely not done, so that anything may be sent again."""
    return failure.status == 429 if isinstance(failure, ProblemError) else isinstance(failure, NOT_SENT)


def name_loss(failure: Failure, *, unknown: bool) -> ConnectionLost | None:
    """What is raised in the place of what failed in the end, if anything; `unknown` is that it may have been done."""
    if unknown:
        return OutcomeUnknown(str(failure))
    return ConnectionLost(str(failure)) if is_lost(failure) else None
