"""What happens to members: their role, being kept out and let in again, leaving, handing over the workspace.

`actor` is the admin who does it, or None for whoever runs the command line.
"""

from __future__ import annotations

from typing import cast, get_args

from litestar.exceptions import NotFoundException
from sqlalchemy import func, select

from app.accounts.audit import record_audit
from app.accounts.happenings import account_changed
from app.accounts.members import RANK, Member, Role, add_member
from app.database import Transaction, now
from app.live.cutoff import end_all_sessions
from app.live.log import publish_partial, stop_following
from app.web.errors import PageError
from app.web.forms import Invalid
from app.web.paging import Paged, page_of
from app.web.texts import _l, fold


def push_members(transaction: Transaction) -> None:
    """Publish that the list of members has changed, to whoever looks at it."""
    publish_partial(transaction, "tenant", "live/refresh_push.html", target="members-refresh")


def push_names(transaction: Transaction) -> None:
    """Publish that somebody is called something else: names are everywhere, so that every open page fetches itself."""
    publish_partial(transaction, "tenant", "live/refresh_push.html", target="refresh", names=True)


async def admit_member(
    transaction: Transaction, *, email: str, name: str, role: Role, password_hash: str, time_zone: str = "UTC"
) -> Member:
    """Let somebody in: everybody is told, the lists that are open show it, and the audit log has it.

    Raises Invalid when the address is a member's.
    """
    member = await add_member(
        transaction, email=email, name=name, role=role, password_hash=password_hash, time_zone=time_zone
    )
    record_audit(transaction, member, "member.joined", subject=member.email or "", after=role)
    push_members(transaction)
    return member


async def list_members(transaction: Transaction, query: str = "", page: str = "") -> Paged[Member]:
    """Everybody with an account, page by page: owners first, then admins, each by name."""
    statement = select(Member.id, Member.role, Member.name, Member.email).where(Member.removed_at.is_(None))
    rows = sorted(await transaction.execute(statement), key=lambda row: (-RANK[row.role], fold(row.name), row.id))
    listing = page_of(rows, page, query=query, text_of=lambda row: f"{row.name} {row.email or ''}")
    ids = [row.id for row in listing.items]
    found = {person.id: person for person in await transaction.scalars(select(Member).where(Member.id.in_(ids)))}
    return listing.of([found[member_id] for member_id in ids])


async def get_other(transaction: Transaction, member_id: int) -> Member:
    """A member by id. Raises NotFoundException for one that was removed, too."""
    statement = select(Member).where(Member.id == member_id, Member.removed_at.is_(None))
    found = (await transaction.scalars(statement)).one_or_none()
    if found is None:
        raise NotFoundException
    return found


async def find_by_id(transaction: Transaction, member_id: int) -> Member | None:
    """A member by id, whether they are still there or not."""
    return (await transaction.scalars(select(Member).where(Member.id == member_id))).one_or_none()


def may_manage(actor: Member | None, person: Member) -> bool:
    """Whether a member may change another's role, or keep them out: owners everybody, admins whoever is no owner."""
    return actor is None or (
        actor.id != person.id and actor.has_rank("admin") and (actor.role == "owner" or person.role != "owner")
    )


def check_manager(actor: Member | None, person: Member) -> None:
    """Raise a 403 page unless the actor may manage this person."""
    if not may_manage(actor, person):
        raise PageError(403, _l("Only owners manage owners, and only admins manage members; nobody manages themself."))


def check_role(actor: Member | None, role: str) -> Role:
    """A role that the actor can give. Raises Invalid for what is no role, and a 403 page for one above the actor's."""
    if role not in get_args(Role):
        raise Invalid(role=_l("Choose one of the roles."))
    if actor is not None and (not actor.has_rank("admin") or RANK[role] > RANK[actor.role]):
        raise PageError(403, _l("Nobody can give a role above their own."))
    return cast(Role, role)


async def keep_an_owner(transaction: Transaction, member: Member) -> None:
    """Raise Invalid when the workspace would be without an owner that can sign in."""
    if member.role != "owner":
        return
    others = select(func.count(Member.id)).where(
        Member.role == "owner",
        Member.id != member.id,
        Member.suspended_at.is_(None),
        Member.removed_at.is_(None),
    )
    if not await transaction.scalar(others):
        raise Invalid(member=_l("The last owner of a workspace can't leave it."))


