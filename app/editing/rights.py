"""Who may take away whose lock. Beside that, whoever has asked and got no answer in time may (`locks.py`)."""

from __future__ import annotations

from msgspec import Struct

from app.accounts.members import Member
from app.accounts.rights import Right, is_at_least


class LockOf(Struct, frozen=True):
    """A lock, by the role of whoever holds it."""

    role: str


def is_over_lock(role: str, holder_role: str) -> bool:
    """Whether somebody of a role takes a lock over without asking: admins do, but not from a higher role."""
    return is_at_least(role, "admin") and is_at_least(role, holder_role)


def admins_from_no_higher_role(actor: Member, lock: LockOf) -> bool:
    """Admins, but not from a higher role."""
    return is_over_lock(actor.role, lock.role)


EDITING_RIGHTS = (Right("take over", LockOf, admins_from_no_higher_role, scope="records:write"),)
