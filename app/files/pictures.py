"""The process that decodes pictures, without trust. `decoding.py` starts it; nothing else imports Pillow.

It reads a request on each line of its input, and answers with a line.
"""

from __future__ import annotations

import base64
import io
import json
import os
import resource
import select
import warnings
from contextlib import suppress
from pathlib import Path
from typing import Any

from PIL import Image, ImageOps

from app.files.decoding import DECODING_TIMEOUT, MEMORY, MOST_JPEG_PIXELS, MOST_PIXELS, MOST_WEBP_PIXELS

PREVIEW_SIDE = 1280
# How long, in seconds, it waits for another picture, and with how many bytes of memory it is kept for one.
IDLE_SECONDS = 30.0
KEPT_BELOW = 128 * 1024 * 1024
OPEN_FILES = 32
LARGEST_FILE = 64 * 1024 * 1024


def serve_pictures() -> None:
    """Answer requests until there are no more, or none for a while."""
    answers = os.dup(1)
    os.dup2(2, 1)  # what a decoder's library prints is no answer
    bound()
    requests = b""
    while True:
        while b"\n" not in requests:
            ready, _, _ = select.select([0], [], [], IDLE_SECONDS)
            piece = os.read(0, 4096) if ready else b""
            if not piece:
                return
            requests += piece
        line, _, requests = requests.partition(b"\n")
        bound_time()
        os.write(answers, json.dumps(handle_request(json.loads(line))).encode() + b"\n")
        if resident() > KEPT_BELOW:
            return


def resident() -> int:
    """How much memory this process has, in bytes; 0 where the system does not tell.

    (What it had at the most, `ru_maxrss`, counts what the server had when it started this one.)
    """
    try:
        pages = int(Path("/proc/self/statm").read_text().split()[1])
    except OSError:
        return 0
    return pages * resource.getpagesize()


def bound() -> None:
    """Bound what this process may take, for good."""
    os.nice(5)
    with suppress(OSError):  # rather this process than the server, where the machine has no memory left
        Path("/proc/self/oom_score_adj").write_text("1000")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (OPEN_FILES, OPEN_FILES))
    resource.setrlimit(resource.RLIMIT_FSIZE, (LARGEST_FILE, LARGEST_FILE))
    # Pillow only warns of a picture with too many pixels, until it has twice as many; here they are counted by kind.
    Image.MAX_IMAGE_PIXELS = MOST_JPEG_PIXELS
    warnings.filterwarnings("error", category=Image.DecompressionBombWarning)


def bound_time() -> None:
    """Bound the time that the next picture may take, also when nobody is there any more to wait for it."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _, most = resource.getrlimit(resource.RLIMIT_CPU)
    resource.setrlimit(resource.RLIMIT_CPU, (int(used.ru_utime + used.ru_stime + DECODING_TIMEOUT) + 1, most))


def handle_request(request: dict[str, Any]) -> dict[str, Any]:
    """Do what is asked for; what came of it."""
    path, target = Path(request["path"]), Path(request["target"])
    try:
        if request["do"] == "preview":
            width, height = make_preview(path, request["kind"], target)
            return {"width": width, "height": height}
        if request["do"] == "convert":
            kind, content = convert_webp(path, *request["size"])
            return {"type": kind, "content": base64.b64encode(content).decode()}
        shrink_webp(path, target, *request["size"], crop=request["crop"])
        return {}
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return {"error": "pixels"}
    except MemoryError:
        return {"error": "memory"}
    except Exception as error:  # decoders raise anything for a broken picture
        if isinstance(error, OSError) and error.errno is not None:
            return {"error": "disk", "number": error.errno}
        return {"error": type(error).__name__}


def make_preview(path: Path, kind: str, target: Path) -> tuple[int, int]:
    """Decode a picture and write its preview, of the first frame and without metadata; its size as it is looked at.

    Raises DecompressionBombError or DecompressionBombWarning for too many pixels, and anything for a broken picture.
    """
    with Image.open(path, formats=[kind]) as opened:
        width, height = opened.size
        if width * height > {"JPEG": MOST_JPEG_PIXELS, "WEBP": MOST_WEBP_PIXELS}.get(kind, MOST_PIXELS):
            raise Image.DecompressionBombError(f"{width} × {height} pixels")
        turned = opened.getexif().get(0x0112, 1) in (5, 6, 7, 8)
        # A JPEG can be decoded at a half, a quarter or an eighth of its size, in so much less memory.
        opened.draft(None, (2 * PREVIEW_SIDE, 2 * PREVIEW_SIDE))
        if opened.size[0] * opened.size[1] > MOST_PIXELS:
            raise Image.DecompressionBombError(f"{width} × {height} pixels")
        opened.load()
        small = made_small(opened)
        ImageOps.exif_transpose(small, in_place=True)
    save_webp(small, target, quality=80)
    if turned:
        width, height = height, width
    return width, height


def made_small(opened: Image.Image) -> Image.Image:
    """The picture in plain colours and as small as a preview, in the order that takes the least memory."""
    side = (PREVIEW_SIDE, PREVIEW_SIDE)
    if opened.mode in ("RGB", "RGBA", "L", "LA", "CMYK", "YCbCr") and "transparency" not in opened.info:
        opened.thumbnail(side)
        return with_plain_colours(opened)
    small = with_plain_colours(opened)
    if small is not opened:
        opened.close()  # the memory of a picture as it was is needed to make it small
    small.thumbnail(side)
    return small


def with_plain_colours(image: Image.Image) -> Image.Image:
    """The picture in RGB, with an alpha channel if anything of it is transparent."""
    if image.mode.startswith("I"):
        # Pillow would cut 16-bit greys off at 255.
        image = image.point(lambda value: value * (1 / 257), "F").convert("L")
    return image.convert("RGBA" if image.has_transparency_data else "RGB")


def shrink_webp(path: Path, target: Path, width: int, height: int, *, crop: bool) -> None:
    """Write a WebP so small that it fits an area, or fills it where it may be cropped, over the target."""
    with Image.open(path, formats=["WEBP"]) as opened:
        small = ImageOps.fit(opened, (width, height)) if crop else opened.copy()
        small.thumbnail((width, height))
    target.unlink(missing_ok=True)
    save_webp(small, target, quality=85)


def convert_webp(path: Path, width: int, height: int) -> tuple[str, bytes]:
    """A WebP so small that it fits an area, as PNG of few colours where something is transparent, else as JPEG."""
    content = io.BytesIO()
    with Image.open(path, formats=["WEBP"]) as opened:
        small = with_plain_colours(opened)
        small.thumbnail((width, height))
    if small.mode == "RGBA":
        small.quantize(128, Image.Quantize.FASTOCTREE).save(content, "PNG", optimize=True)
        return "png", content.getvalue()
    small.save(content, "JPEG", quality=82, exif=b"", icc_profile=b"")
    return "jpeg", content.getvalue()


def save_webp(image: Image.Image, target: Path, *, quality: int) -> None:
    """Write a WebP without metadata into a new file, for only us."""
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        image.save(file, "WEBP", quality=quality, method=4, exif=b"", xmp=b"", icc_profile=b"")
