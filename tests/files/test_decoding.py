"""Pictures are decoded beside the server, within bounds, and what is kept of any kind of picture tells nothing."""

from __future__ import annotations

import asyncio
import io
import signal
import socket
import struct
import subprocess
import sys
import threading
import zlib
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from PIL import Image, ImageSequence

from app.files import decoding
from app.files.decoding import DECODER, MOST_PIXELS
from app.files.uploads import TOO_COSTLY, TOO_MANY_PIXELS, Unclean, preview_of
from app.tenants.pictures import receive_picture
from app.web.forms import Invalid
from tests.files.test_uploads import FORM, SECRET, drawing, encoded, exif, form, form_part, kept, pieces, png_of, store
from tests.files.test_uploads import stored as stored_bytes


@pytest.fixture
def own_decoder() -> Any:
    """A test of the process starts its own; the others take the one that is there."""
    DECODER.end()
    yield
    DECODER.end()


own = pytest.mark.usefixtures("own_decoder")


def picture_of_the_decoder() -> Path:
    """Where the system shows what the process has."""
    assert DECODER.process is not None
    return Path(f"/proc/{DECODER.process.pid}")


def interlaced(png: bytes) -> bytes:
    """A PNG of empty lines as one that comes in seven passes, whose lines are empty as well."""
    head = png[12:28] + b"\1"
    return png[:12] + head + struct.pack(">I", zlib.crc32(head)) + png[33:]


# The process


def test_the_server_has_no_decoder_in_it() -> None:
    code = "import sys, app.server.asgi, app.server.workers; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


@own
async def test_the_decoder_has_neither_secrets_nor_sockets_of_the_server(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SECRET_KEY", "of the server")
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)
        await store(tmp_path, encoded(drawing(), "PNG"))
        process = picture_of_the_decoder()
        assert process.joinpath("environ").read_bytes() == b"PYTHONDONTWRITEBYTECODE=1\0"
        opened = [str(path.readlink()) for path in process.joinpath("fd").iterdir()]
        assert not [name for name in opened if name.startswith("socket:")]
        lines = process.joinpath("limits").read_text().splitlines()
        limits = {line[:26].strip(): line[26:].split()[0] for line in lines}
        assert int(limits["Max address space"]) == decoding.MEMORY
        assert limits["Max core file size"] == "0"
        assert limits["Max cpu time"] != "unlimited"


@own
async def test_one_process_decodes_one_picture_after_another(tmp_path: Path) -> None:
    content = encoded(drawing(), "PNG")
    files = await asyncio.gather(*(store(tmp_path, content) for _ in range(5)))
    assert all(file.preview for file in files)
    first = picture_of_the_decoder()
    await store(tmp_path, content)
    assert picture_of_the_decoder() == first


