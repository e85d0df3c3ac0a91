"""Texts of files, whichever way their letters are written: programs say it at most by the first bytes."""

from __future__ import annotations

import codecs

from app.web.texts import Text, _l

BYTE_ORDER_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
# What spreadsheets write: without a mark, the likeliest of these.
GUESSED = ["utf_16_le", "utf_16_be", "cp1252"]
# How the files of spreadsheet programs begin: archives that say what is in them, and before 2007 others.
ARCHIVE, OLD_WORKBOOK = b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
IN_WORKBOOKS = (b"xl/", b"opendocument.spreadsheet")
# How other files begin in which there is no table: pictures, archives, documents.
NO_TABLES = (
    ARCHIVE,
    b"\x89PNG",
    b"\xff\xd8\xff",
    b"GIF8",
    b"RIFF",
    b"II*\0",
    b"MM\0*",
    b"%PDF-",
    b"7z\xbc\xaf",
    b"\x1f\x8b",
)
NOT_IN_TABLES = bytes((*range(9), *range(14, 28), 127))
# The bytes of a file that has nothing in it: marks of encodings, and white space in any of them.
IN_NOTHING = b"\xef\xbb\xbf\xff\xfe\0 \t\r\n"
NO_TABLE = _l("This is not a table. Choose a CSV file, or JSON exported from here.")
# One letter in so many may be a control character, whatever that does in a table; one may be in any.
MOST_CONTROLS = 100
# One byte in so many at most may be a control in UTF-8 that has zeros.
MOST_STRAYED = 4


def why_no_table(content: bytes) -> Text | None:
    """Why a file can't be read as a text, if so; as js/table-file.js says it where scripts run."""
    if not content.strip(IN_NOTHING) and not decode_text(content).strip():
        return _l("This file is empty.")
    if content.startswith(OLD_WORKBOOK) or (
        content.startswith(ARCHIVE) and any(map(content.__contains__, IN_WORKBOOKS))
    ):
        return _l(
            "This is a file from Excel or another spreadsheet program. Save it there as CSV, and choose that file."
        )
    if content.startswith(NO_TABLES) or not is_letters(content):
        return NO_TABLE
    return None


def is_letters(content: bytes) -> bool:
    """Whether a file is a text: with hardly a zero or another control, or with the zeros of UTF-16, which are in one
    half of its pairs."""
    if content.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return True
    zeros = sorted((content[::2].count(0), content[1::2].count(0)))
    if zeros[1] and not is_utf8_with_zeros(content):
        return zeros[0] * MOST_CONTROLS <= zeros[1]
    return count_controls(content) <= max(1, len(content) // MOST_CONTROLS)


def is_utf8_with_zeros(content: bytes) -> bool:
    """Whether a file is UTF-8 into which some zeros have strayed. In UTF-16, at least half of the bytes are zeros or
    other controls where all of them could be UTF-8 as well."""
    try:
        content.decode()
    except UnicodeDecodeError:
        return False
    return count_controls(content) * MOST_STRAYED <= len(content)


def count_controls(content: bytes) -> int:
    """How many bytes of a file are none that are in tables."""
    return len(content) - len(content.translate(None, NOT_IN_TABLES))


def decode_text(content: bytes) -> str:
    """The text of a file. What is no letter in any way becomes one that says so; nothing is refused."""
    for mark, encoding in BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return content[len(mark) :].decode(encoding, "replace")
    if b"\0" not in content or is_utf8_with_zeros(content):
        try:
            return content.decode()
        except UnicodeDecodeError:
            # A short text may look like another's: what has no zeros is hardly UTF-16.
            return content.decode("cp1252", "replace")
    from charset_normalizer import from_bytes  # rarely needed

    found = from_bytes(content, cp_isolation=GUESSED).best()
    if found is not None:
        return str(found)
    return content.decode("utf-16-be" if content[:1] == b"\0" else "utf-16-le", "replace")
