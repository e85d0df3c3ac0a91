"""Who may take away whose lock. Beside that, whoever has asked and got no answer in time may (`locks.py`)."""

from __future__ import annotations

from msgspec import Struct

from app.accounts.members import Member
from app.accounts.rights import Right, admins, is_at_least


class LockOf(Struct, frozen=True):
    """A lock, by the role of whoever holds it."""

    role: str


def admins_from_no_higher_role(actor: Member, lock: LockOf) -> bool:
    """Admins, but not from a higher role."""
    return admins(actor, lock) and is_at_least(actor.role, lock.role)


EDITING_RIGHTS = (Right("take over", LockOf, admins_from_no_higher_role, scope="records:write"),)
