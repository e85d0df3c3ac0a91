"""Choosing people by name or address: while one types, and from what a form was sent with.

Scripts send who was chosen as `#` and the id. A number that was typed is a name, and a part of a name chooses nobody
where somebody is let in by it, nor does a text that may be one name or several: whom it may mean is offered instead.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import cache
from typing import Any

from limits import RateLimitItemPerMinute
from litestar.exceptions import NotFoundException
from msgspec import Struct, field
from sqlalchemy import bindparam, select

from app.accounts.acquaintance import is_known
from app.accounts.members import Member, is_active
from app.accounts.rights import is_entitled
from app.accounts.typed_names import KnownNames, chosen_id, list_pieces, split_typed
from app.database import PreparedSelect, Transaction
from app.folding import fold, fold_searched, without_strokes
from app.web.errors import PageError
from app.web.forms import Form, number_of
from app.web.limits import Windows
from app.web.texts import Text, _l

# How many are offered at once.
OFFERED = 10
# How many a field takes.
MOST_CHOSEN = 20
LOOK_UPS_A_MINUTE = RateLimitItemPerMinute(300)


class ChoosingLimit:
    """Counts how often each person looks names up: 300 times a minute, more than anybody types letters."""

    def __init__(self, windows: Windows) -> None:
        self.windows = windows

    async def check(self, member: Member) -> None:
        """Count one more look-up. Raises a 429 page when it is one too many."""
        whose = ("choose", str(member.tenant_id), str(member.id))
        if not await self.windows.hit(LOOK_UPS_A_MINUTE, *whose):
            raise PageError(
                429,
                _l("You have searched too often. Wait %(wait)s, then try again."),
                heading=_l("Too many searches"),
                retry_after=await self.windows.wait(LOOK_UPS_A_MINUTE, *whose),
            )


class Candidate(Struct, frozen=True):
    """A member, as one chooses them."""

    id: int
    name: str
    email: str
    folded: str  # the name as it is compared
    bot: bool = False

    @property
    def value(self) -> str:
        """How a list of choices sends that they were chosen."""
        return f"#{self.id}"


PreparedPersons = PreparedSelect[int, str, str | None, bool]


def select_persons(make_criteria: Callable[[], Iterable[Any]]) -> PreparedPersons:
    """The select of members, as one chooses them, who meet criteria."""
    members = (Member.id, Member.name, Member.email, Member.bot)
    return PreparedSelect(lambda: select(*members).where(*make_criteria()).order_by(Member.id))


async def list_persons(transaction: Transaction, prepared: PreparedPersons, **parameters: object) -> list[Candidate]:
    """Members by name, as one chooses them."""
    found = await transaction.rows(prepared, **parameters)
    persons = [Candidate(member_id, name, email or "", fold(name), bot) for member_id, name, email, bot in found]
    return sorted(persons, key=lambda person: person.folded)


@cache
def select_known(*, insider: bool) -> PreparedPersons:
    """The select of active members whom one gets to know of."""
    return select_persons(lambda: (is_known(bindparam("member_id"), insider=insider), *is_active()))


async def list_known(transaction: Transaction, member: Member) -> list[Candidate]:
    """Whom a member gets to know of, and who may sign in."""
    prepared = select_known(insider=is_entitled(member, "see", "everybody"))
    return await list_persons(transaction, prepared, member_id=member.id)


@cache
def select_known_of_number(*, insider: bool) -> PreparedPersons:
    """The select of a person whom one gets to know of, by their number, also when they are there no more."""
    known = is_known(bindparam("member_id"), insider=insider)
    return select_persons(lambda: (Member.id == bindparam("number"), known))


async def list_known_of_number(transaction: Transaction, member: Member, number: int) -> list[Candidate]:
    """The person with a number, also one who has left, if a member gets to know of them."""
    prepared = select_known_of_number(insider=is_entitled(member, "see", "everybody"))
    return await list_persons(transaction, prepared, member_id=member.id, number=number)


def find_persons(persons: Iterable[Candidate], text: str) -> list[Candidate]:
    """Those whose name has a text, or whose address begins with it; first those whose name, or a part of it, does."""
    wanted = fold_searched(text)
    begins: list[Candidate] = []
    others: list[Candidate] = []
    for person in persons:
        folded = without_strokes(person.folded)
        if folded.startswith(wanted) or f" {wanted}" in folded:
            begins.append(person)
        elif wanted in folded or person.email.startswith(wanted):
            others.append(person)
    return begins + others


def offer_persons(persons: Sequence[Candidate], text: str) -> list[Candidate]:
    """Whom one chooses from while typing. Where a text with a comma is in a name, whom its pieces mean come first: who
    types two names may mean both."""
    found = find_persons(persons, text)
    pieces = list_pieces(text, OFFERED) if found else []
    meant = [person for piece in pieces for person in find_meant(persons, piece)]
    return list(dict.fromkeys(meant + found))[:OFFERED]


def find_meant(persons: Sequence[Candidate], text: str) -> list[Candidate]:
    """Whom a text means as a whole: by id, as a list of choices sends it; by address; or by name."""
    if id_ := chosen_id(text):
        return [person for person in persons if person.id == id_]
    folded = fold(text)
    addressed = [person for person in persons if person.email and person.email == text.strip().lower()]
    return addressed or [person for person in persons if folded and person.folded == folded]


def sought_id(text: str) -> int:
    """The id that the address of a search has, or 0: as a list of choices sends it, or alone, as older links have it.
    Nobody is let in by a search."""
    return chosen_id(text) or number_of(text.strip())


class Chosen(Struct):
    """Who was chosen in a field. What was typed and is not clear stays typed, with those it may mean `offered`."""

    people: list[Candidate] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    offered: list[Candidate] = field(default_factory=list)
    error: Text | None = None

    @property
    def text(self) -> str:
        """What stands in the field: addresses, as names may be those of several, and what is not clear."""
        return ", ".join([*(person.email or person.name for person in self.people), *self.typed])

    @property
    def ids(self) -> list[int]:
        """The ids of who was chosen."""
        return [person.id for person in self.people]


def read_chosen(form: Form, name: str, persons: Sequence[Candidate], *, by_parts: bool = False) -> Chosen:
    """Read a field that takes people: ids as a list of choices sends them, names or addresses, with commas between
    several; `by_parts`, where nobody is let in by it, also parts of names.

    Of what means nobody, or several, an error is noted. Raises NotFoundException for the id of nobody.
    """
    chosen = Chosen()
    named = {person.folded for person in persons}
    addresses = {person.email for person in persons if person.email}
    parts = split_typed(form.values.get(name, ()), KnownNames(named, addresses), MOST_CHOSEN)
    if len(parts) > MOST_CHOSEN:
        chosen.error = _l("Choose at most %(limit)d people.", limit=MOST_CHOSEN)
        chosen.typed, parts = [text.strip() for text in form.values[name]], []
    for part in parts:
        text = part.text
        same = [person for each in part.names for person in find_meant(persons, each)]
        found = same or ([] if chosen_id(text) or not fold(text) else find_persons(persons, text))
        if len(found) == 1 and not part.may_be and (same or by_parts):
            chosen.people += [person for person in found if person not in chosen.people]
        elif found:
            chosen.offered += [person for person in dict.fromkeys(found[:OFFERED]) if person not in chosen.offered]
            chosen.error = (
                _l("“%(text)s” could be one name or several. Choose below.", text=text[:80])
                if part.may_be
                else _l("Several people are called “%(text)s”. Choose one below.", text=text[:80])
                if same or by_parts
                else _l("“%(text)s” is not a full name. Choose one below.", text=text[:80])
            )
        elif chosen_id(text):
            raise NotFoundException
        else:
            chosen.typed.append(text)
            chosen.error = _l("No one here is called “%(text)s”.", text=text[:80])
    chosen.offered = [person for person in chosen.offered if person not in chosen.people][:OFFERED]
    if chosen.error is not None:
        form.errors[name] = chosen.error
    return chosen
