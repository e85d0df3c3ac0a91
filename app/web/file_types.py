"""What a file is, told by its content and not by its name."""

from __future__ import annotations

import codecs
from pathlib import Path

import puremagic

PIECE = 64 * 1024
DOWNLOAD = "application/octet-stream"
PICTURE_TYPES = {"PNG": "image/png", "JPEG": "image/jpeg", "GIF": "image/gif", "WEBP": "image/webp"}
DOCUMENT_TYPES = {"application/pdf", "application/rtf"}
# What else may be said of a file that is no text. All that is not here is a download: a browser runs none of these.
HARMLESS_TYPES = {
    "application/gzip",
    "application/vnd.oasis.opendocument.presentation",
    "application/vnd.oasis.opendocument.spreadsheet",
    "application/vnd.oasis.opendocument.text",
    "application/x-7z-compressed",
    "application/x-bzip2",
    "application/x-tar",
    "application/x-xz",
    "application/zip",
    "audio/aac",
    "audio/flac",
    "audio/midi",
    "audio/mpeg",
    "audio/ogg",
    "audio/wave",
    "audio/x-wav",
    "image/avif",
    "image/bmp",
    "image/heic",
    "image/heif",
    "image/tiff",
    "video/mp4",
    "video/mpeg",
    "video/ogg",
    "video/quicktime",
    "video/webm",
    "video/x-matroska",
    "video/x-msvideo",
}
# puremagic's confidence is a tenth for each byte that it compared.
SURE = 0.4
CONTROLS = bytes(byte for byte in range(32) if byte not in b"\t\n\f\r\x1b") + b"\x7f"


# Brands of pictures in boxes (ISO/IEC 23008-12, AVIF), and the signatures of JPEG XL's and JPEG 2000's.
BRANDS = frozenset(b"avif avis heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 miaf".split())
BOXES = (b"\0\0\0\x0cJXL \r\n\x87\n", b"\0\0\0\x0cjP  \r\n\x87\n")
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")


def promised_kind(head: bytes) -> str | None:
    """The kind of picture, in Pillow's words, that the first 12 bytes of a file promise; "BOXES" for those in boxes."""
    if head.startswith(b"\x89PNG\r\n\x1a\n"):
        return "PNG"
    if head.startswith(b"\xff\xd8\xff"):
        return "JPEG"
    if head.startswith((b"GIF87a", b"GIF89a")):
        return "GIF"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WEBP"
    if head.startswith(TIFF_STARTS):
        return "TIFF"
    if head in BOXES or (head[4:8] == b"ftyp" and head[8:12] in BRANDS):
        return "BOXES"
    return None


def media_type_of(path: Path) -> str:
    """The type of a file that is no picture of ours. Text is plain, whatever language it is in."""
    found = recognised_type(path)
    if found in DOCUMENT_TYPES:
        return found
    if is_text(path):
        return "text/plain"
    return found if found in HARMLESS_TYPES else DOWNLOAD


def recognised_type(path: Path) -> str:
    """What puremagic is sure of, and empty when it is not, or of several types at once."""
    try:
        matches = puremagic.magic_file(path)
    except (puremagic.PureError, ValueError):  # nothing known, an empty file
        return ""
    best = (matches[0].confidence, len(matches[0].byte_match)) if matches else (0, 0)
    if best[0] < SURE:
        return ""
    types = {match.mime_type for match in matches if (match.confidence, len(match.byte_match)) == best}
    for common in ("application/pdf", "application/zip"):  # others share their first bytes
        if common in types:
            return common
    return types.pop() if len(types) == 1 else ""


def is_text(path: Path) -> bool:
    """Whether a file is text in UTF-8, without control characters, and not empty."""
    decoder = codecs.getincrementaldecoder("utf-8")()
    anything = False
    try:
        with path.open("rb") as file:
            while piece := file.read(PIECE):
                anything = True
                if len(piece.translate(None, CONTROLS)) < len(piece):
                    return False
                decoder.decode(piece)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return anything
