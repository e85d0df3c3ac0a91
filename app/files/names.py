"""What files are called: without trust in what people or browsers call them."""

from __future__ import annotations

import re
import unicodedata
from urllib.parse import quote

from app.web.texts import is_blank

NAME_LIMIT = 120
EXTENSION_LIMIT = 20


def content_disposition(name: str, *, inline: bool) -> str:
    """The `Content-Disposition` header of a file with this name (RFC 6266).

    Old clients get the name in ASCII; there are no characters in it that they unquote in different ways.
    """
    name = clean_name(name)
    plain = "".join(
        character if " " <= character <= "~" and character not in '"%\\/' else "_"
        for character in unicodedata.normalize("NFKD", name)
        if not unicodedata.combining(character)
    )
    encoded = quote(name, safe="!#$&+-.^_`|~")
    return f"{'inline' if inline else 'attachment'}; filename=\"{plain}\"; filename*=UTF-8''{encoded}"


def clean_name(name: str) -> str:
    """A file's name as it may be shown: one line, no folders, nothing invisible that turns or hides letters.

    At most 120 characters, of which the extension stays; `file` when nothing is left.
    """
    visible = "".join(filter(None, map(clean_character, name)))
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", visible))[-1]
    cleaned = trim_file_name(" ".join(last.split()))
    if len(cleaned) > NAME_LIMIT:
        stem, _, extension = cleaned.rpartition(".")
        if stem and len(extension) <= EXTENSION_LIMIT:
            cleaned = f"{trim_file_name(stem[: NAME_LIMIT - len(extension) - 1])}.{extension}"
        else:
            cleaned = trim_file_name(cleaned[:NAME_LIMIT])
    return "file" if is_blank(cleaned) else cleaned


def trim_file_name(name: str) -> str:
    """Without the ends that hide a file (leading dot), that Windows drops (trailing dot), or that join nothing."""
    return name.strip(" .\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}")


def clean_character(character: str) -> str:
    """A character as it may be in a name: blanks are spaces, and controls nothing.

    Of the invisible ones only the joiners stay, which emoji and Persian need.
    """
    if character.isspace():
        return " "
    if character in "\N{ZERO WIDTH JOINER}\N{ZERO WIDTH NON-JOINER}":
        return character
    return "" if unicodedata.category(character) in ("Cc", "Cf", "Cs") else character