@own
async def test_a_large_picture_takes_no_memory_of_the_server_and_its_process_ends(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = decoding.DECODER_PROGRAM.replace(
        "import serve_pictures;", "import serve_pictures; import app.files.pictures as p; p.IDLE_SECONDS = 1;"
    )
    monkeypatch.setattr(decoding, "DECODER_PROGRAM", start)
    lines = zlib.compress(bytes(1 + 7000 * 3) * 7000)
    file = await store(tmp_path, png_of(7000, 7000, b"IDAT" + lines))
    assert (file.width, file.height, file.preview) == (7000, 7000, True)
    assert DECODER.process is not None
    assert await asyncio.to_thread(DECODER.process.wait) == 0
    assert (await store(tmp_path, encoded(drawing(), "PNG"))).preview, "the next picture finds no process"


@own
async def test_a_process_that_has_just_ended_and_is_not_gone_yet_costs_no_picture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It has closed its pipe, as one does that ends, and takes its time until it is gone."""
    mark = tmp_path / "mark"
    ending = "sys.stdin.readline(); os.close(1); time.sleep(0.3); os._exit(0)"
    code = f"import os, pathlib, sys, time; m = pathlib.Path({str(mark)!r})\nif not m.exists(): m.touch(); {ending}\n"
    monkeypatch.setattr(decoding, "DECODER_PROGRAM", code + decoding.DECODER_PROGRAM)
    assert (await store(tmp_path / "files", encoded(drawing(), "PNG"))).preview


@own
@pytest.mark.parametrize("step", ["__init__", "wait"])
async def test_who_goes_away_waits_neither_for_the_start_nor_for_the_end_of_the_process(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    reached, go_on = threading.Event(), threading.Event()
    original = getattr(subprocess.Popen, step)

    def slow(process: Any, *arguments: Any, **options: Any) -> Any:
        reached.set()
        go_on.wait(60)
        return original(process, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(subprocess.Popen, step, slow)
        if step == "wait":
            patch.setattr(decoding, "DECODER_PROGRAM", "import sys; sys.stdin.readline(); sys.exit(1)")
        task = asyncio.create_task(store(tmp_path, encoded(drawing(), "PNG")))
        await asyncio.to_thread(reached.wait, 60)
        stopping = threading.Thread(target=DECODER.abandon, args=(DECODER.owner,), daemon=True)
        stopping.start()
        await asyncio.to_thread(stopping.join, 20)
        still_waiting = stopping.is_alive()
        go_on.set()
        with pytest.raises(decoding.Abandoned):
            await task
    assert not still_waiting


@own
@pytest.mark.parametrize("transparent", [b"", b"tRNS\0\1\0\1\0\1"])
async def test_a_picture_of_the_largest_size_fits_into_the_memory_of_its_process(
    tmp_path: Path, transparent: bytes
) -> None:
    lines = zlib.compress(bytes(1 + 7000 * 3) * 7001)  # its passes have more lines, each with a byte of its own
    chunks = [transparent] if transparent else []
    file = await store(tmp_path, interlaced(png_of(7000, 7000, *chunks, b"IDAT" + lines)))
    assert (file.problem, file.preview) == (None, True)


@pytest.mark.parametrize(
    ("mode", "side", "problem"), [("RGB", 5000, None), ("RGBA", 5000, None), ("L", 5001, "pixels")]
)
async def test_a_webp_has_a_limit_that_its_decoder_can_keep(
    tmp_path: Path, mode: str, side: int, problem: str | None
) -> None:
    content = encoded(Image.new(mode, (side, side), 99), "WEBP", lossless=True, method=0, quality=0)
    file = await store(tmp_path, content)
    assert file.problem == (TOO_MANY_PIXELS if problem else None)
    assert file.preview == (problem is None)


HANGING = "import time; time.sleep(1000)"


@own
@pytest.mark.parametrize(
    "code",
    [
        "import os, signal, sys; sys.stdin.readline(); os.kill(os.getpid(), signal.SIGSEGV)",
        "import sys; sys.stdin.readline(); sys.exit(1)",
        'import sys; sys.stdin.readline(); print(\'{"error": "memory"}\', flush=True)',
        HANGING,
    ],
    ids=["crashes", "exits", "has too little memory", "hangs"],
)
async def test_a_picture_that_a_decoder_fails_at_is_kept_without_metadata_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, code: str
) -> None:
    content = encoded(drawing(), "PNG", exif=exif(1))
    with monkeypatch.context() as patch:
        patch.setattr(decoding, "DECODER_PROGRAM", code)
        patch.setattr(decoding, "DECODING_TIMEOUT", 0.5 if code == HANGING else 20)
        file = await store(tmp_path, content)
    assert (file.media_type, file.preview, file.problem) == ("application/octet-stream", False, TOO_COSTLY)
    assert SECRET in content
    assert SECRET not in stored_bytes(tmp_path, file)
    assert kept(tmp_path) == [file.key]
    DECODER.end()
    assert (await store(tmp_path, content)).preview, "another process decodes the next"


@own
async def test_a_picture_for_which_memory_is_bounded_is_refused_by_its_decoder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As small as the process can be started with: a picture of 40 megapixels does not fit."""
    start = decoding.DECODER_PROGRAM.replace(
        "import serve_pictures;", "import serve_pictures; import app.files.pictures as p; p.MEMORY = 120 << 20;"
    )
    monkeypatch.setattr(decoding, "DECODER_PROGRAM", start)
    lines = zlib.compress(bytes(1 + 7000 * 3) * 7000)
    file = await store(tmp_path, png_of(7000, 7000, b"IDAT" + lines))
    assert file.problem == TOO_COSTLY


@own
async def test_who_goes_away_stops_the_decoder_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decoding, "DECODER_PROGRAM", HANGING)
    started = asyncio.Event()
    loop = asyncio.get_running_loop()
    read_line = decoding.read_pipe_line

    def reading(*arguments: Any) -> Any:
        loop.call_soon_threadsafe(started.set)
        return read_line(*arguments)

    monkeypatch.setattr(decoding, "read_pipe_line", reading)
    task = asyncio.create_task(store(tmp_path, encoded(drawing(), "PNG")))
    await started.wait()
    process = DECODER.process
    assert process is not None
    waiting = asyncio.create_task(store(tmp_path, encoded(drawing(), "PNG")))
    waiting.cancel()
    task.cancel()
    for each in (task, waiting):
        with pytest.raises(asyncio.CancelledError):
            await each
    assert process.returncode == -signal.SIGKILL
    assert kept(tmp_path) == []


