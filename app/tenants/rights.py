"""Who may do what with members, roles, invitations and settings."""

from __future__ import annotations

from app.accounts.members import Member
from app.accounts.rights import ONLY_ADMINS, Right, admins, all_places, insiders, owners
from app.tenants.invitations import Invitation
from app.tenants.roles import GivenRole, givers_of
from app.web.texts import _l


def managers(actor: Member, person: Member) -> bool:
    """Owners manage everybody, admins whoever is no owner; nobody manages themself."""
    return actor.id != person.id and admins(actor, person) and (owners(actor, person) or not owners(person, person))


def managers_of_bots(actor: Member, person: Member) -> bool:
    """Who manages a bot; people are not shown otherwise than they want."""
    return person.bot and managers(actor, person)


def owners_but_that_one(actor: Member, person: Member) -> bool:
    """Owners, and to somebody else; not to a bot."""
    return owners(actor, person) and actor.id != person.id and not person.bot


def up_to_their_own(actor: Member, given: GivenRole | Invitation) -> bool:
    """Those who give roles, but none above their own."""
    return actor.role in givers_of(given.role)


TENANT_RIGHTS = (
    Right(
        "manage",
        Member,
        managers,
        _l("Only owners manage owners, and only admins manage members; no one manages themselves."),
        scope="admin",
    ),
    Right(
        "picture",
        Member,
        managers_of_bots,
        _l("Only admins change the picture of a bot, and people choose their own."),
        scope="admin",
    ),
    Right(
        "give",
        GivenRole,
        up_to_their_own,
        _l("No one can give a role above their own."),
        scope="people:write",
        conditions=((admins, ONLY_ADMINS),),
    ),
    Right(
        "hand over to",
        Member,
        owners_but_that_one,
        _l("Only an owner can transfer ownership, and only to someone else."),
        scope="admin",
    ),
    Right("own", "workspace", owners, scope="admin"),
    Right("confirm", "owner's address", owners, scope="admin"),
    Right("invite", "members", admins, scope="people:write"),
    Right(
        "change",
        Invitation,
        up_to_their_own,
        _l("Only owners can change invitations for owners."),
        scope="people:write",
        conditions=((admins, ONLY_ADMINS),),
    ),
    Right("change", "settings", admins, scope="admin"),
    Right("read", "audit log", admins, scope="admin", places=all_places),
    Right("end", "tokens", admins, scope="admin"),
    Right("follow", "admins", admins, scope="admin", places=all_places),
    Right("follow", "tenant", insiders, scope="people:read"),
    Right("see", "everybody", insiders, scope="people:read"),
)
