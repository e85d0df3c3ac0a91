"""Texts of files, whichever way their letters are written: programs say it at most by the first bytes."""

from __future__ import annotations

import codecs

from charset_normalizer import from_bytes

BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# What spreadsheets write: without a mark, the likeliest of these.
GUESSED = ["utf_16_le", "utf_16_be", "cp1252"]


def decode_text(content: bytes) -> str:
    """The text of a file. What is no letter in any way becomes one that says so; nothing is refused."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    if b"\0" not in content:
        try:
            return content.decode()
        except UnicodeDecodeError:
            # A short text may look like another's: what has no zeros is hardly UTF-16.
            return content.decode("cp1252", "replace")
    found = from_bytes(content, cp_isolation=GUESSED).best()
    if found is not None:
        return str(found)
    return content.decode("utf-16-be" if content[:1] == b"\0" else "utf-16-le", "replace")
