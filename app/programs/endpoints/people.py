"""Members: who is there, and what admins do with them."""

from __future__ import annotations

from functools import cache
from typing import Any

from litestar import Response
from litestar.exceptions import NotFoundException
from sqlalchemy import Select, bindparam, select

from app.accounts.access import AnyRequest
from app.accounts.acquaintance import is_known
from app.accounts.members import Member
from app.accounts.rights import is_entitled, require
from app.database import PreparedSelect, Transaction
from app.programs.answering import TAGGED
from app.programs.lists import DEFAULT_LIMIT, After, Limit, page_rows, read_cursor
from app.programs.people_shapes import MemberChange, MemberShape, shape_member
from app.programs.records import IfAsSeen, check_seen
from app.programs.routes import ListPart, adds, changes, reads, removes
from app.tenants.members import change_role, get_other, remove_member, restore_member, suspend_member

PERSON = "/members/{member_id:int}"
LARGEST_ID = 2**31 - 1


@cache
def select_members_after(*, insider: bool) -> PreparedSelect[Member]:
    """The select of members with an account whom somebody gets to know of, behind an id."""

    def make() -> Select[Member]:
        known = is_known(bindparam("member_id"), insider=insider)
        there = select(Member).where(Member.removed_at.is_(None), Member.id > bindparam("after"), known)
        return there.order_by(Member.id).limit(bindparam("most"))

    return PreparedSelect(make)


@reads("/members", scope="people:read")
async def list_members_for_programs(
    transaction: Transaction, member: Member, limit: Limit = DEFAULT_LIMIT, next: After = ""
) -> ListPart[MemberShape]:
    """Everybody with an account whom one gets to know of, those first who came first; oneself among them."""
    after = (read_cursor(next, int) or [0])[0]
    prepared = select_members_after(insider=is_entitled(member, "see", "everybody"))
    rows = await transaction.column(prepared, member_id=member.id, after=after, most=limit + 1)
    return page_rows(rows, limit, shape_member, lambda each: (each.id,))


async def find_one(transaction: Transaction, member: Member, member_id: int) -> Member:
    """A member whom one gets to know of. Raises NotFoundException."""
    if not 0 < member_id <= LARGEST_ID:
        raise NotFoundException
    return await get_other(transaction, member, member_id)


@reads(PERSON, scope="people:read")
async def show_member_to_program(transaction: Transaction, member: Member, member_id: int) -> MemberShape:
    """A member."""
    return shape_member(await find_one(transaction, member, member_id))


@changes(PERSON, scope="admin", answers=(412, 428))
async def change_member_by_program(
    transaction: Transaction, member: Member, member_id: int, data: MemberChange, if_match: IfAsSeen = None
) -> Response[MemberShape]:
    """Give a member another role, none above one's own. Rights that are lost are lost at once."""
    person = await find_one(transaction, member, member_id)
    require(member, "manage", person)
    check_seen(if_match, shape_member(person))
    await change_role(transaction, member, person, data.role)
    return Response(shape_member(person), headers=TAGGED)


@adds(PERSON + "/suspend", scope="admin", status_code=200)
async def suspend_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, member_id: int
) -> MemberShape:
    """Keep a member out, at once; their tokens do nothing either. Nothing of theirs is lost."""
    person = await find_one(transaction, member, member_id)
    await suspend_member(transaction, person, member)
    return shape_member(person)


@adds(PERSON + "/restore", scope="admin", status_code=200)
async def restore_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, member_id: int
) -> MemberShape:
    """Let a member in again."""
    person = await find_one(transaction, member, member_id)
    await restore_member(transaction, person, member)
    return shape_member(person)


@removes(PERSON, scope="admin")
async def remove_by_program(transaction: Transaction, member: Member, member_id: int) -> None:
    """Take a member's account away. It can't be taken back; what they wrote stays, with their name."""
    await remove_member(transaction, await find_one(transaction, member, member_id), member)


endpoints: list[Any] = [
    list_members_for_programs,
    show_member_to_program,
    change_member_by_program,
    suspend_by_program,
    restore_by_program,
    remove_by_program,
]
