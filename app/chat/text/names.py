"""Members' names, to be found in what somebody types."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field

EVERYBODY_NAME = "room"
ESCAPABLE = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"
# Marks that may be Markdown's and not the word's beside which they stand; what is parsed shows it.
EMPHASIS_MARK = "_"


@dataclass(slots=True)
class Names:
    """Members' names, to be found at a place in a text without regard to case and to how accents are encoded.

    `lengths` has, for the first letter of names, how long those are, longest first: a search is a few look-ups.
    """

    names: dict[str, list[str]] = field(default_factory=dict)
    lengths: dict[str, list[int]] = field(default_factory=dict)

    @classmethod
    def of(cls, members: Mapping[str, int]) -> Names:
        """The names of these members, and '@room' before any member of that name."""
        made = cls()
        for name in (EVERYBODY_NAME, *members):
            folded = Folded(name).folded
            if (
                folded
                and (folded != EVERYBODY_NAME or name == EVERYBODY_NAME)
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


@dataclass(slots=True)
class Folded:
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
