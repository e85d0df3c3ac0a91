"""People: one, or several. A value has the ids of members: one may be called otherwise, and no record changes.

Forms name a person by `#` and the id, as scripts choose them, or as people write them: by whole name or address. A
part of a name means nobody: whom it may mean is said.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from app.accounts.choosing import MOST_CHOSEN, OFFERED, Candidate, Chosen
from app.accounts.typed_names import CHOSEN_ID, TypedPart, chosen_id, split_typed
from app.folding import fold
from app.records.kinds.collation import collate
from app.records.kinds.kind import Cell, Definition, FieldKind, Json, fail
from app.records.kinds.known_people import People, read_reference
from app.web.texts import _l, drop_unseen

LINE_ENDS = re.compile("[\r\n]+")
# More people than can be chosen: what is written of more is not looked through.
MOST_WRITTEN = 2 * MOST_CHOSEN
# How many people are said to whom a part of a name may belong.
MOST_ALIKE_SAID = 3


def refuse_part(part: TypedPart, found: Sequence[Candidate], people: People) -> ValueError:
    """Why a part of what was typed is not one person."""
    text = part.text[:80]
    if part.may_be:
        return fail("“%(text)s” could be one name or several. Enter email addresses instead.", text=text)
    if found:
        return fail("Several people are called “%(text)s”. Enter an email address instead.", text=text)
    if similar := people.list_similar(part.text):
        said = "; ".join(dict.fromkeys(person.name for person in similar[:MOST_ALIKE_SAID]))
        return fail("“%(text)s” is not a full name. Did you mean %(names)s?", text=text, names=said)
    return fail("No one here is called “%(text)s”.", text=text)


def split_people(text: str, people: People) -> list[TypedPart]:
    """The people of a text, one on each line, or with commas or semicolons between them, which a name may have too."""
    lines = dict.fromkeys(LINE_ENDS.split(text, MOST_WRITTEN))
    parts = split_typed(lines, people.names, MOST_WRITTEN)
    return list(dict.fromkeys(TypedPart(" ".join(each.split()), may_be) for each, may_be in parts))


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
        people, chosen = field.people, Chosen()
        parts = split_people(text, people)
        for part in parts if len(parts) <= MOST_WRITTEN else [TypedPart(text)]:
            found = people.meant(part, kept)
            if len(found) == 1 and not part.may_be:
                chosen.people += [person for person in found if person not in chosen.people]
            else:
                chosen.typed.append(part.text)
                chosen.offered += (found or people.list_similar(part.text))[:OFFERED]
        chosen.offered = [each for each in dict.fromkeys(chosen.offered) if each not in chosen.people]
        return chosen

    def join(self, typed: Sequence[str], field: Definition) -> str:
        """Each as the same text, however they were chosen. What is not clear is left out when one of those was picked
        who were offered for it."""
        people = field.people
        parts = [part for text in typed for part in split_people(text, people)]
        if len(parts) > MOST_WRITTEN:  # which is refused, and nothing of it is lost
            return "\n".join(typed)
        picked = set(map(chosen_id, typed))
        texts = []
        for part in parts:
            given = read_reference(part.text)
            ids = [given] if given else [person.id for person in people.meant(part)]
            if len(ids) == 1 and not part.may_be:
                texts.append(f"#{ids[0]}")
            elif picked.isdisjoint(ids or (person.id for person in people.list_similar(part.text))):
                texts.append(part.text)
        return "\n".join(dict.fromkeys(texts))

    def read(self, text: str, field: Definition) -> str:
        return self.read_over(text, field, "")

    def read_over(self, text: str, field: Definition, before: str) -> str:
        chosen: set[int] = set()
        parts = split_people(text, field.people)
        if len(parts) > MOST_WRITTEN:
            raise fail("Choose at most %(limit)d people.", limit=MOST_CHOSEN)
        for part in parts:
            found = field.people.meant(part, before)
            if part.may_be or len(found) != 1:
                raise refuse_part(part, found, field.people)
            chosen.add(found[0].id)
        most = MOST_CHOSEN if field.options.get("several") else 1
        if len(chosen) > most:
            if most == 1:
                raise fail("Only one person can be chosen here; this has %(count)d.", count=len(chosen))
            raise fail("Choose at most %(limit)d people.", limit=most)
        return " ".join(map(str, sorted(chosen)))

    def write(self, value: str, field: Definition) -> str:
        return "\n".join(f"#{member_id}" for member_id in value.split())

    def list_entries(self, value: str) -> list[str]:
        return value.split()

    def describe(self, value: str, field: Definition) -> str:
        return "; ".join(map(field.people.name, self.ids(value, field)))

    def spell(self, value: str, field: Definition) -> str:
        """By name, or by address where that could be read otherwise; who can't be chosen, by reference."""
        people, ids = field.people, self.ids(value, field)
        by_address = [people.candidate(each).email for each in ids]
        by_name = [
            people.name(each) if [found.id for found in people.named(people.name(each))] == [each] else address
            for each, address in zip(ids, by_address, strict=True)
        ]
        spelled = "; ".join(by_name)
        is_clear = split_people(spelled, people) == [TypedPart(" ".join(each.split())) for each in by_name]
        return spelled if is_clear else "; ".join(by_address)

    def describe_unread(self, text: str, field: Definition, kept: str = "") -> str:
        """By name, also who can't be chosen any more; whom the one who asks does not know, as they were typed."""
        people = field.people
        parts = [part.text for part in split_people(text, people)]
        found = [(read_reference(part), part) for part in parts]
        return "; ".join(people.name(id_) if people.is_named_to_asker(id_, kept) else part for id_, part in found)

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
        for part, may_be in split_people(text, field.people):
            same = [] if may_be else field.people.by_name.get(fold(drop_unseen(part)), [])
            if CHOSEN_ID.fullmatch(part) if not same else len(same) > 1 and read_reference(part):
                raise refuse_part(TypedPart(part), same, field.people)
            parts.append(f"#{same[0].id}" if len(same) == 1 else part)
        return "\n".join(parts)

    def list_left_out(self, field: Definition) -> Sequence[str]:
        return [] if field.options.get("several") else ["% %"]

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        return {"several": True} if options.get("several") else {}
