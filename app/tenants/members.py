"""What happens to members: their role, being kept out and let in again, leaving, handing over the workspace.

`actor` is the admin who does it, or None for whoever runs the command line.
"""

from __future__ import annotations

from functools import cache
from typing import Literal, cast, get_args

from litestar.exceptions import NotFoundException
from sqlalchemy import ColumnElement, bindparam, func, select

from app.accounts.acquaintance import is_acquainted
from app.accounts.facts import AccountEnded, MemberRenamed, PasswordChanged, RoleChanged
from app.accounts.members import Member, Role, find_members, is_active
from app.accounts.rights import is_entitled, may, rank_of, require, roles_from
from app.accounts.undo import end_offers
from app.database import Actor, PreparedSelect, Transaction, now
from app.folding import fold
from app.live.cutoff import end_all_sessions
from app.tenants.facts import MemberRestored, MemberSuspended
from app.tenants.roles import GivenRole
from app.web.forms import Invalid
from app.web.paging import Paged, page_of
from app.web.texts import _l

COUNT_OTHER_OWNERS = PreparedSelect(
    lambda: select(func.count(Member.id)).where(
        Member.role.in_(roles_from("owner")), Member.id != bindparam("member_id"), *is_active()
    )
)


def whom_one_knows(*, insider: bool) -> list[ColumnElement[bool]]:
    """The criteria of whom the member of the parameter `member_id` gets to know of: insiders know everybody."""
    return [] if insider else [is_acquainted(Member.id, bindparam("member_id"))]


@cache
def select_there(*, insider: bool) -> PreparedSelect[int, str, str, str | None]:
    """The select of what everybody with an account is listed by."""
    return PreparedSelect(
        lambda: select(Member.id, Member.role, Member.name, Member.email).where(
            Member.removed_at.is_(None), *whom_one_knows(insider=insider)
        )
    )


@cache
def select_known_member(*, insider: bool) -> PreparedSelect[Member]:
    """The select of a member by id, whether they are still there or not."""
    return PreparedSelect(lambda: select(Member).where(Member.id == bindparam("id"), *whom_one_knows(insider=insider)))


async def list_members(transaction: Transaction, member: Member, query: str = "", page: str = "") -> Paged[Member]:
    """Everybody with an account whom a member gets to know of, page by page: by the height of roles, then by name."""
    there = select_there(insider=is_entitled(member, "see", "everybody"))
    found = await transaction.rows(there, member_id=member.id)
    rows = sorted(found, key=lambda row: (-rank_of(row[1]), fold(row[2]), row[0]))
    listing = page_of(rows, page, query=query, text_of=lambda row: f"{row[2]} {row[3] or ''}")
    return listing.of(await find_members(transaction, [member_id for member_id, *_ in listing.items]))


async def get_other(transaction: Transaction, member: Member, member_id: int) -> Member:
    """A member by id, for another one.

    Raises NotFoundException, also for one that was removed, and for one whom the other does not get to know of.
    """
    found = await find_by_id(transaction, member, member_id)
    if found is None or found.removed_at is not None:
        raise NotFoundException
    return found


async def find_by_id(transaction: Transaction, member: Member, member_id: int) -> Member | None:
    """A member by id, whether they are still there or not, if another one gets to know of them."""
    found = await transaction.find(
        select_known_member(insider=is_entitled(member, "see", "everybody")), id=member_id, member_id=member.id
    )
    return found and found[0]


def check_role(actor: Member | None, role: str) -> Role:
    """A role that the actor can give. Raises Invalid for what is no role, and a 403 page for one above the actor's."""
    if role not in get_args(Role):
        raise Invalid(role=_l("Choose one of the roles."))
    require(actor, "give", GivenRole(role))
    return cast(Role, role)


async def keep_an_owner(transaction: Transaction, member: Member) -> None:
    """Raise Invalid when the workspace would be without an owner that can sign in."""
    if not may(member, "own", "workspace"):
        return
    if not await transaction.value(COUNT_OTHER_OWNERS, member_id=member.id):
        raise Invalid(member=_l("The last owner of a workspace can't leave it."))