async def test_a_picture_of_a_person_that_is_too_large_says_what_may_be(tmp_path: Path) -> None:
    large = png_of(10_000, 10_000, b"IDAT" + zlib.compress(bytes(1000)))
    body = form(form_part("picture", large, "me.png"))
    with pytest.raises(Invalid) as refused:
        await receive_picture(pieces(body), FORM, tmp_path, square=True)
    assert refused.value.errors["picture"] == TOO_MANY_PIXELS
    assert TOO_MANY_PIXELS.translate("en") == (
        "A picture can be up to 50 megapixels, a JPEG up to 200, a WebP up to 25."
    )
    assert kept(tmp_path) == []


async def test_a_picture_of_a_person_that_the_decoder_fails_at_is_refused_and_not_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*arguments: Any, **options: Any) -> None:
        raise decoding.TooCostly

    monkeypatch.setattr("app.tenants.pictures.shrink", fail)
    body = form(form_part("picture", encoded(drawing(), "PNG"), "me.png"))
    with pytest.raises(Invalid) as refused:
        await receive_picture(pieces(body), FORM, tmp_path, square=True)
    assert refused.value.errors["picture"] == TOO_COSTLY
    assert kept(tmp_path) == []


@pytest.mark.parametrize("square", [True, False])
async def test_a_picture_of_a_person_is_kept_small(tmp_path: Path, square: bool) -> None:
    body = form(form_part("picture", encoded(drawing(900, 300), "JPEG", exif=exif(6)), "me.jpg"))
    key = await receive_picture(pieces(body), FORM, tmp_path, square=square)
    assert kept(tmp_path) == [key]
    with Image.open(tmp_path / key[:2] / key) as small:
        assert small.size == ((192, 192) if square else (32, 96))
        assert not small.getexif()


async def test_a_jpeg_is_decoded_at_a_fraction_of_its_size(tmp_path: Path) -> None:
    large = Image.new("L", (10_000, 8_000))
    assert large.width * large.height > MOST_PIXELS
    file = await store(tmp_path, encoded(large, "JPEG"))
    assert (file.width, file.height, file.problem) == (10_000, 8_000, None)
    with Image.open(preview_of(tmp_path, file.key)) as preview:
        assert preview.size == (1280, 1024)


# Kinds that are not shown


