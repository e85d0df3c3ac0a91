"""What guests are invited to: things that features have, such as collections and rooms, by their names (`room-7`).

Features register their kinds of things, each with how an admin finds some of theirs by what they type.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field

from app.accounts.members import Member
from app.database import Transaction
from app.tenants.roles import GUEST
from app.web.forms import Form, number_of
from app.web.texts import Text, _l, fold, fold_searched, without_strokes

# How many of a kind an invitation takes.
MOST_INVITED_TO = 20


@dataclass(frozen=True, slots=True)
class Invitable:
    """A thing that a guest may be invited to."""

    id: int
    name: str


# The things of a kind that somebody may invite guests to.
ListInvitable = Callable[[Transaction, Member], Awaitable[Sequence[Invitable]]]


@dataclass(frozen=True, slots=True)
class InvitableKind:
    """A kind of things that guests are invited to, under the name of its field. Those that one chooses from come from
    `source`, while one types."""

    name: str
    label: Text
    source: str
    list_things: ListInvitable


INVITABLE: dict[str, InvitableKind] = {}


def invites_to(name: str, label: Text, source: str) -> Callable[[ListInvitable], ListInvitable]:
    """Register a kind with the function that lists what somebody may invite to."""

    def add(list_things: ListInvitable) -> ListInvitable:
        INVITABLE[name] = InvitableKind(name, label, source, list_things)
        return list_things

    return add


@dataclass(slots=True)
class InvitedTo:
    """What was chosen in a form, of one kind. What means nothing, or several, stays typed."""

    kind: InvitableKind
    things: list[Invitable] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """What stands in the field without scripts."""
        return ", ".join([*(each.name for each in self.things), *self.typed])


async def read_invited_to(transaction: Transaction, member: Member, form: Form) -> list[InvitedTo]:
    """What a form invites guests to: by number, as a list of choices sends it, or by name, with commas between. What
    means nothing that the member could invite to, or several things, is noted as an error."""
    found = []
    for kind in sorted(INVITABLE.values(), key=lambda kind: kind.name):
        chosen = InvitedTo(kind)
        found.append(chosen)
        texts = [each.strip() for text in form.values.get(kind.name, []) for each in re.split("[,;\n]", text)]
        texts = [text for text in texts if text][:MOST_INVITED_TO]
        things = await kind.list_things(transaction, member) if texts else ()
        for text in texts:
            meant = find_things(things, text)
            if len(meant) == 1:
                chosen.things += [each for each in meant if each not in chosen.things]
            else:
                chosen.typed.append(text)
                form.errors[kind.name] = (
                    _l("Several things here are called “%(text)s”. Type the full name.", text=text[:80])
                    if meant
                    else _l("Nothing here is called “%(text)s”.", text=text[:80])
                )
    return found


def find_things(things: Iterable[Invitable], text: str) -> list[Invitable]:
    """What a text means: by number, by name, or by a part of the name."""
    things, number, folded = list(things), number_of(text), fold(text)
    for meant in (
        [each for each in things if number and each.id == number],
        [each for each in things if fold(each.name) == folded],
    ):
        if meant:
            return meant
    wanted = without_strokes(folded)
    return [each for each in things if wanted in fold_searched(each.name)]


async def read_names(transaction: Transaction, member: Member, form: Form) -> list[str]:
    """The names of what a form invites a guest to: of something, or they would see nothing; none for other roles."""
    if form["role"] != GUEST:
        return []
    found = await read_invited_to(transaction, member, form)
    names = [f"{each.kind.name}-{thing.id}" for each in found for thing in each.things]
    if not names and not form.errors:
        form.errors[found[0].kind.name] = _l("Choose something: guests see only what you invite them to.")
    return names


async def describe_invited_to(
    transaction: Transaction, member: Member, invited_to: Iterable[Sequence[str]]
) -> dict[str, str]:
    """What things are called, by their names such as `room-7`, of those that a member could invite to."""
    wanted = {name for names in invited_to for name in names}
    kinds = [kind for kind in INVITABLE.values() if any(name.startswith(f"{kind.name}-") for name in wanted)]
    return {
        f"{kind.name}-{each.id}": each.name
        for kind in kinds
        for each in await kind.list_things(transaction, member)
        if f"{kind.name}-{each.id}" in wanted
    }
