"""People: one, or several. A value has the ids of members: one may be called otherwise, and no record changes.

Forms name a person by `#` and the id, as scripts choose them, or as people write them: by name or address.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from markupsafe import Markup
from sqlalchemy import bindparam, select

from app.accounts.acquaintance import is_acquainted
from app.accounts.choosing import CHOSEN_ID, MOST_CHOSEN, OFFERED, Candidate, Chosen, find_persons, split_typed
from app.accounts.members import Member
from app.accounts.rights import is_entitled
from app.database import PreparedSelect, Transaction
from app.records.kinds.collation import collate
from app.records.kinds.kind import Cell, Definition, FieldKind, Json, fail
from app.web.forms import number_of
from app.web.templates import hue, initials
from app.web.texts import _l, drop_unseen, fold, keep_direction

# How one who was removed, and has no address any more, stands in a form without scripts.
NAMED_REFERENCE = re.compile(r".*\(#([1-9][0-9]{0,17})\)")
LINE_ENDS = re.compile("[\r\n]+")
# A name or an address has fewer letters.
LONGEST_PERSON = 400
# More people than can be chosen: what is written of more is not looked through.
MOST_WRITTEN = 2 * MOST_CHOSEN
# How many parts of names are looked for in a transaction.
MOST_LOOKED_THROUGH = 100

LIST_KNOWN = PreparedSelect(lambda: select(Member.id).where(is_acquainted(Member.id, bindparam("guest_id"))))
LIST_PEOPLE = PreparedSelect(
    lambda: select(Member.id, Member.name, Member.email, Member.suspended_at, Member.removed_at)
)


class People:
    """The members of a workspace: those who can be chosen by whoever asks, and others, whom records keep."""

    def __init__(self, rows: Iterable[tuple[int, str, str | None, bool]] = ()) -> None:
        self.rows = {row[0]: row for row in rows}
        self.found: dict[str, list[Candidate]] = {}
        self.looked_through = 0
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
        """A member, as one chooses them."""
        _, name, email, _ = self.rows[member_id]
        return Candidate(member_id, name, email or f"{name} (#{member_id})", fold(drop_unseen(name)))

    @cached_property
    def choosable(self) -> list[Candidate]:
        """Those who can be chosen."""
        return [self.candidate(member_id) for member_id, _, _, can_be in self.rows.values() if can_be]

    def meant(self, text: str, kept: str = "") -> list[Candidate]:
        """Whom a text means, as a form has it or somebody writes it. Who is `kept`, as a value has them, may be meant
        though they can't be chosen any more, or are not known to who asks."""
        found = read_reference(text) if len(text) <= LONGEST_PERSON else 0
        if not found and len(text) > LONGEST_PERSON:
            return []
        if not found:
            if text not in self.found:
                self.found[text] = self.find(text)
            return self.found[text]
        if found in self and (self.rows[found][3] or str(found) in kept.split()):
            return [self.candidate(found)]
        return []

    def find(self, text: str) -> list[Candidate]:
        """Whom a name, a part of one, or an address means. For a part of a name all are looked through: of too many
        texts that are no names and no addresses, the last ones mean nobody."""
        text = drop_unseen(text)
        same = self.by_name.get(fold(text), [])
        # A number alone is a name: no part of one, and no id.
        if same or number_of(text):
            return same
        addressed = self.by_address.get(text.strip().lower(), [])
        if addressed or self.looked_through >= MOST_LOOKED_THROUGH:
            return addressed
        self.looked_through += 1
        return find_persons(self.choosable, text) if fold(text) else []

    @cached_property
    def by_name(self) -> dict[str, list[Candidate]]:
        """Those who can be chosen, by name as it is compared."""
        return group_by(self.choosable, lambda person: person.folded)

    @cached_property
    def parted_names(self) -> set[str]:
        """The names that have a comma in them."""
        return {name for name in self.by_name if "," in name}

    @cached_property
    def by_address(self) -> dict[str, list[Candidate]]:
        """Those who can be chosen, by address."""
        return group_by(self.choosable, lambda person: person.email)


def group_by(people: Iterable[Candidate], key: Callable[[Candidate], str]) -> dict[str, list[Candidate]]:
    """People by what they have in common."""
    grouped: dict[str, list[Candidate]] = {}
    for person in people:
        grouped.setdefault(key(person), []).append(person)
    return grouped


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
        if asks is not None and not is_entitled(asks, "see", "everybody"):
            here &= set(await transaction.column(LIST_KNOWN, guest_id=asks.id))
        known = People((id_, name, email, id_ in here) for id_, name, email, _, _ in rows)
        transaction.info[People] = known
    return known


def means_one(text: str, people: People) -> bool:
    """Whether a text is one person as a whole."""
    return len(people.meant(" ".join(text.split()))) == 1


def split_people(text: str, people: People) -> list[str]:
    """The people of a text, one on each line, or with commas or semicolons between them, which a name may have too."""
    parts = LINE_ENDS.split(text, MOST_WRITTEN)
    splits: tuple[Callable[[str], list[str]], ...] = (
        lambda part: part.split(";", MOST_WRITTEN),
        lambda part: split_typed([part], people.parted_names, MOST_WRITTEN),
    )
    for split in splits:
        parts = [
            each for part in dict.fromkeys(parts) for each in ([part] if means_one(part, people) else split(part))
        ][: MOST_WRITTEN + 1]
    return list(dict.fromkeys(" ".join(part.split()) for part in parts if part.strip()))