def tiff(**options: Any) -> bytes:
    """A TIFF of two pages with what cameras and programs write into it."""
    tags = exif(6)
    tags[0x010E] = tags[0x013B] = SECRET.decode()
    tags[0x02BC] = b"<x>" + SECRET + b"</x>"
    tags[0x83BB] = SECRET
    tags.get_ifd(0x8769)[0x927C] = SECRET
    pages = [drawing(), drawing(80, 60)]
    return encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:], tiffinfo=tags, exif=tags, **options)


def pages_of(content: bytes) -> list[tuple[tuple[int, int], bytes]]:
    with Image.open(io.BytesIO(content)) as image:
        return [(page.size, page.tobytes()) for page in ImageSequence.Iterator(image)]


@pytest.mark.parametrize(
    "options", [{}, {"big_tiff": True}, {"compression": "tiff_lzw"}, {"compression": "jpeg"}], ids=str
)
async def test_a_tiff_keeps_its_pages_and_orientation_and_tells_nothing_else(
    tmp_path: Path, options: dict[str, Any]
) -> None:
    content = tiff(**options)
    file = await store(tmp_path, content, "scan.tif")
    cleaned = stored_bytes(tmp_path, file)
    assert SECRET in content
    assert SECRET not in cleaned
    assert pages_of(cleaned) == pages_of(content)
    with Image.open(io.BytesIO(cleaned)) as image:
        tags = image.getexif()
        assert tags[0x0112] == 6
        assert not tags.get_ifd(0x8825)
        assert not tags.get_ifd(0x8769)
        assert not {0x010E, 0x010F, 0x013B, 0x02BC, 0x83BB} & set(tags)
    assert file.media_type in {"image/tiff", "application/octet-stream"}
    assert not file.preview


def avif(frames: int = 1) -> bytes:
    pictures = [Image.new("RGB", (64, 48), colour) for colour in ("red", "lime", "blue")[:frames]]
    options = {"save_all": True, "append_images": pictures[1:]} if frames > 1 else {}
    return encoded(pictures[0], "AVIF", exif=exif(1), xmp=b"<x>" + SECRET + b"</x>", **options)


@pytest.mark.parametrize("frames", [1, 3])
async def test_an_avif_keeps_its_pixels_and_tells_nothing(tmp_path: Path, frames: int) -> None:
    content = avif(frames)
    file = await store(tmp_path, content, "holiday.avif")
    cleaned = stored_bytes(tmp_path, file)
    assert SECRET in content
    assert SECRET not in cleaned
    assert pages_of(cleaned) == pages_of(content)
    assert len(pages_of(cleaned)) == frames
    with Image.open(io.BytesIO(cleaned)) as image:
        assert not image.getexif()
        assert "xmp" not in image.info
    assert (file.media_type, file.preview) == ("image/avif", False)


def box(name: bytes, *contents: bytes) -> bytes:
    content = b"".join(contents)
    return (8 + len(content)).to_bytes(4, "big") + name + content


def heic() -> bytes:
    """A HEIC as phones write it: a picture, its thumbnail, EXIF and XMP."""
    items = [(1, b"hvc1", b"P" * 50), (2, b"hvc1", b"T" * 40), (3, b"Exif", SECRET), (4, b"mime", b"<x>" + SECRET)]

    def infe(item: int, kind: bytes) -> bytes:
        name = b"application/rdf+xml\0" if kind == b"mime" else b""
        return box(b"infe", b"\2\0\0\0", item.to_bytes(2, "big"), b"\0\0", kind, b"IMG\0", name)

    def meta(start: int) -> bytes:
        table = b""
        for item, _, content in items:
            table += item.to_bytes(2, "big") + b"\0\0\0\1" + start.to_bytes(4, "big") + len(content).to_bytes(4, "big")
            start += len(content)
        return box(
            b"meta",
            bytes(4),
            box(b"hdlr", bytes(8), b"pict", bytes(13)),
            box(b"iinf", bytes(4), len(items).to_bytes(2, "big"), *(infe(item, kind) for item, kind, _ in items)),
            box(b"iref", bytes(4), box(b"thmb", b"\0\2\0\1\0\1"), box(b"cdsc", b"\0\3\0\1\0\1")),
            box(b"iloc", bytes(4), b"\x44\0", len(items).to_bytes(2, "big"), table),
        )

    first = box(b"ftyp", b"heic", bytes(4), b"mif1heic")
    start = len(first) + len(meta(0)) + 8
    data = box(b"mdat", *(content for _, _, content in items))
    return first + meta(start) + data + box(b"uuid", b"0" * 16, SECRET)


