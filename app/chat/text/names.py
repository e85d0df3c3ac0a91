"""Members' names: found in what somebody types, and put aside while the rest is parsed."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from urllib.parse import quote

from msgspec import Struct, field

from app.accounts.mentions import CLOSE, OPEN, store_mention, without_marks
from app.chat.rewriting import Filled, Kept, find_kept
from app.web.markdown.work import REFERENCE, spend

# What everybody in a room is called, by languages, in each the usual word first. Each does the same in all of them.
EVERYBODY_WORDS = {"en": ("room", "everyone"), "pt_BR": ("sala", "todos")}
EVERYBODY_NAMES = frozenset(word for words in EVERYBODY_WORDS.values() for word in words)
ESCAPABLE = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
# Marks that may be Markdown's and not the word's beside which they stand; what is parsed shows it.
EMPHASIS_MARK = "_"
# A name while its text is parsed: its place among the names of the message. In an address it is encoded.
PLACED_NAME = re.compile(f"{OPEN}([0-9]+){CLOSE}")
ENCODED = re.compile(f"{quote(OPEN)}|{quote(CLOSE)}", re.IGNORECASE)
PLACED_IN_ADDRESS = re.compile(f"{quote(OPEN)}([0-9]+){quote(CLOSE)}")


class Names(Struct):
    """Members' names, to be found at a place in a text without regard to case and to how accents are encoded.

    `lengths` has, for the first letter of names, how long those are, longest first: a search is a few look-ups.
    """

    names: dict[str, list[str]] = field(default_factory=dict)
    lengths: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, members: Mapping[str, int]) -> Names:
        """The names of these members, and '@room' and its like before any member of that name."""
        made = cls()
        for name in (*sorted(EVERYBODY_NAMES), *members):
            folded = Folded(name).folded
            if (
                folded
                and (folded not in EVERYBODY_NAMES or name in EVERYBODY_NAMES)
                and name not in made.names.get(folded, ())
            ):
                made.names.setdefault(folded, []).append(name)
        for folded in made.names:
            made.lengths.setdefault(folded[0], []).append(len(folded))
        for first, lengths in made.lengths.items():
            made.lengths[first] = sorted(set(lengths), reverse=True)
        return made

    def at(self, text: Folded, start: int) -> tuple[str, int] | None:
        """The longest name that the text has from `start`, and where it ends."""
        if start >= len(text.typed):
            return None
        begin = text.places[start]
        for length in self.lengths.get(text.folded[begin : begin + 1], ()):
            found = self.names.get(text.folded[begin : begin + length])
            end = text.ends.get(begin + length)
            if found and end is not None and not continues_word(text.typed, end, past=EMPHASIS_MARK):
                # Where names differ by case alone, the one that was typed.
                typed = text.typed[start:end]
                return (typed if typed in found else found[0]), end
        return None


class Folded(Struct):
    """A text, the same folded, and where the letters of one are in the other.

    A backslash before a mark of Markdown is none of them; no name goes on in the next line.
    """

    typed: str
    folded: str = ""
    places: list[int] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)

    def __post_init__(self) -> None:
        parts = []
        length = 0
        escaped = False
        for place, character in enumerate(self.typed):
            self.places.append(length)
            following = self.typed[place + 1 : place + 2]
            escaped = not escaped and character == "\\" and following in ESCAPABLE
            if escaped and following:
                continue
            parts.append(character if character == "\n" else fold_character(character))
            length += len(parts[-1])
            self.ends[length] = place + 1
        self.folded = "".join(parts)


def fold_character(character: str) -> str:
    """A character as it is compared: its case dropped, its accents apart from it, any white space a space."""
    if character.isascii():
        return " " if character.isspace() else character.lower()
    if character.isspace():
        return " "
    return unicodedata.normalize("NFD", unicodedata.normalize("NFD", character).casefold())


def is_word(character: str) -> bool:
    """Whether a character is part of a word: letters, digits, accents of their own (but no emoji's variation)."""
    if character.isalnum() or character == "_":
        return True
    return unicodedata.category(character).startswith("M") and not "\ufe00" <= character <= "\ufe0f"


def begins_word(text: str, place: int, *, past: str = "") -> bool:
    """Whether no word would be cut at this place: what begins there has no letter before it, `past` some marks."""
    while past and place > 0 and text[place - 1] in past:
        place -= 1
    return place == 0 or not is_word(text[place - 1])


def continues_word(text: str, place: int, *, past: str = "") -> bool:
    """Whether a word would be cut at this place: what ends there goes on, `past` some marks."""
    while past and place < len(text) and text[place] in past:
        place += 1
    return place < len(text) and is_word(text[place])


class NamedMention(Struct):
    """A name with an '@' before it: as it was typed, and the member whom it mentions, once that is known."""

    typed: str
    name: str
    member: int | None = None


class PlacedNames:
    """The names in a message while it is rendered. They are found before anything is parsed, as there may be Markdown
    in them.

    `placed` is the text with the place of each among `named` instead; `used` are the places where one is a mention: not
    in code, an address or a link. A message that is edited was typed into what its form was `filled` with.
    """

    def __init__(self, members: Mapping[str, int], filled: Filled | None = None) -> None:
        self.members = members
        self.filled = filled
        self.kept = Kept()
        self.placed = ""
        self.named: list[NamedMention] = []
        self.used: set[int] = set()
        self._known: Names | None = None

    @property
    def known(self) -> Names:
        """Made at the first '@': most messages have none."""
        if self._known is None:
            self._known = Names.of(self.members)
        return self._known

    def place(self, typed: str) -> str:
        """The text to be parsed. An '@' that is escaped (`\\@`) is a mere letter."""
        self.placed = typed
        # In what is decoded of an address there would be places that are none.
        if "@" not in typed or ENCODED.search(typed):
            return typed
        if self.filled is not None:
            self.kept = find_kept(self.filled, typed)
        text = Folded(typed)
        parts: list[str] = []
        shown = 0
        for at in re.finditer("@", typed):
            start = at.start()
            before = typed[start - 1 : start]
            if start < shown or (before == "\\" and is_escaped(typed, start)):
                continue
            if not (before.isspace() or begins_word(typed, start, past=EMPHASIS_MARK)):
                continue
            named = self.find(text, start) if spend(REFERENCE) else None
            if named is None:
                continue
            parts += [typed[shown:start], f"{OPEN}{len(self.named)}{CLOSE}"]
            self.named.append(named)
            shown = start + len(named.typed)
        self.placed = "".join([*parts, typed[shown:]])
        return self.placed

    def find(self, text: Folded, start: int) -> NamedMention | None:
        """The name after an '@': of the member who was mentioned there before, or whichever is found."""
        if start in self.kept.standing:
            end, member = self.kept.standing[start]
            return NamedMention(text.typed[start:end], text.typed[start + 1 : end], member)
        found = self.known.at(text, start + 1)
        return NamedMention(text.typed[start : found[1]], found[0]) if found else None

    def mention(self, place: int) -> NamedMention:
        """A name that is a mention."""
        named = self.named[place]
        self.used.add(place)
        if named.member is None and named.name not in EVERYBODY_NAMES:
            moved = self.kept.take(named.name)
            named.member = self.members[named.name] if moved is None else moved
        return named

    def restore(self, text: str) -> str:
        """A text with its names as they were typed."""
        return (
            PLACED_NAME.sub(lambda place: self.named[int(place[1])].typed, text) if self.named else without_marks(text)
        )

    def restore_address(self, address: str) -> str:
        """An address with its names as they were typed."""
        if not self.named:
            return address
        return PLACED_IN_ADDRESS.sub(lambda place: quote(self.named[int(place[1])].typed, safe="@"), address)

    def store(self, text: str) -> str:
        """A text with its mentions as they are stored, and other names as they were typed."""
        return PLACED_NAME.sub(lambda place: self.store_one(int(place[1])), text) if self.named else without_marks(text)

    def store_one(self, place: int) -> str:
        """A name as it is stored."""
        named = self.named[place]
        return named.typed if named.member is None or place not in self.used else store_mention(named.member)


def is_escaped(text: str, place: int) -> bool:
    """Whether a backslash makes a mere letter of a mark."""
    begin = place
    while begin > 0 and text[begin - 1] == "\\":
        begin -= 1
    return (place - begin) % 2 == 1