async def change_role(transaction: Transaction, actor: Member | None, person: Member, role: str) -> bool:
    """Give a member another role; rights that are lost are lost in open pages, too. False when it is theirs already.

    Raises Invalid for what is no role, and for the last owner; a 403 page unless the actor may.
    """
    check_manager(actor, person)
    wanted = check_role(actor, role)
    if person.role == wanted:
        return False
    if wanted != "owner":
        await keep_an_owner(transaction, person)
    record_audit(transaction, actor, "member.role", subject=person.email or "", before=person.role, after=wanted)
    person.role = wanted
    await account_changed(transaction, person, "role", by=actor)
    if not person.has_rank("admin"):
        stop_following(transaction, member=person.id, channels=["admins"])
    push_whole_page(transaction, person)
    push_members(transaction)
    return True


def check_owner(actor: Member, person: Member) -> None:
    """Raise a 403 page unless the actor may hand over the workspace to this person."""
    if actor.role != "owner" or actor.id == person.id:
        raise PageError(403, _l("Only an owner can hand over the workspace, and to somebody else."))


async def hand_over_ownership(transaction: Transaction, actor: Member, person: Member) -> None:
    """Make a member the owner in the actor's place, who is an admin then.

    Raises a 403 page unless the actor is an owner, and Invalid for somebody who can't sign in.
    """
    check_owner(actor, person)
    if not person.active:
        raise Invalid(member=_l("Who is suspended can't own the workspace."))
    for who, role in ((person, "owner"), (actor, "admin")):
        record_audit(transaction, actor, "member.role", subject=who.email or "", before=who.role, after=role)
        who.role = role
        await account_changed(transaction, who, "role", by=actor)
        push_whole_page(transaction, who)
    push_members(transaction)


def push_whole_page(transaction: Transaction, person: Member) -> None:
    """Publish that everything this person sees may look different now, to their open pages."""
    publish_partial(transaction, f"user.{person.id}", "live/refresh_push.html", target="refresh")


async def suspend_member(transaction: Transaction, person: Member, actor: Member | None = None) -> None:
    """Keep somebody out, at once.

    Raises Invalid for the last owner, and a 403 page unless the actor may.
    """
    check_manager(actor, person)
    await keep_an_owner(transaction, person)
    if person.suspended_at is None:
        person.suspended_at = now()
        record_audit(transaction, actor, "member.suspended", subject=person.email or "")
        await end_all_sessions(transaction, person, reason="suspended")
        push_members(transaction)


async def restore_member(transaction: Transaction, person: Member, actor: Member | None = None) -> None:
    """Let a suspended member in again. Raises a 403 page unless the actor may."""
    check_manager(actor, person)
    if person.suspended_at is not None:
        person.suspended_at = None
        record_audit(transaction, actor, "member.restored", subject=person.email or "")
        push_members(transaction)


async def remove_member(transaction: Transaction, person: Member, actor: Member | None = None) -> None:
    """Take somebody's account away, at once. What they wrote stays, with their name.

    Raises Invalid for the last owner, and a 403 page unless the actor may.
    """
    check_manager(actor, person)
    await end_account(transaction, person, actor, "member.removed")


async def leave_workspace(transaction: Transaction, member: Member) -> None:
    """Give up one's own account. Raises Invalid for the last owner."""
    await end_account(transaction, member, member, "member.left")


async def end_account(transaction: Transaction, person: Member, actor: Member | None, what: str) -> None:
    """Take an account away: the address is free again, and every session ends."""
    await keep_an_owner(transaction, person)
    if person.removed_at is None:
        record_audit(transaction, actor, what, subject=person.email or "", before=person.role)
        await account_changed(transaction, person, "removed", by=actor)  # which tells them, as long as there is a way
        person.removed_at = now()
        person.email = None
        person.password_hash = ""
        await end_all_sessions(transaction, person, reason="removed")
        push_members(transaction)
