"""What a file is, told by its content and not by its name."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

TYPE_CHUNK = 64 * 1024
MOST_BOXES = 1_000
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


# Brands of pictures in boxes (ISO/IEC 23008-12, AVIF), the handler that such pictures have whatever their brand is, and
# the signature of JPEG XL's.
BRANDS = frozenset(b"avif avis avio heic heix heim heis hevc hevx hevm hevs mif1 mif2 msf1 miaf".split())
BOXED_TYPES = {
    **dict.fromkeys((b"avif", b"avis"), "image/avif"),
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis"), "image/heic"),
    **dict.fromkeys((b"mif1", b"msf1"), "image/heif"),
}
PICTURE_HANDLER = re.compile(rb"hdlr.{8}pict", re.DOTALL)
JPEG_XL = b"\0\0\0\x0cJXL \r\n\x87\n"
TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# What says of itself that it is a picture, and of which metadata can't be taken out with certainty: JPEG 2000,
# Photoshop's, and what cameras write raw (ORF, RW2, RAF, X3F, MRW, CRW, CR2).
OTHER_STARTS = (
    *(b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51", b"8BPS\0", b"IIRO\x08\0", b"IIRS\x08\0"),
    *(b"MMOR\0\0", b"IIU\0"),
    *(b"FUJIFILMCCD-RAW", b"FOVb\0\0", b"\0MRM", b"II\x1a\0\0\0HEAP", b"II*\0\x10\0\0\0CR"),
)
# Names of pictures; those of boxes are pictures whatever brand they have, and raw ones are none any more without what
# their cameras wrote.
BOXED_NAMES = frozenset(("avif", "avifs", "heic", "heics", "heif", "heifs", "hif"))
RAW_NAMES = frozenset(
    (
        *("3fr", "arw", "cr2", "cr3", "crw", "dng", "erf", "iiq", "kdc", "mrw", "nef", "nrw", "orf", "pef", "raf"),
        *("rw2", "rwl", "sr2", "srw", "x3f"),
    )
)
PICTURE_NAMES = BOXED_NAMES | frozenset(
    (
        *("apng", "gif", "j2c", "j2k", "jfi", "jfif", "jif", "jp2", "jpc", "jpe", "jpeg", "jpf", "jpg", "jps", "jpx"),
        *("jxl", "mpo", "png", "psb", "psd", "svgz", "tif", "tiff", "webp"),
    )
)
# A drawing, and what in one may hold a photograph or say who made it. Without entities it hides neither.
BEFORE_DRAWING = rb"<!--.*?-->|<\?.*?\?>|<!doctype\s+svg[^>\[]*(?:\[.*?\]\s*)?>"
DRAWING = re.compile(
    rb"(?:\xef\xbb\xbf)?\s*(?>(?:" + BEFORE_DRAWING + rb")\s*)*<(?:\w+:)?svg\b", re.IGNORECASE | re.DOTALL
)
IN_DRAWINGS = (b"data:", b"<metadata", b":metadata", b"xpacket", b"rdf:", b"<!entity", b"&#")
LONGEST_IN_DRAWINGS = max(map(len, IN_DRAWINGS))

# Pictures that are not kept.
OTHER = "OTHER"


def promised_kind(path: Path, name: str) -> str | None:
    """The kind of picture, in Pillow's words, that a file's bytes or name promise; None for what is no picture.

    "BOXES" is for those in boxes, and OTHER for those of which metadata can't be taken out.
    """
    with path.open("rb") as file:
        head = file.read(TYPE_CHUNK)
    extension = name.rpartition(".")[2].lower() if "." in name else ""
    if extension in RAW_NAMES or head.startswith(OTHER_STARTS) or head[4:12] == b"ftypcrx ":
        return OTHER
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
    if head.startswith(JPEG_XL) or (head[4:8] == b"ftyp" and is_boxed_picture(path, head, extension)):
        return "BOXES"
    if extension in PICTURE_NAMES or ((extension == "svg" or DRAWING.match(head)) and not is_plain_drawing(path)):
        return OTHER
    return None


def is_boxed_picture(path: Path, head: bytes, extension: str) -> bool:
    """Whether boxes hold a picture and no film: by a brand, by the handler, or by what they are called."""
    brands = head[8 : min(int.from_bytes(head[:4], "big"), TYPE_CHUNK)]
    if extension in BOXED_NAMES or not BRANDS.isdisjoint(brands[at : at + 4] for at in range(0, len(brands), 4)):
        return True
    if PICTURE_HANDLER.search(head):
        return True
    with path.open("rb") as file:  # what tells of the picture may come after it
        for _ in range(MOST_BOXES):
            start = file.tell()
            box = file.read(16)
            size, kind = int.from_bytes(box[:4], "big"), box[4:8]
            if size == 1:
                size = int.from_bytes(box[8:16], "big")
            if kind == b"meta" and PICTURE_HANDLER.search(box[8:] + file.read(TYPE_CHUNK)):
                return True
            if size < 8 or len(box) < 8:
                return False
            file.seek(start + min(size, 1 << 62))
    return False


def is_plain_drawing(path: Path) -> bool:
    """Whether an SVG is text that holds neither photographs nor metadata.

    It is looked at in pieces, by words and not by an expression: that would keep all threads from running meanwhile.
    """
    if not is_text(path):
        return False
    before = b""
    with path.open("rb") as file:
        while piece := file.read(TYPE_CHUNK):
            text = before + piece.lower()
            if any(word in text for word in IN_DRAWINGS):
                return False
            before = text[-LONGEST_IN_DRAWINGS:]
    return True


def media_type_of(path: Path) -> str:
    """The type of a file that is no picture of ours. Text is plain, whatever language it is in."""
    with path.open("rb") as file:
        head = file.read(12)
    if head[4:8] == b"ftyp" and head[8:] in BOXED_TYPES:  # which puremagic confuses
        return BOXED_TYPES[head[8:]]
    found = recognised_type(path)
    if found in DOCUMENT_TYPES:
        return found
    if is_text(path):
        return "text/plain"
    return found if found in HARMLESS_TYPES else DOWNLOAD


def recognised_type(path: Path) -> str:
    """What puremagic is sure of, and empty when it is not, or of several types at once."""
    import puremagic  # tables of all it knows

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
            while piece := file.read(TYPE_CHUNK):
                anything = True
                if len(piece.translate(None, CONTROLS)) < len(piece):
                    return False
                decoder.decode(piece)
            decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return False
    return anything
