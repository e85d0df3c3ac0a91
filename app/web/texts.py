"""Texts and their translations.

English is the source. The `.po` files are compiled in memory at start, so there is nothing to build or to forget.
"""

from __future__ import annotations

import gettext
import io
import math
import re
import unicodedata
from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from anyascii import anyascii
from babel.dates import format_timedelta
from babel.numbers import format_decimal
from msgspec import Struct, field

from app.web.fast.kept_compiled import keep, load_kept

LOCALE = Path(__file__).parent.parent / "locale"
LANGUAGES = {"en": "English", "pt_BR": "Português (Brasil)"}
# The names of values that say how much of something there is. Any other number names something, such as a line, and is
# written as it is.
AMOUNTS = frozenset(("count", "first", "last", "length", "limit", "most", "page", "pages", "total"))
# `%(name)d`, but not what comes after a percent sign, which is written as two.
NUMBER_PLACES = re.compile(r"((?<!%)(?:%%)*%\(\w+\))d")
# Where a text says how long to wait, which is known when it is refused.
WAIT_PLACE = "%(wait)s"


class Text(Struct, frozen=True):
    """A text to be shown later, in the language of whoever reads it. `values` fill its `%(name)s` places.

    One that has `many` is said of a `count`.
    """

    message: str
    values: dict[str, Any] = field(default_factory=dict)
    many: str = ""

    def translate(self, language: str) -> str:
        """The text in a language."""
        values = {name: speak(value, language) for name, value in self.values.items()}
        texts = translations(language)
        if self.many:
            message = texts.ngettext(self.message, self.many, self.values["count"])
        else:
            message = texts.gettext(self.message)
        return fill_places(message, values, language)


# Embeddings, overrides and isolates of the direction: what is left open turns what others wrote beside it around.
# https://www.unicode.org/reports/tr9/#Explicit_Directional_Embeddings
MARKS_OF_DIRECTION = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
DIRECTION_MARKS = re.compile(f"[{MARKS_OF_DIRECTION}]")
SEVERAL_LINES = 500
# Characters that Unicode keeps for a program's own use. We mark mentions with them (accounts/mentions.py), so that
# nobody can write what looks like one.
NONCHARACTERS = re.compile("[\ufdd0-\ufdef]")
# So much of a long text is looked at in one go, as that keeps all threads from running.
PIECE = 64 * 1024
# More marks than any language puts on one letter, as Unicode's stream-safe format has it.
MOST_MARKS = 30
NO_LETTERS = re.compile(rf"[^\w\s]{{{MOST_MARKS + 1},}}")


def keep_direction(text: str) -> str:
    """A text that leaves the direction of what stands beside it alone. Marks of direction are harmless, and stay."""
    if text.isascii() or (len(text) > SEVERAL_LINES and not any(mark in text for mark in MARKS_OF_DIRECTION)):
        return text  # a long one is looked through many times as fast for each of them
    return DIRECTION_MARKS.sub("", text)


def drop_noncharacters(text: str) -> str:
    """A text without what is no character: a long one piece by piece, as each keeps all threads from running."""
    if text.isascii():
        return text
    return "".join(NONCHARACTERS.sub("", text[at : at + PIECE]) for at in range(0, len(text), PIECE))


def keep_in_place(value: object) -> object:
    """What is written where a template has a value: each is kept to its own place in the line."""
    if not isinstance(value, str) or value.isascii():
        return value
    return type(value)(keep_direction(value))


def speak(value: Any, language: str) -> Any:
    """A value as a text has it: another text in the same language; a length of time in words, in whole seconds, minutes
    or hours and never too short."""
    if isinstance(value, str):
        return keep_direction(value)
    if isinstance(value, Text):
        return value.translate(language)
    if not isinstance(value, timedelta):
        return value
    unit = next((unit for unit in (1, 60, 3600) if round(value.total_seconds(), 3) <= 60 * unit), 3600)
    whole = max(1, math.ceil(round(value.total_seconds() / unit, 3))) * unit
    return format_timedelta(timedelta(seconds=whole), threshold=1, locale=language)


