"""Who may have webhooks."""

from __future__ import annotations

from app.accounts.rights import Right, admins

WEBHOOK_RIGHTS = (Right("manage", "webhooks", admins, scope="admin"),)
