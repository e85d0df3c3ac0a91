"""What a program may do: the scopes of its token, and the collections and rooms that it is narrowed to.

A program acts as a member, and can do what they can at that moment; of that, what its token was given. Each right says
of which scope it is, and where (`rights.py`), so that no operation can forget to ask.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Literal

from msgspec import Struct, field

from app.web.texts import _l

Scope = Literal[
    "records:read",
    "records:write",
    "chat:read",
    "chat:write",
    "notifications:read",
    "notifications:write",
    "people:read",
    "people:write",
    "admin",
]
SCOPES: dict[Scope, object] = {
    "records:read": _l("Read collections and records"),
    "records:write": _l("Add, change and delete records"),
    "chat:read": _l("Read rooms and messages"),
    "chat:write": _l("Write messages"),
    "notifications:read": _l("Read notifications and announcements"),
    "notifications:write": _l("Mark notifications as read"),
    "people:read": _l("See who is in the workspace"),
    "people:write": _l("Invite people"),
    "admin": _l("Change settings, collections and members"),
}
# Where something is: in a collection or a room, by its id.
Place = tuple[Literal["collection", "room"], int]
# What is in a discussion, whose record may be in a collection that a token is not for.
SOMEWHERE: Place = ("collection", 0)


class Grant(Struct, frozen=True):
    """What a program was given of what its member may do. A kind that is not among `places` is not narrowed."""

    scopes: frozenset[str]
    places: Mapping[str, frozenset[int]] = field(default_factory=lambda: MappingProxyType({}))

    def holds(self, scope: str) -> bool:
        """Whether it has a scope. Who may write something may read it."""
        return scope in self.scopes or scope.replace(":read", ":write") in self.scopes

    def reaches(self, places: Iterable[Place]) -> bool:
        """Whether it is for something that is in all of these places."""
        return all(kind not in self.places or number in self.places[kind] for kind, number in places)


# What somebody has who comes by a page.
EVERYTHING_GRANTED = Grant(frozenset(SCOPES))
