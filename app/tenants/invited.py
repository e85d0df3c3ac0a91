"""What guests are invited to: things that features have, such as collections and rooms, by their names (`room-7`).

Features register their kinds of things, each with how an admin finds some of theirs by what they type.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Sequence

from msgspec import Struct, field

from app.accounts.choosing import OFFERED
from app.accounts.members import Member
from app.accounts.typed_names import KnownNames, TypedPart, chosen_id, list_pieces, split_typed
from app.database import Transaction
from app.folding import fold, fold_searched
from app.tenants.roles import GUEST
from app.web.forms import Form
from app.web.texts import Text, _l

# How many of a kind an invitation takes.
MOST_INVITED_TO = 20


class Invitable(Struct, frozen=True):
    """A thing that a guest may be invited to; its slug is what its address has."""

    id: int
    name: str
    slug: str

    @property
    def value(self) -> str:
        """How a list of choices sends that it was chosen."""
        return f"#{self.id}"


# The things of a kind that somebody may invite guests to.
ListInvitable = Callable[[Transaction, Member], Awaitable[Sequence[Invitable]]]


class InvitableKind(Struct, frozen=True):
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


class InvitedTo(Struct):
    """What was chosen in a form, of one kind. What means nothing stays typed; what may mean something, or several
    things, is `offered`. `text` is what stands in the field without scripts."""

    kind: InvitableKind
    things: list[Invitable] = field(default_factory=list)
    typed: list[str] = field(default_factory=list)
    offered: list[Invitable] = field(default_factory=list)
    text: str = ""


async def read_invited_to(transaction: Transaction, member: Member, form: Form) -> list[InvitedTo]:
    """What a form invites guests to: by id, as a list of choices sends it, or by name or address, with commas between.
    What means nothing that the member could invite to, or several things, is noted as an error."""
    found = []
    for kind in sorted(INVITABLE.values(), key=lambda kind: kind.name):
        texts = [text for text in form.values.get(kind.name, ()) if text.strip()]
        things = await kind.list_things(transaction, member) if texts else ()
        found.append(read_kind(kind, form, texts, things))
    return found


def read_kind(kind: InvitableKind, form: Form, texts: Sequence[str], things: Sequence[Invitable]) -> InvitedTo:
    """What a form invites guests to, of one kind."""
    chosen = InvitedTo(kind)
    parts = split_things(things, texts)
    if len(parts) > MOST_INVITED_TO:
        form.errors[kind.name] = _l("Choose at most %(limit)d.", limit=MOST_INVITED_TO)
        chosen.typed = [text.strip() for text in texts]
        chosen.text = ", ".join(chosen.typed)
        return chosen
    for part in parts:
        text = part.text
        same = [each for name in part.names for each in find_things(things, name)]
        similar = same or ([] if chosen_id(text) else find_similar(things, text))
        if len(same) == 1 and not part.may_be:
            chosen.things += [each for each in same if each not in chosen.things]
        elif similar:
            chosen.offered += [each for each in dict.fromkeys(similar[:OFFERED]) if each not in chosen.offered]
            form.errors[kind.name] = (
                _l("“%(text)s” could be one name or several. Choose below.", text=text[:80])
                if part.may_be
                else _l("Several things here are called “%(text)s”. Choose one below.", text=text[:80])
                if same
                else _l("“%(text)s” is not a full name. Choose one below.", text=text[:80])
            )
        else:
            chosen.typed.append(text)
            form.errors[kind.name] = _l("Nothing here is called “%(text)s”.", text=text[:80])
    chosen.offered = [each for each in chosen.offered if each not in chosen.things][:OFFERED]
    chosen.text = spell_chosen(things, chosen)
    return chosen


def split_things(things: Sequence[Invitable], texts: Iterable[str]) -> list[TypedPart]:
    """The parts of what was typed; more than an invitation takes of too many."""
    names = KnownNames({fold(each.name) for each in things}, {each.slug for each in things})
    return split_typed(texts, names, MOST_INVITED_TO)


def find_things(things: Iterable[Invitable], text: str) -> list[Invitable]:
    """What a text means as a whole: by id alone, as a list of choices sends it; by name; or by address."""
    things, folded = list(things), fold(text)
    if id_ := chosen_id(text):
        return [each for each in things if each.id == id_]
    named = [each for each in things if fold(each.name) == folded]
    return named or [each for each in things if each.slug == text.strip()]


def find_similar(things: Iterable[Invitable], text: str) -> list[Invitable]:
    """What has a text in its name."""
    wanted = fold_searched(text)
    return [each for each in things if wanted in fold_searched(each.name)] if wanted else []


def spell_chosen(things: Sequence[Invitable], chosen: InvitedTo) -> str:
    """What was chosen and typed, such that it means the same when it is read again: by names if they do, by addresses
    else."""
    wanted = [[each] for each in chosen.things]
    spellings: tuple[Callable[[Invitable], str], ...] = (
        lambda each: each.name if find_things(things, each.name) == [each] else each.slug,
        lambda each: each.slug,
        lambda each: each.value,
    )
    for spell in spellings:
        text = ", ".join([*map(spell, chosen.things), *chosen.typed])
        parts = split_things(things, [text])
        read = [[] if part.may_be else find_things(things, part.text) for part in parts]
        if read[: len(wanted)] == wanted:
            break
    return text


def offer_things(things: Sequence[Invitable], text: str) -> list[dict[str, str]]:
    """What has a text in its name, as one chooses it while typing. Of one with a comma, what its pieces mean comes
    first, as for people."""
    found = find_similar(things, text) if fold(text) else things
    pieces = list_pieces(text, OFFERED) if found else []
    found = list(dict.fromkeys([*(each for piece in pieces for each in find_things(things, piece)), *found]))
    return [{"value": each.value, "text": each.name, "note": note_of(things, each)} for each in found[:OFFERED]]


def note_of(things: Iterable[Invitable], thing: Invitable) -> str:
    """What tells a thing from another one that is called the same: its address."""
    return thing.slug if sum(fold(each.name) == fold(thing.name) for each in things) > 1 else ""


async def read_names(transaction: Transaction, member: Member, form: Form) -> list[str]:
    """The names of what a form invites a guest to: of something, or they would see nothing; none for other roles."""
    if form["role"] != GUEST:
        return []
    found = await read_invited_to(transaction, member, form)
    names = [f"{each.kind.name}-{thing.id}" for each in found for thing in each.things]
    if not names and not form.errors:
        form.errors[found[0].kind.name] = _l(
            "Choose at least one collection or room: guests see only what they are invited to."
        )
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
