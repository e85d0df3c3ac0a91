"""What happens to somebody's account, for whoever wants to tell them. Accounts know nobody above them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Literal

from app.accounts.members import Member
from app.database import Transaction

What = Literal["role", "name", "password", "sign-in", "removed"]
Listener = Callable[[Transaction, Member, What, "Member | None", str], Awaitable[None]]

LISTENERS: list[Listener] = []


async def account_changed(
    transaction: Transaction, member: Member, what: What, *, by: Member | None = None, detail: str = ""
) -> None:
    """Tell that an account has changed: its `role` or `name` (after it was set), its `password`, a `sign-in` from a
    browser that was not known, which `detail` describes, or that it is `removed`. `by` is who did it, when it was not
    the member."""
    for listener in LISTENERS:
        await listener(transaction, member, what, by, detail)
