"""Who may do what with collections. Every member adds, changes and deletes records, one at a time (`editing`)."""

from __future__ import annotations

from app.accounts.members import Member
from app.accounts.rights import Right, admins
from app.records.collections import Collection


def all_who_read(actor: Member, collection: Collection) -> bool:
    """Whoever may read a collection: every member."""
    return True


RECORD_RIGHTS = (
    Right("manage", "collections", admins),
    Right("export", Collection, all_who_read),
)
