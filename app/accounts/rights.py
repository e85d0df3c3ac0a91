"""Who may do what: one question, which operations, pages, programs and channels ask.

Each feature has its rules in a table (`rights.py`); `app/features.py` lists the tables. docs/security.md shows the
rules as people read them, and a test tries each of them.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.accounts.members import Member
from app.accounts.scopes import EVERYTHING_GRANTED, SOMEWHERE, Place, Scope
from app.web.errors import PageError
from app.web.texts import Text, _l

# From the lowest on. A guest may write, which a viewer may not, but sees less: nothing is given by that order alone.
RANK: dict[str, int] = {"guest": 0, "viewer": 1, "member": 2, "admin": 3, "owner": 4}

ONLY_ADMINS = _l("Only admins of this workspace can do this.")
ONLY_WRITERS = _l("Viewers can read, but not write.")
ONLY_MEMBERS = _l("Only members of this workspace can do this.")
NOT_GRANTED = _l("The token does not have this permission.")

# Whether a member may do something with a thing.
Rule = Callable[[Member, Any], bool]


def nowhere(thing: Any) -> Iterable[Place]:
    """The places of what is in none that a token could be narrowed to."""
    return ()


def all_places(thing: Any) -> Iterable[Place]:
    """The places of what is about everything there is: a token that is narrowed is not for it."""
    return (SOMEWHERE, ("room", 0))


@dataclass(frozen=True, slots=True)
class Right:
    """Who may do something with things of a kind: rows of a model, or what is there once and has a name.

    The refusal is what the others are told; before it, where one of the conditions does not hold, what that one says. A
    program needs a token of the scope, and for where the thing is.
    """

    verb: str
    kind: type | str
    rule: Rule
    refusal: Text = ONLY_ADMINS
    scope: Scope = field(kw_only=True)
    places: Callable[[Any], Iterable[Place]] = field(kw_only=True, default=nowhere)
    conditions: tuple[tuple[Rule, Text], ...] = field(kw_only=True, default=())

    def allows(self, actor: Member, thing: object) -> bool:
        """Whether a member may do it."""
        if not self.conditions:
            return self.rule(actor, thing)
        return self.rule(actor, thing) and all(rule(actor, thing) for rule, _ in self.conditions)

    def say_why_not(self, actor: Member, thing: object) -> Text:
        """What a member is told who may not do it."""
        broken = (refusal for rule, refusal in self.conditions if not rule(actor, thing))
        return next(broken, self.refusal)


RIGHTS: dict[tuple[str, type | str], Right] = {}


def install(*tables: Sequence[Right]) -> None:
    """Let rules hold, those of all features together. Raises ValueError for two of the same."""
    found: dict[tuple[str, type | str], Right] = {}
    for right in (right for table in tables for right in table):
        if (right.verb, right.kind) in found:
            raise ValueError(f"two rules say who may {right.verb} {right.kind}")
        found[right.verb, right.kind] = right
    RIGHTS.clear()
    RIGHTS.update(found)


def find_right(verb: str, thing: object) -> Right:
    """The rule of a verb and a thing. Raises LookupError when there is none, so that nothing is allowed by mistake."""
    return RIGHTS[verb, thing if isinstance(thing, str) else type(thing)]


def may(actor: Member | None, verb: str, thing: object) -> bool:
    """Whether somebody may do something with a thing; None is whoever runs the command line, who may do everything."""
    right = find_right(verb, thing)
    return actor is None or (is_granted_right(actor, right, thing) and right.allows(actor, thing))


def is_granted_right(actor: Member, right: Right, thing: object) -> bool:
    """Whether whoever acts for a member was given a right of theirs: a program, by the scopes of its token and the
    places that it is narrowed to."""
    grant = actor.grant
    return grant is EVERYTHING_GRANTED or (grant.holds(right.scope) and grant.reaches(right.places(thing)))


def is_entitled(actor: Member | None, verb: str, thing: object) -> bool:
    """Whether a member may do something with a thing themselves, whatever was given to a program that acts for them.

    For what only tells which rows there are for them: whether the program may have these is asked by another right.
    """
    return actor is None or find_right(verb, thing).allows(actor, thing)


def require(actor: Member | None, verb: str, thing: object) -> None:
    """Raise a 403 page unless somebody may do something with a thing."""
    if not may(actor, verb, thing):
        raise PageError(403, why_refused(actor, verb, thing))


def why_refused(actor: Member | None, verb: str, thing: object) -> Text:
    """What somebody is told who may not do something with a thing; a program whose member may, what its token lacks."""
    if actor is None or is_entitled(actor, verb, thing):
        return NOT_GRANTED
    return find_right(verb, thing).say_why_not(actor, thing)


def admins(actor: Member, thing: Any) -> bool:
    """The rule of what admins and owners may do."""
    return is_at_least(actor.role, "admin")


def owners(actor: Member, thing: Any) -> bool:
    """The rule of what owners alone may do."""
    return is_at_least(actor.role, "owner")


def members(actor: Member, thing: Any) -> bool:
    """The rule of what members may do, admins and owners among them: neither viewers nor guests."""
    return is_at_least(actor.role, "member")


def insiders(actor: Member, thing: Any) -> bool:
    """The rule of what everybody may do who belongs to the whole workspace: all but guests."""
    return actor.role in INSIDERS


def writers(actor: Member, thing: Any) -> bool:
    """The rule of what everybody may do who writes at all: all but viewers."""
    return actor.role != "viewer"


def is_at_least(role: str, other: str) -> bool:
    """Whether a role has all the rights of another."""
    return RANK[role] >= RANK[other]


def rank_of(role: str) -> int:
    """How high a role is, to put people into an order."""
    return RANK[role]


def roles_from(role: str) -> list[str]:
    """The roles that have all the rights of one, for statements that ask by them."""
    return [each for each in RANK if is_at_least(each, role)]


# The roles of those who belong to the whole workspace, for statements that ask by them.
INSIDERS = tuple(roles_from("viewer"))
