"""Who may make apps, and change and end them."""

from __future__ import annotations

from app.accounts.rights import Right, admins

GATEWAY_RIGHTS = (Right("manage", "apps", admins, scope="admin"),)