def write_amount(number: float, language: str, digits: int = 0) -> str:
    """How much there is of something, as a language writes it: 2,000 or 2.000; with so many digits after the point."""
    if digits:
        return str(format_decimal(number, "#,##0." + "0" * digits, locale=language))
    return str(number) if -1000 < number < 1000 else str(format_decimal(number, locale=language))


def fill_places(message: str, values: Mapping[str, Any], language: str) -> str:
    """A text with values in its places, amounts as its language writes them: places of numbers are places of texts."""
    written = {
        name: write_amount(value, language) if name in AMOUNTS and type(value) is int else value
        for name, value in values.items()
    }
    return (NUMBER_PLACES.sub(r"\1s", message) if ")d" in message else message) % written


def say_wait(text: Text, seconds: float) -> Text:
    """A text that says how long to wait, where it has a place for that."""
    if WAIT_PLACE not in text.message:
        return text
    return Text(text.message, {**text.values, "wait": timedelta(seconds=seconds)}, text.many)


def _l(message: str, **values: Any) -> Text:
    """Mark a text for translation, and keep it for later."""
    return Text(message, values)


def _ln(message: str, many: str, count: int, **values: Any) -> Text:
    """Mark a text that says a number for translation, and keep it for later."""
    return Text(message, {"count": count, **values}, many)


@cache
def translations(language: str) -> gettext.NullTranslations:
    """The texts of a language; English for one we don't have."""
    return read_translations(language)


def read_translations(language: str) -> gettext.NullTranslations:
    """The same, read anew: from what was kept, or compiled."""
    path = LOCALE / language / "LC_MESSAGES" / "messages.po"
    if language not in LANGUAGES or not path.exists():
        return gettext.NullTranslations()
    compiled = load_kept(f"texts-{language}")
    if compiled is None:
        compiled = compile_texts(path, language)
        keep(f"texts-{language}", compiled)
    return gettext.GNUTranslations(io.BytesIO(compiled))


def compile_texts(path: Path, language: str) -> bytes:
    """The texts of a language as gettext reads them."""
    from babel.messages.mofile import write_mo  # nothing else needs what reads and writes them
    from babel.messages.pofile import read_po

    compiled = io.BytesIO()
    with path.open("rb") as file:
        write_mo(compiled, read_po(file, locale=language))
    return compiled.getvalue()


# Letters and symbols that nobody sees: fillers of Hangul, the empty pattern of Braille, a note without a head.
INVISIBLE = frozenset("\u115f\u1160\u2800\u3164\uffa0\U0001d159")
# No name that is looked for is longer.
LONGEST_SEEN_THROUGH = 2_000


def spell_in_ascii(text: str) -> list[str]:
    """The words of a text in small letters of ASCII and digits, for addresses and keys: 'Книги №1' is knigi and no1."""
    return re.findall(r"[a-z0-9]+", anyascii(text).lower())


def is_blank(text: str) -> bool:
    """Whether there is nothing in a text that anybody sees, so that it is as good as empty: the one rule for all texts.

    Letters, numbers, punctuation and symbols are seen; spaces, controls, joiners and marks alone are not.
    """
    return not any(unicodedata.category(character)[0] in "LNPS" and character not in INVISIBLE for character in text)


def drop_unseen(text: str) -> str:
    """A text without what nobody sees within it, such as joiners, soft hyphens and marks of direction: so a name is
    looked for that was copied from somewhere. A long one is not looked through."""
    if text.isascii() or len(text) > LONGEST_SEEN_THROUGH:
        return text
    return "".join(each for each in text if each not in INVISIBLE and unicodedata.category(each) != "Cf")


TOO_MANY_MARKS = _l("There are too many marks on one letter.")


def has_heaps(text: str) -> bool:
    """Whether a letter has more marks than any language puts on one.

    Bringing a heap of marks into their order takes time that grows with its square: seconds for 20,000.
    """
    for found in () if text.isascii() else NO_LETTERS.finditer(text):
        marks = 0
        for character in found[0]:
            marks = marks + 1 if unicodedata.combining(character) else 0
            if marks > MOST_MARKS:
                return True
    return False


def shorten_text(text: str, most: int) -> str:
    """How a text begins, in so many characters; one that goes on says so."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
