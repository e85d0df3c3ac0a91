"""The people of a workspace, as whoever asks knows them: whom values may have, and how forms name those whom they keep.

Who can't be chosen, as they have left or one does not know them, stands in a form by name and number: no address is
said of them.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable
from functools import cached_property

from markupsafe import Markup
from sqlalchemy import bindparam, select

from app.accounts.acquaintance import is_acquainted
from app.accounts.choosing import OFFERED, Candidate, find_persons
from app.accounts.members import Member
from app.accounts.rights import is_entitled
from app.accounts.typed_names import CHOSEN_ID, LONGEST_TYPED_NAME, SEPARATORS, KnownNames, TypedPart
from app.database import PreparedSelect, Transaction
from app.folding import fold
from app.web.templates import hue, initials
from app.web.texts import drop_unseen, keep_direction

# How one who can't be chosen, and is kept, stands in a form without scripts.
NAMED_REFERENCE = re.compile(r".*\(#([1-9][0-9]{0,17})\)")
# How many parts of names are looked for in a transaction.
MOST_LOOKED_THROUGH = 100

LIST_KNOWN = PreparedSelect(lambda: select(Member.id).where(is_acquainted(Member.id, bindparam("guest_id"))))
LIST_PEOPLE = PreparedSelect(
    lambda: select(Member.id, Member.name, Member.email, Member.suspended_at, Member.removed_at)
)


class People:
    """The members of a workspace: those who can be chosen by whoever asks, and others, whom records keep. Who is
    `unknown` to the one who asks is named to them by nothing but what they may read."""

    def __init__(
        self, rows: Iterable[tuple[int, str, str | None, bool]] = (), unknown: Collection[int] = frozenset()
    ) -> None:
        self.rows = {row[0]: row for row in rows}
        self.unknown = unknown
        self.similar: dict[str, list[Candidate]] = {}
        self.shown: dict[int, Markup] = {}

    def __contains__(self, member_id: int) -> bool:
        return member_id in self.rows

    def name(self, member_id: int) -> str:
        """What a member is called."""
        return self.rows[member_id][1]

    def show(self, member_id: int) -> Markup:
        """A member on a page, made once for all records."""
        if member_id not in self.shown:
            name = self.name(member_id)
            tag = Markup(
                '<span class="person"><span class="avatar small" data-person="%s" data-hue="%s"'
                ' aria-hidden="true">%s</span> <span>%s</span></span>'
            )
            self.shown[member_id] = tag % (member_id, hue(member_id), initials(name), keep_direction(name))
        return self.shown[member_id]

    def candidate(self, member_id: int) -> Candidate:
        """A member, as one chooses them; one who can't be chosen, or has no address, by reference."""
        _, name, email, can_be = self.rows[member_id]
        address = email if can_be else None
        return Candidate(member_id, name, address or refer_to_person(name, member_id), fold(drop_unseen(name)))

    @cached_property
    def choosable(self) -> list[Candidate]:
        """Those who can be chosen."""
        return [self.candidate(member_id) for member_id, _, _, can_be in self.rows.values() if can_be]

    def meant(self, part: TypedPart, kept: str = "") -> list[Candidate]:
        """Whom a part of what was typed means; all whom it may mean where it can be read in several ways."""
        return list(dict.fromkeys(person for name in part.names for person in self.named(name, kept)))

    def named(self, text: str, kept: str = "") -> list[Candidate]:
        """Whom a text means as a whole, as a form has it or somebody writes it: a name or an address; a number alone is
        a name. Who is `kept`, as a value has them, may be meant though they can't be chosen any more, or are not known
        to who asks."""
        if len(text) > LONGEST_TYPED_NAME:
            return []
        if found := read_reference(text):
            can_be = found in self and (self.rows[found][3] or str(found) in kept.split())
            return [self.candidate(found)] if can_be else []
        text = drop_unseen(text)
        address = text.strip().lower()
        return self.by_address.get(address) or self.kept_by(address, kept) or self.by_name.get(fold(text), [])

    def kept_by(self, address: str, kept: str) -> list[Candidate]:
        """Who is kept and has an address, as a form has it that was opened while they could be chosen. Whose address
        one does not know can't be guessed."""
        ids = [int(each) for each in kept.split() if each.isdecimal()] if "@" in address else []
        known = [each for each in ids if each in self and each not in self.unknown]
        return [self.candidate(each) for each in known if self.rows[each][2] == address]

    def is_named_to_asker(self, member_id: int, kept: str) -> bool:
        """Whether a member is called by name to the one who asks: one whom they know, or who is kept."""
        return member_id in self and (member_id not in self.unknown or str(member_id) in kept.split())

    def list_similar(self, text: str) -> list[Candidate]:
        """The first of those whom a part of a name may mean. All are looked through for it: of too many texts, the last
        ones may mean nobody."""
        if len(text) > LONGEST_TYPED_NAME or read_reference(text):
            return []
        if text not in self.similar and len(self.similar) < MOST_LOOKED_THROUGH:
            sought = drop_unseen(text)
            self.similar[text] = find_persons(self.choosable, sought)[:OFFERED] if fold(sought) else []
        return self.similar.get(text, [])

    @cached_property
    def by_name(self) -> dict[str, list[Candidate]]:
        """Those who can be chosen, by name as it is compared."""
        return group_by(self.choosable, lambda person: person.folded)

    @cached_property
    def by_address(self) -> dict[str, list[Candidate]]:
        """Those who can be chosen, by address."""
        return group_by(self.choosable, lambda person: person.email)

    @cached_property
    def names(self) -> KnownNames:
        """The names and addresses by which what is typed is split; who has no address stands in forms by reference."""
        references = {fold(drop_unseen(address)) for address in self.by_address if read_reference(address)}
        return KnownNames({*self.by_name, *references}, self.by_address)


def group_by(people: Iterable[Candidate], key: Callable[[Candidate], str]) -> dict[str, list[Candidate]]:
    """People by what they have in common."""
    grouped: dict[str, list[Candidate]] = {}
    for person in people:
        grouped.setdefault(key(person), []).append(person)
    return grouped


def refer_to_person(name: str, member_id: int) -> str:
    """A member by reference, as one text in a list of several: without what would separate it."""
    return f"{' '.join(SEPARATORS.sub(' ', name).split())} (#{member_id})"


def read_reference(text: str) -> int:
    """The id of a member that a form names by reference, or 0."""
    found = CHOSEN_ID.fullmatch(text) or NAMED_REFERENCE.fullmatch(text)
    return int(found[1]) if found else 0


NOBODY = People()


async def read_workspace_people(transaction: Transaction) -> People:
    """The members of the workspace, of whom those can be chosen who are there, and whom the one who asks knows. A
    transaction reads them once."""
    known: People | None = transaction.info.get(People)
    if known is None:
        rows = await transaction.rows(LIST_PEOPLE)
        here = {id_ for id_, _, _, suspended, gone in rows if not suspended and not gone}
        asks = await transaction.get(Member, transaction.actor.member_id) if transaction.actor.member_id else None
        unknown: set[int] = set()
        if asks is not None and not is_entitled(asks, "see", "everybody"):
            unknown = {row[0] for row in rows} - set(await transaction.column(LIST_KNOWN, guest_id=asks.id))
        here -= unknown
        there = [(id_, name, email, id_ in here) for id_, name, email, _, _ in rows]
        known = People(there, unknown)
        transaction.info[People] = known
    return known