async def test_a_heic_keeps_its_picture_and_neither_metadata_nor_thumbnail(tmp_path: Path) -> None:
    content = heic()
    file = await store(tmp_path, content, "IMG_1.HEIC")
    cleaned = stored_bytes(tmp_path, file)
    assert len(cleaned) == len(content)
    assert b"P" * 50 in cleaned
    assert SECRET in content
    assert SECRET not in cleaned
    assert b"TTT" not in cleaned
    assert b"Exif" not in cleaned
    assert file.media_type in {"image/heic", "image/heif"}
    assert not file.preview


@pytest.mark.parametrize("brand", [b"mp42", b"xxxx", b"isom"])
async def test_pictures_in_boxes_are_pictures_whatever_brand_they_have(tmp_path: Path, brand: bytes) -> None:
    for content in (heic(), avif(), avif(3)):
        brands = int.from_bytes(content[:4], "big")
        branded = content[:8] + brand + content[12:16] + brand * ((brands - 16) // 4) + content[brands:]
        assert SECRET not in stored_bytes(tmp_path, await store(tmp_path, branded, "a.bin"))


async def test_pictures_in_boxes_with_something_behind_them_are_not_kept(tmp_path: Path) -> None:
    for content in (heic(), avif(), avif(3)):
        for behind in (b"x", SECRET, avif()[4:]):
            with pytest.raises(Unclean):
                await store(tmp_path, content + behind)
        assert SECRET not in stored_bytes(tmp_path, await store(tmp_path, content + box(b"free", SECRET)))
    assert len(kept(tmp_path)) == 3


async def test_what_an_earlier_version_of_a_picture_left_behind_is_not_kept(tmp_path: Path) -> None:
    old = box(b"mdat", b"MM\0*" + SECRET)
    for content in (heic() + old, avif() + old, tiff() + SECRET):
        assert SECRET not in stored_bytes(tmp_path, await store(tmp_path, content))
    with pytest.raises(Unclean):  # among the data of a film nobody can tell what is needed
        await store(tmp_path, avif(3) + box(b"mdat", b"Exif\0\0MM\0*" + SECRET))


async def test_a_film_stays_as_it_is(tmp_path: Path) -> None:
    film = box(b"ftyp", b"isom", bytes(4), b"isommp42") + box(b"moov", box(b"udta", SECRET)) + box(b"mdat", b"x" * 99)
    for content in (film, film + b"cut off"):
        file = await store(tmp_path, content, "film.mp4")
        assert (file.media_type, stored_bytes(tmp_path, file)) == ("video/mp4", content)


async def test_broken_pictures_in_boxes_and_with_tags_are_kept_clean_or_not_at_all(tmp_path: Path) -> None:
    for content in (heic(), avif(), tiff(), tiff(big_tiff=True)):
        damaged = [content[:cut] for cut in (20, 40, len(content) // 3, len(content) // 2, len(content) - 5)]
        for place in range(12, min(len(content), 600), 23):
            damaged.append(content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :])
        for each in damaged:
            with suppress(Unclean):
                assert SECRET not in stored_bytes(tmp_path, await store(tmp_path, each))
    assert not [name for name in kept(tmp_path) if name.startswith(".")]
