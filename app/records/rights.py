"""Who may do what with collections. Every member adds, changes and deletes records, one at a time (`editing`)."""

from __future__ import annotations

from app.accounts.rights import Right, admins

RECORD_RIGHTS = (Right("manage", "collections", admins),)