async def change_role(transaction: Transaction, actor: Member | None, person: Member, role: str) -> bool:
    """Give a member another role; rights that are lost are lost in open pages, too. False when it is theirs already.

    Raises Invalid for what is no role, and for the last owner; a 403 page unless the actor may.
    """
    require(actor, "manage", person)
    wanted = check_role(actor, role)
    if person.role == wanted:
        return False
    if person.bot and wanted == "owner":
        raise Invalid(role=_l("A bot can't be an owner. Choose another role."))
    if wanted != "owner":
        await keep_an_owner(transaction, person)
    await end_offers(transaction, ["member.role"], person=person.id)
    set_role(transaction, actor, person, wanted)
    return True


def set_role(transaction: Transaction, actor: Member | None, person: Member, role: Role) -> None:
    """Give a member a role that they may have."""
    by, before = acting(transaction, actor), person.role
    person.role = role
    email = person.email or person.name
    transaction.note(RoleChanged(by=by, member_id=person.id, email=email, before=before, after=role))


def acting(transaction: Transaction, actor: Member | None) -> Actor:
    """Who acts, of whom an operation is told whether it is a member."""
    return transaction.acting(actor.id if actor else None)


async def hand_over_ownership(transaction: Transaction, actor: Member, person: Member) -> None:
    """Make a member the owner in the actor's place, who is an admin then.

    Raises a 403 page unless the actor is an owner, and Invalid for somebody who can't sign in.
    """
    require(actor, "hand over to", person)
    if not person.active:
        raise Invalid(member=_l("A suspended member can't own the workspace."))
    for each in (person, actor):
        await end_offers(transaction, ["member.role"], person=each.id)
    set_role(transaction, actor, person, "owner")
    set_role(transaction, actor, actor, "admin")


async def suspend_member(transaction: Transaction, person: Member, actor: Member | None = None) -> None:
    """Keep somebody out, at once.

    Raises Invalid for the last owner, and a 403 page unless the actor may.
    """
    require(actor, "manage", person)
    await keep_an_owner(transaction, person)
    if person.suspended_at is None:
        person.suspended_at = now()
        by = acting(transaction, actor)
        transaction.note(MemberSuspended(by=by, member_id=person.id, email=person.email or person.name))
        await end_all_sessions(transaction, person, reason="suspended")


async def restore_member(transaction: Transaction, person: Member, actor: Member | None = None) -> None:
    """Let a suspended member in again. Raises a 403 page unless the actor may."""
    require(actor, "manage", person)
    if person.suspended_at is not None:
        person.suspended_at = None
        by = acting(transaction, actor)
        transaction.note(MemberRestored(by=by, member_id=person.id, email=person.email or person.name))


async def remove_member(transaction: Transaction, person: Member, actor: Member | None = None) -> None:
    """Take somebody's account away, at once. What they wrote stays, with their name.

    Raises Invalid for the last owner, and a 403 page unless the actor may.
    """
    require(actor, "manage", person)
    await end_account(transaction, person, actor, "removed")


async def leave_workspace(transaction: Transaction, member: Member) -> None:
    """Give up one's own account. Raises Invalid for the last owner."""
    await end_account(transaction, member, member, "left")


async def end_account(
    transaction: Transaction, person: Member, actor: Member | None, what: Literal["left", "removed"]
) -> None:
    """Take an account away: the address is free again, and every session ends."""
    await keep_an_owner(transaction, person)
    if person.removed_at is None:
        by, email = acting(transaction, actor), person.email or ""
        transaction.note(
            AccountEnded(by=by, member_id=person.id, what=what, name=person.name, email=email, role=person.role)
        )
        await end_offers(transaction, ["member.role", "room.member-removed"], person=person.id)
        person.removed_at = now()
        person.email = None
        person.password_hash = ""
        await end_all_sessions(transaction, person, reason="removed")


def rename_member(transaction: Transaction, member: Member, name: str) -> None:
    """Change the name that others see."""
    if member.name == name:
        return
    before, member.name = member.name, name
    by = transaction.acting(member.id)
    transaction.note(MemberRenamed(by=by, member_id=member.id, before=before, after=name))


async def set_password(
    transaction: Transaction, member: Member, password_hash: str, *, how: Literal["signed in", "link"]
) -> None:
    """Change a password; every session ends."""
    member.password_hash = password_hash
    by = transaction.acting(member.id)
    transaction.note(PasswordChanged(by=by, member_id=member.id, email=member.email or "", how=how))
    await end_all_sessions(transaction, member, reason="password")
