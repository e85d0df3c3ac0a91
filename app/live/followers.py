"""What follows for sockets and lists of sessions when sessions start and end."""

from __future__ import annotations

from collections.abc import Sequence

from app.accounts.facts import OwnSessionsEnded, SessionsEnded, SessionsLapsed, SessionStarted
from app.database import Follower, Transaction
from app.live.log import close_sockets, publish_partial


async def close_ended(transaction: Transaction, facts: Sequence[SessionsEnded]) -> None:
    """Close the sockets of sessions that have ended. They get nothing of the same transaction."""
    for fact in facts:
        close_sockets(transaction, **fact.sockets, reason=fact.reason)


async def show_sessions(
    transaction: Transaction, facts: Sequence[SessionStarted | OwnSessionsEnded | SessionsLapsed]
) -> None:
    """Publish that members' sessions have changed, to the open account pages of each."""
    changed = [fact.member_ids if isinstance(fact, SessionsLapsed) else (fact.member_id,) for fact in facts]
    for member_id in dict.fromkeys(each for member_ids in changed for each in member_ids):
        publish_partial(transaction, f"user.{member_id}", "live/refresh_push.html", target="sessions-refresh")


sockets_closed = Follower(close_ended, (SessionsEnded,))
sessions_shown = Follower(show_sessions, (SessionStarted, OwnSessionsEnded, SessionsLapsed))