class PersonKind(FieldKind):
    """One person of the workspace. Option: `several`, whether there may be more than one."""

    name = "person"
    label = _l("Person")
    control = "person"
    names_people = True

    def ids(self, value: str, field: Definition) -> list[int]:
        """The ids of the people of a value, by their names."""
        known = [member_id for member_id in map(int, value.split()) if member_id in field.people]
        return sorted(known, key=lambda member_id: (collate(field.people.name(member_id)), member_id))

    def find_chosen(self, text: str, field: Definition, kept: str = "") -> Chosen:
        """Whom a form has chosen, beside those that a value has; who was meant by a name of several is offered."""
        chosen = Chosen()
        parts = split_people(text, field.people)
        for part in parts if len(parts) <= MOST_WRITTEN else [text]:
            found = field.people.meant(part, kept)
            if len(found) == 1:
                chosen.people += [person for person in found if person not in chosen.people]
            else:
                chosen.typed.append(part)
                chosen.offered += found[:OFFERED]
        return chosen

    def join(self, typed: Sequence[str], field: Definition) -> str:
        """Each as the same text, however they were chosen. A name that means several is left out when one of them was
        chosen, too."""
        parts = [part for text in typed for part in split_people(text, field.people)]
        if len(parts) > MOST_WRITTEN:  # which is refused, and nothing of it is lost
            return "\n".join(typed)
        found: dict[str, list[int]] = {}
        for part in parts:
            given = read_reference(part)
            found[part] = [given] if given else [person.id for person in field.people.meant(part)]
        clear = {ids[0] for ids in found.values() if len(ids) == 1}
        return "\n".join(
            dict.fromkeys(
                f"#{ids[0]}" if len(ids) == 1 else part
                for part, ids in found.items()
                if len(ids) < 2 or not clear & {*ids}
            )
        )

    def read(self, text: str, field: Definition) -> str:
        return self.read_over(text, field, "")

    def read_over(self, text: str, field: Definition, before: str) -> str:
        chosen: set[int] = set()
        parts = split_people(text, field.people)
        if len(parts) > MOST_WRITTEN:
            raise fail("Choose at most %(limit)d people.", limit=MOST_CHOSEN)
        for part in parts:
            found = field.people.meant(part, before)
            if len(found) > 1:
                raise fail("Several people are called “%(text)s”. Write an email address instead.", text=part[:80])
            if not found:
                raise fail("No one here is called “%(text)s”.", text=part[:80])
            chosen.add(found[0].id)
        most = MOST_CHOSEN if field.options.get("several") else 1
        if len(chosen) > most:
            if most == 1:
                raise fail("Only one person can be chosen here; this has %(count)d.", count=len(chosen))
            raise fail("Choose at most %(limit)d people.", limit=most)
        return " ".join(map(str, sorted(chosen)))

    def write(self, value: str, field: Definition) -> str:
        return "\n".join(f"#{member_id}" for member_id in value.split())

    def describe(self, value: str, field: Definition) -> str:
        return "; ".join(map(field.people.name, self.ids(value, field)))

    def spell(self, value: str, field: Definition) -> str:
        """By name, or by address where others are called so."""
        people = field.people
        known = [(people.meant(people.name(each)), people.candidate(each)) for each in self.ids(value, field)]
        return "; ".join(
            person.name if [found.id for found in meant] == [person.id] else person.email for meant, person in known
        )

    def describe_unread(self, text: str, field: Definition) -> str:
        """By name, also who can't be chosen any more."""
        parts = [(read_reference(part), part) for part in split_people(text, field.people)]
        return "; ".join(field.people.name(found) if found in field.people else part for found, part in parts)

    def show(self, value: str, field: Definition) -> Markup:
        return Markup(" ").join(map(field.people.show, self.ids(value, field)))

    def unique_key(self, value: str, field: Definition) -> str:
        return value

    def cell(self, value: str, field: Definition) -> Cell:
        return "\n".join(map(field.people.name, self.ids(value, field))) or None

    def to_json(self, value: str, field: Definition) -> Json:
        ids: list[Any] = list(map(int, value.split()))
        return ids if field.options.get("several") else next(iter(ids), None)

    def from_json(self, given: Json, field: Definition) -> str:
        if isinstance(given, list):
            return "\n".join(self.from_json(each, field) for each in given)
        is_id = isinstance(given, int) and not isinstance(given, bool)
        return f"#{given}" if is_id else self.from_name(super().from_json(given, field), field)

    def from_name(self, text: str, field: Definition) -> str:
        if "#" not in text:
            return text
        parts = []
        for part in split_people(text, field.people):
            same = field.people.by_name.get(fold(drop_unseen(part)), [])
            if not same and CHOSEN_ID.fullmatch(part):
                raise fail("No one here is called “%(text)s”.", text=part[:80])
            if len(same) > 1 and read_reference(part):
                raise fail("Several people are called “%(text)s”. Write an email address instead.", text=part[:80])
            parts.append(f"#{same[0].id}" if len(same) == 1 else part)
        return "\n".join(parts)

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"several": True} if options.get("several") else {}
