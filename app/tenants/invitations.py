"""Invitations: a link for one address, or one that some people may use; each works until its end."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, get_args

from sqlalchemy import (
    JSON,
    ForeignKeyConstraint,
    Index,
    LargeBinary,
    String,
    and_,
    bindparam,
    exists,
    func,
    or_,
    select,
    update,
)
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import ALREADY, Member, Role, add_member, find_member, is_active
from app.accounts.rights import may, require
from app.accounts.sessions import digest
from app.database import Base, PreparedChange, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.settings import Settings
from app.tenants.confirmation import check_confirmed
from app.tenants.facts import InvitationMade, InvitationResent, InvitationRevoked, InvitationUsed
from app.tenants.members import check_role
from app.tenants.roles import GivenRole, givers_of
from app.web.errors import Gone, PageError
from app.web.forms import Invalid
from app.web.paging import Paged, place_of_page
from app.web.texts import _l

MAIL_WORKS_FOR = timedelta(days=7)
LONGEST_LINK_DAYS = 90
MOST_USES = 500
# Invitations that can still be used; more are a mistake, or somebody who sends mails in our name.
MOST_OPEN = 200


class Invitation(Tenanted, Base):
    """A way in. One with an `email` is for that address and works once; of its token the row has the SHA-256. One for
    guests says what they are `invited_to`, by the names of things."""

    __tablename__ = "invitation"
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "made_by_id"], ["member.tenant_id", "member.id"]),
        Index("ix_invitation_tenant_id", "tenant_id"),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    token_hash: Mapped[bytes] = mapped_column(LargeBinary(32), unique=True)
    email: Mapped[str | None] = mapped_column(String(254))
    role: Mapped[str] = mapped_column(String(10))
    uses: Mapped[int] = mapped_column(default=0)
    most_uses: Mapped[int]
    made_by_id: Mapped[int]
    made_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)
    expires_at: Mapped[datetime] = mapped_column(UtcDateTime)
    revoked_at: Mapped[datetime | None] = mapped_column(UtcDateTime)
    invited_to: Mapped[list[str]] = mapped_column(JSON, default=list, server_default="[]")

    @property
    def subject(self) -> str:
        """What the audit log calls it."""
        return self.email or f"link {self.id}"


COUNT_INVITATIONS = PreparedSelect(lambda: select(func.count(Invitation.id)).where(is_open()))
LIST_INVITATIONS = PreparedSelect(lambda: select(Invitation).where(is_open()).order_by(Invitation.id.desc()))
PAGE_INVITATIONS = PreparedSelect(
    lambda: (
        select(Invitation)
        .where(is_open())
        .order_by(Invitation.id.desc())
        .limit(bindparam("limit"))
        .offset(bindparam("offset"))
    )
)
GET_INVITATION = PreparedSelect(lambda: select(Invitation).where(Invitation.id == bindparam("id"), is_open()))
FIND_INVITATION = PreparedSelect(
    lambda: select(Invitation).where(Invitation.token_hash == bindparam("token_hash"), is_open())
)
USE_INVITATION = PreparedChange(
    lambda: (
        update(Invitation)
        .where(Invitation.id == bindparam("invitation_id"), is_open())
        .values(uses=Invitation.uses + 1)
    )
)


def is_open() -> Any:
    """The criterion of invitations that still work: also whoever made one could make it today."""
    may_give = or_(*(Member.role.in_(givers_of(role)) & (Invitation.role == role) for role in get_args(Role)))
    maker = exists().where(
        Member.id == Invitation.made_by_id,
        Member.tenant_id == Invitation.tenant_id,
        *is_active(),
        may_give,
    )
    moment = bindparam("now", callable_=now, type_=UtcDateTime())
    return and_(
        Invitation.revoked_at.is_(None), Invitation.expires_at > moment, Invitation.uses < Invitation.most_uses, maker
    )


async def list_invitations_of(transaction: Transaction, member: Member) -> Sequence[Invitation]:
    """The invitations that a member has made and that still work."""
    return [each for each in await list_invitations(transaction) if each.made_by_id == member.id]


async def list_invitations(transaction: Transaction) -> Sequence[Invitation]:
    """The invitations that still work, the newest first."""
    return await transaction.column(LIST_INVITATIONS)


async def page_invitations(transaction: Transaction, page: str = "", *, size: int = 10) -> Paged[Invitation]:
    """A page of the invitations that still work, the newest first."""
    count = await transaction.value(COUNT_INVITATIONS) or 0
    number = place_of_page(page, count, size)
    found = await transaction.column(PAGE_INVITATIONS, limit=size, offset=(number - 1) * size)
    return Paged(found, count, number, size=size)


async def get_invitation(transaction: Transaction, invitation_id: int) -> Invitation:
    """An invitation that still works. Raises Gone."""
    found = await transaction.find(GET_INVITATION, id=invitation_id)
    if found is None:
        raise Gone(_l("This invitation was used or revoked, or has expired."))
    return found[0]


async def find_invitation(transaction: Transaction, token: str) -> Invitation | None:
    """The invitation of a token, while it works."""
    found = await transaction.find(FIND_INVITATION, token_hash=digest(token))
    return found and found[0]


async def invite_by_mail(
    transaction: Transaction, settings: Settings, actor: Member, email: str, role: str, invited_to: Sequence[str] = ()
) -> tuple[Invitation, str]:
    """Invite an address, a guest to some things; the invitation, and the token for the mail. An earlier invitation of
    it works no more.

    Raises Invalid for an address that is a member's, and while the owner's own is not confirmed; a 403 page for a role
    that the actor can't give.
    """
    checked = check_role(actor, role)
    check_confirmed(transaction.tenant, settings)
    if await find_member(transaction, email):
        raise Invalid(email=ALREADY)
    for earlier in await list_invitations(transaction):
        if earlier.email == email:
            if not may(actor, "change", earlier):
                raise Invalid(email=_l("An owner has already invited this address."))
            earlier.revoked_at = now()
    return await make_invitation(
        transaction, actor, email=email, role=checked, most_uses=1, lasts=MAIL_WORKS_FOR, invited_to=invited_to
    )


async def make_link(
    transaction: Transaction, actor: Member, role: str, uses: int, days: int, invited_to: Sequence[str] = ()
) -> tuple[Invitation, str]:
    """Make a link that `uses` people may use within `days`, guests for some things; the invitation, and its token.

    Raises Invalid for numbers that make no sense, and a 403 page for a role that the actor can't give.
    """
    checked = check_role(actor, role)
    errors = {}
    if not 1 <= uses <= MOST_USES:
        errors["uses"] = _l("Between 1 and %(most)d.", most=MOST_USES)
    if not 1 <= days <= LONGEST_LINK_DAYS:
        errors["days"] = _l("Between 1 and %(most)d.", most=LONGEST_LINK_DAYS)
    if errors:
        raise Invalid(**errors)
    lasts = timedelta(days=days)
    return await make_invitation(
        transaction, actor, email=None, role=checked, most_uses=uses, lasts=lasts, invited_to=invited_to
    )


async def make_invitation(
    transaction: Transaction,
    actor: Member,
    *,
    email: str | None,
    role: Role,
    most_uses: int,
    lasts: timedelta,
    invited_to: Sequence[str],
) -> tuple[Invitation, str]:
    """Store an invitation. Raises Invalid when there are too many open ones."""
    if len(await list_invitations(transaction)) >= MOST_OPEN:
        raise Invalid(role=_l("There are %(most)d pending invitations. Revoke some first.", most=MOST_OPEN))
    token = secrets.token_urlsafe(32)
    invitation = Invitation(
        token_hash=digest(token),
        email=email,
        role=role,
        uses=0,
        most_uses=most_uses,
        made_by_id=actor.id,
        expires_at=now() + lasts,
        invited_to=list(invited_to),
    )
    transaction.add(invitation)
    await transaction.flush()
    made = InvitationMade(
        by=transaction.acting(actor.id),
        invitation_id=invitation.id,
        subject=invitation.subject,
        role=role,
        ends_at=invitation.expires_at,
    )
    transaction.note(made)
    return invitation, token


async def renew_invitation(transaction: Transaction, settings: Settings, actor: Member, invitation: Invitation) -> str:
    """Give an invitation by mail a new token, and seven days more; the token that was mailed before works no more.

    Raises Invalid while the owner's address is not confirmed, and a 403 page unless the actor could make it.
    """
    require(actor, "change", invitation)
    check_confirmed(transaction.tenant, settings)
    token = secrets.token_urlsafe(32)
    invitation.token_hash = digest(token)
    invitation.expires_at = now() + MAIL_WORKS_FOR
    resent = InvitationResent(
        by=transaction.acting(actor.id),
        invitation_id=invitation.id,
        subject=invitation.subject,
        ends_at=invitation.expires_at,
    )
    transaction.note(resent)
    return token


async def revoke_invitation(transaction: Transaction, actor: Member, invitation: Invitation) -> None:
    """Let an invitation work no more. Raises a 403 page unless the actor could make it."""
    require(actor, "change", invitation)
    invitation.revoked_at = now()
    by = transaction.acting(actor.id)
    transaction.note(InvitationRevoked(by=by, invitation_id=invitation.id, subject=invitation.subject))


async def accept_invitation(
    transaction: Transaction, token: str, *, email: str, name: str, password_hash: str, time_zone: str = ""
) -> Member:
    """Become a member by an invitation; that of an address is for that address, whatever was typed.

    Raises Invalid when the address is a member's, and a 403 page when the invitation works no more, or is used up by
    somebody at this very moment.
    """
    invitation = await find_invitation(transaction, token)
    if invitation is None:
        raise PageError(403, _l("This invitation was used or revoked, or has expired. Ask for a new one."))
    if (await transaction.apply(USE_INVITATION, invitation_id=invitation.id)).changed != 1:
        raise PageError(403, _l("This invitation was used or revoked, or has expired. Ask for a new one."))
    role: Any = invitation.role
    transaction.note(InvitationUsed(by=transaction.actor, invitation_id=invitation.id))
    return await add_member(
        transaction,
        email=invitation.email or email,
        name=name,
        role=role,
        password_hash=password_hash,
        time_zone=time_zone,
        invited_to=invitation.invited_to,
    )


def roles_to_give(actor: Member) -> list[Role]:
    """The roles that a member can give: none above their own, and none for who is no admin."""
    roles: list[Role] = ["member", "viewer", "guest", "admin", "owner"]
    return [role for role in roles if may(actor, "give", GivenRole(role))]
