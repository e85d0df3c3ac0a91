"""Whom somebody gets to know of: everybody, but for guests, who know the people of what they were invited to.

Features say what makes people known to a guest. Lists of people, choices, mentions and names in addresses ask
`is_known`; what a guest may read, such as a message, tells who wrote it all the same.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sqlalchemy import ColumnElement, or_, true

from app.accounts.members import Member

# Makes the criterion of those whom something makes known to a guest, from the column of people's ids and the guest's.
Acquaints = Callable[[Any, Any], ColumnElement[bool]]
ACQUAINTING: list[Acquaints] = []


def acquaints(criterion: Acquaints) -> Acquaints:
    """Register what makes people known to guests."""
    ACQUAINTING.append(criterion)
    return criterion


def is_known(member_id: Any, *, insider: bool) -> ColumnElement[bool]:
    """The criterion of people whom a member gets to know of, from a column or parameter: who is an `insider` may see
    everybody."""
    return true() if insider else is_acquainted(Member.id, member_id)


def is_acquainted(person_id: Any, guest_id: Any) -> ColumnElement[bool]:
    """The criterion of people whom a guest knows, oneself among them."""
    return or_(person_id == guest_id, *(each(person_id, guest_id) for each in ACQUAINTING))
