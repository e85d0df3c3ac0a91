"""Roles that are given: by the form of a member, and by an invitation."""

from __future__ import annotations

from msgspec import Struct

from app.accounts.members import Member
from app.accounts.rights import is_at_least, roles_from
from app.web.forms import Form
from app.web.texts import Text, _l

# The role whose invitations say what they are to.
GUEST = "guest"
ROLES = {
    "owner": _l("Owner"),
    "admin": _l("Admin"),
    "member": _l("Member"),
    "viewer": _l("Viewer"),
    "guest": _l("Guest"),
}


class GivenRole(Struct, frozen=True):
    """A role that somebody is to have."""

    role: str


def givers_of(role: str) -> list[str]:
    """The roles whose people may give a role: admins and owners, but none above their own."""
    return [giver for giver in roles_from("admin") if is_at_least(giver, role)]


def kept_role(person: Member) -> list[tuple[str, str]]:
    """What the form of somebody's role has."""
    return [("role", person.role)]


def say_given_role(form: Form, language: str) -> list[tuple[Text, str]]:
    """What a form says, as people read it."""
    role = form["role"]
    return [(_l("Role"), ROLES[role].translate(language) if role in ROLES else role)]
