"""What follows for sockets and lists of sessions when sessions start and end; which home pages are other ones, and
which offers to undo are none any more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.accounts.facts import CredentialsEnded, OwnSessionsEnded, SessionsLapsed, SessionStarted
from app.accounts.home import HOME_REFRESH, HomeOf
from app.accounts.undo import UndoEnd
from app.database import Partial, Shown, Tenant
from app.live.log import close_sockets, refresh
from app.web.templates import make_partial


def close_ended(tenant: Tenant, facts: Sequence[CredentialsEnded]) -> Iterator[Partial]:
    """The sockets of sessions that have ended are closed, and so are the streams of tokens."""
    for fact in facts:
        yield close_sockets(**fact.sockets, reason=fact.reason, fact=fact)


def show_sessions(
    tenant: Tenant, facts: Sequence[SessionStarted | OwnSessionsEnded | SessionsLapsed]
) -> Iterator[Partial]:
    """Members' sessions have changed: to the open account pages of each."""
    changed = [fact.member_ids if isinstance(fact, SessionsLapsed) else (fact.member_id,) for fact in facts]
    for member_id in dict.fromkeys(each for member_ids in changed for each in member_ids):
        yield refresh(tenant, f"user.{member_id}", "sessions-refresh")


def show_homes(tenant: Tenant, showings: Sequence[HomeOf]) -> Iterator[Partial]:
    """Members' home pages fetch themselves anew."""
    for member_id in dict.fromkeys(each.member_id for each in showings):
        yield refresh(tenant, f"user.{member_id}", HOME_REFRESH)


def show_undo_ends(tenant: Tenant, showings: Sequence[UndoEnd]) -> Iterator[Partial]:
    """What can't be undone any more is not offered any more."""
    for each in showings:
        yield make_partial(tenant, f"user.{each.member_id}", "live/undo_end_push.html", undo_id=each.offer_id)


sockets_closed = Shown(close_ended, (CredentialsEnded,))
sessions_shown = Shown(show_sessions, (SessionStarted, OwnSessionsEnded, SessionsLapsed))
homes_shown = Shown(show_homes, (HomeOf,))
undo_ends_shown = Shown(show_undo_ends, (UndoEnd,))
