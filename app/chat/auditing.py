"""What the audit log calls rooms: of one by invitation, those who are in it read the name, and other admins do not."""

from __future__ import annotations

from collections.abc import Collection

from sqlalchemy import bindparam, select

from app.accounts.audit import names_audited_places
from app.chat.memberships import Membership
from app.chat.rooms import PRIVATE_ROOM, Room
from app.database import PreparedSelect, Transaction
from app.web.forms import number_of
from app.web.texts import Text, _l

LIST_AUDITED_ROOMS = PreparedSelect(
    lambda: (
        select(Room.id, Room.name)
        .join(Membership, (Membership.room_id == Room.id) & (Membership.tenant_id == Room.tenant_id))
        .where(Room.id.in_(bindparam("ids")), Membership.member_id == bindparam("member_id"))
    )
)


@names_audited_places
async def name_audited_rooms(transaction: Transaction, member_id: int, kept: Collection[str]) -> dict[str, str | Text]:
    """Rooms by invitation, by what entries keep of them."""
    numbers = {each: number_of(each.removeprefix(PRIVATE_ROOM)) for each in kept if each.startswith(PRIVATE_ROOM)}
    numbers = {each: number for each, number in numbers.items() if number}
    if not numbers:
        return {}
    known = dict(await transaction.rows(LIST_AUDITED_ROOMS, ids=sorted(set(numbers.values())), member_id=member_id))
    return {each: known.get(number) or _l("a private room") for each, number in numbers.items()}
