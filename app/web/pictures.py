"""Pictures: decoded without trust, they get a small preview."""

from __future__ import annotations

import io
import warnings
from dataclasses import dataclass
from pathlib import Path

from PIL import Image, ImageOps

MOST_PIXELS = 50_000_000
PREVIEW_SIDE = 1280
# Pillow only warns of a picture with too many pixels, until it has twice as many.
warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that could be decoded; width and height in pixels as it is looked at, and a preview as WebP."""

    kind: str
    width: int
    height: int
    preview: bytes


def decode(path: Path, kind: str) -> Picture:
    """Decode a picture and make its preview, of the first frame and without metadata.

    Raises DecompressionBombError or DecompressionBombWarning for too many pixels, and anything for a broken picture.
    """
    with Image.open(path, formats=[kind]) as opened:
        width, height = opened.size
        if width * height > MOST_PIXELS:
            raise Image.DecompressionBombError(f"{width} × {height} pixels")
        turned = opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        # A JPEG can be decoded at a half, a quarter or an eighth of its size, in so much less memory.
        opened.draft(None, (2 * PREVIEW_SIDE, 2 * PREVIEW_SIDE))
        opened.load()
        small = with_plain_colours(opened)
        small.thumbnail((PREVIEW_SIDE, PREVIEW_SIDE))
        ImageOps.exif_transpose(small, in_place=True)
    encoded = io.BytesIO()
    small.save(encoded, "WEBP", quality=80, method=4, exif=b"", xmp=b"", icc_profile=b"")
    if turned:
        width, height = height, width
    return Picture(kind, width, height, encoded.getvalue())


def with_plain_colours(image: Image.Image) -> Image.Image:
    """The picture in RGB, with an alpha channel if anything of it is transparent."""
    if image.mode.startswith("I"):
        # Pillow would cut 16-bit greys off at 255.
        image = image.point(lambda value: value * (1 / 257), "F").convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")
