"""Attached files are stored whole or not at all, as what they are, and without what pictures tell about people."""

from __future__ import annotations

import asyncio
import io
import os
import stat
import struct
import tempfile
import unicodedata
import zipfile
import zlib
from collections.abc import AsyncIterator
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from multipart import parse_options_header  # type: ignore[import-untyped]
from PIL import Image, ImageCms, ImageOps, PngImagePlugin

from app.files import picture_metadata, picture_walking, uploads
from app.files.names import clean_name, content_disposition
from app.files.types import TYPE_CHUNK, is_plain_drawing, media_type_of
from app.files.upload_forms import read_multipart
from app.files.uploads import (
    StoredFile,
    TooLarge,
    Unclean,
    Unreadable,
    Upload,
    delete_abandoned,
    delete_stored,
    path_of,
    preview_of,
)

MEGABYTE = 1024 * 1024
BOUNDARY = "----WebKitFormBoundaryX"
FORM = f"multipart/form-data; boundary={BOUNDARY}"
SECRET = b"-23.5505 Acme-Camera"


async def store_pieces(chunks: AsyncIterator[bytes], *, name: str, directory: Path, limit: int) -> StoredFile:
    """Store a file of at most `limit` bytes that a person calls `name`.

    Raises TooLarge as soon as there are more bytes, and Unclean for a picture whose metadata can't be taken out.
    Whatever is raised, nothing stays behind.
    """
    upload = Upload(directory, limit)
    try:
        async for chunk in chunks:
            await upload.write(chunk)
        return await upload.finish(name)
    except BaseException:  # a cancelled request leaves nothing either
        await upload.discard()
        raise


async def pieces(content: bytes, size: int = 1000) -> AsyncIterator[bytes]:
    for start in range(0, len(content), size):
        yield content[start : start + size]


async def store(directory: Path, content: bytes, name: str = "a.bin", limit: int = 20 * MEGABYTE) -> StoredFile:
    return await store_pieces(pieces(content, 30_000), name=name, directory=directory, limit=limit)


def kept(directory: Path) -> list[str]:
    """The names of all files below a folder, temporary ones too."""
    return sorted(path.name for path in directory.rglob("*") if path.is_file())


def stored(directory: Path, file: StoredFile) -> bytes:
    return path_of(directory, file.key).read_bytes()


def drawing(width: int = 60, height: int = 40, mode: str = "RGB") -> Image.Image:
    """A picture whose left upper quarter is red, so that one sees how it is turned."""
    image = Image.new("RGB", (width, height), "white")
    image.paste((255, 0, 0), (0, 0, width // 2, height // 2))
    return image.convert(mode)


def exif(orientation: int) -> Image.Exif:
    made = Image.Exif()
    made[0x0112] = orientation
    made[0x010F] = SECRET.decode()
    made.get_ifd(0x8825)[1] = "S"
    made.get_ifd(0x8825)[2] = (23.0, 33.0, 1.8)
    return made


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    written = io.BytesIO()
    image.save(written, kind, **options)
    return written.getvalue()


def talkative(kind: str, orientation: int = 1) -> bytes:
    """A picture with all metadata that its format has a place for."""
    options: dict[str, Any] = {"exif": exif(orientation), "xmp": b"<x>" + SECRET + b"</x>"}
    if kind == "PNG":
        texts = PngImagePlugin.PngInfo()
        texts.add_text("Author", SECRET.decode())
        texts.add_text("Zipped", SECRET.decode(), zip=True)
        texts.add_itxt("XML:com.adobe.xmp", SECRET.decode())
        texts.add(b"tIME", b"\x07\xe9\x01\x01\0\0\0")
        texts.add(b"prVt", SECRET)
        options = {"exif": exif(orientation), "pnginfo": texts}
    if kind == "JPEG":
        options |= {"comment": SECRET, "quality": 90}
    if kind == "WEBP":
        options |= {"lossless": True}
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    options["icc_profile"] = profile[:24] + bytes(12) + profile[36:]  # without the time at which it was made
    return encoded(drawing(), kind, **options)


def form_part(name: str, content: bytes | str, filename: str | None = None) -> bytes:
    content = content.encode() if isinstance(content, str) else content
    called = "" if filename is None else f'; filename="{filename}"'
    typed = "" if filename is None else "Content-Type: text/html\r\n"
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="{name}"{called}\r\n{typed}\r\n'
    return head.encode() + content + b"\r\n"


def form(*parts: bytes) -> bytes:
    return b"".join(parts) + f"--{BOUNDARY}--\r\n".encode()


# Any file


async def test_a_file_is_stored_under_a_random_key_for_us_alone(tmp_path: Path) -> None:
    directory = tmp_path / "not" / "there" / "yet"
    first = await store(directory, b"some bytes \0", "notes.bin")
    second = await store(directory, b"some bytes \0", "notes.bin")
    assert first.key != second.key
    assert first == StoredFile(first.key, "notes.bin", 12, "application/octet-stream", None, None, False)
    path = path_of(directory, first.key)
    assert path == directory / first.key[:2] / first.key
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert kept(directory) == sorted([first.key, second.key])


@settings(max_examples=40, deadline=None)
@given(
    content=st.builds(bytes.__add__, st.sampled_from([b"x", b"%PDF-1.7", b"\1", b"RIFX"]), st.binary(max_size=2000)),
    size=st.integers(1, 3000),
)
async def test_what_is_no_picture_is_stored_unchanged(content: bytes, size: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder)
        file = await store_pieces(pieces(content, size), name="x", directory=directory, limit=5000)
        assert stored(directory, file) == content
        assert file.size == len(content)
        assert not file.preview
        assert kept(directory) == [file.key]


@pytest.mark.parametrize("size", [0, 1, 100_000, 300_000])
async def test_a_file_may_have_as_many_bytes_as_the_limit_and_not_one_more(tmp_path: Path, size: int) -> None:
    content = b"\0" * size
    file = await store(tmp_path, content, limit=size)
    assert stored(tmp_path, file) == content
    with pytest.raises(TooLarge):
        await store(tmp_path, content + b"\0", limit=size)
    assert kept(tmp_path) == [file.key]


async def test_too_large_a_file_is_refused_before_the_rest_is_read(tmp_path: Path) -> None:
    asked = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal asked
        while True:
            asked += 1
            yield b"\0" * 1000

    with pytest.raises(TooLarge):
        await store_pieces(endless(), name="x", directory=tmp_path, limit=500_000)
    assert asked == 501
    assert kept(tmp_path) == []


async def test_a_connection_that_breaks_leaves_nothing(tmp_path: Path) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield b"\0" * 300_000
        assert len(kept(tmp_path)) == 1
        raise ConnectionResetError

    with pytest.raises(ConnectionResetError):
        await store_pieces(broken(), name="x", directory=tmp_path, limit=MEGABYTE)
    assert kept(tmp_path) == []


async def test_a_cancelled_upload_leaves_nothing(tmp_path: Path) -> None:
    waiting = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield b"\0" * 300_000
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(store_pieces(stuck(), name="x", directory=tmp_path, limit=MEGABYTE))
    await waiting.wait()
    assert len(kept(tmp_path)) == 1
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert kept(tmp_path) == []


@pytest.mark.parametrize("step", ["create", "put_in_place", "decode"])
async def test_cancelling_in_the_middle_of_a_step_waits_for_it_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    loop = asyncio.get_running_loop()
    original = getattr(uploads, step)

    def cancelling(*arguments: Any) -> Any:
        loop.call_soon_threadsafe(task.cancel)
        loop.call_soon_threadsafe(task.cancel)
        # The loop has taken both before this step goes on.
        asyncio.run_coroutine_threadsafe(asyncio.sleep(0), loop).result()
        return original(*arguments)

    monkeypatch.setattr(uploads, step, cancelling)
    task = asyncio.create_task(store(tmp_path, talkative("PNG")))
    with pytest.raises(asyncio.CancelledError):
        await task
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("module", "step"), [(uploads, "create"), (uploads, "put_in_place"), (picture_metadata, "copy")]
)
async def test_a_full_disk_is_an_error_and_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, module: ModuleType, step: str
) -> None:
    def full(*arguments: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module, step, full)
    with pytest.raises(OSError, match="No space left"):
        await store(tmp_path, talkative("PNG"))
    assert kept(tmp_path) == []


async def test_deleting_takes_file_and_preview_and_may_be_repeated(tmp_path: Path) -> None:
    file = await store(tmp_path, talkative("PNG"))
    assert kept(tmp_path) == [file.key, f"{file.key}.webp"]
    delete_stored(tmp_path, file.key)
    assert kept(tmp_path) == []
    delete_stored(tmp_path, file.key)
    delete_stored(tmp_path / "nowhere", file.key)


@pytest.mark.parametrize(
    "key", ["", "../../etc/passwd", "a" * 31, "a" * 33, "A" * 32, "g" * 32, "a" * 32 + "\n", "٣" * 32]
)
def test_only_a_key_leads_to_a_path(tmp_path: Path, key: str) -> None:
    for function in (path_of, preview_of, delete_stored):
        with pytest.raises(ValueError, match="not the key"):
            function(tmp_path, key)


# What a file is


@pytest.mark.parametrize(
    ("content", "name", "expected"),
    [
        (b"", "empty.txt", "application/octet-stream"),
        ("Olá, até amanhã\n".encode(), "notes.html", "text/plain"),
        (b"<!doctype html><script>alert(1)</script>", "page.pdf", "text/plain"),
        (b"<html>\0<script>alert(1)</script>", "page.bin", "application/octet-stream"),
        (b'<svg xmlns="http://www.w3.org/2000/svg" onload="alert(1)"/>', "drawing.svg", "text/plain"),
        (b'<?xml version="1.0"?><x/>\0', "data.xml", "application/octet-stream"),
        (b"alert(1)", "code.js", "text/plain"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", "report.txt", "application/pdf"),
        (b"\x7fELF\x02\x01\x01" + bytes(60), "program.pdf", "application/octet-stream"),
        (b"\0\0\0\x20ftypisom" + bytes(30), "film.bin", "video/mp4"),
        (b"Ol\xe1, latin-1", "old.txt", "application/octet-stream"),
        ("é".encode()[:1], "cut.txt", "application/octet-stream"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
async def test_a_type_is_told_by_the_content_and_is_none_that_a_browser_runs(
    tmp_path: Path, content: bytes, name: str, expected: str
) -> None:
    file = await store(tmp_path, content, name)
    assert (file.media_type, file.preview, file.width) == (expected, False, None)
    assert stored(tmp_path, file) == content
    assert kept(tmp_path) == [file.key]


@pytest.mark.parametrize(
    ("content", "name"),
    [
        (b"", "photo.jpg"),
        (b"<!doctype html><script>alert(1)</script>", "page.png"),
        (b"<html>\0<script>alert(1)</script>", "page.JPG"),
        (b"GIF89a=1;alert(1)//", "lie"),
        (b"\x89PNG\r\n\x1a\n<script>alert(1)</script>", "lie"),
        (b"RIFF\x10\0\0\0WEBP<script>alert(1)", "lie"),
        (b"\xff\xd8\xff<script>alert(1)</script>", "lie"),
        (b"II*\0\x08\0\0\0" + SECRET, "raw.DNG"),
        (b"8BPS\0\1" + SECRET, "drawing"),
        (b"IIRO\x08\0\0\0" + SECRET, "raw"),
        (b"FUJIFILMCCD-RAW 0201" + SECRET, "raw"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom" + SECRET, "raw"),
        (b"\0\0\0\x0cjP  \r\n\x87\n\0\0\0\x14ftypjp2 " + SECRET, "scan"),
        (b"\xff\x0a" + SECRET, "holiday.jxl"),
        (
            b'<svg xmlns="http://www.w3.org/2000/svg"><image href="data:image/jpeg;base64,/9j/4AAQ"/></svg>',
            "drawing.svg",
        ),
        (b'<?xml version="1.0"?>\n<!-- x -->\n<svg><metadata>' + SECRET + b"</metadata></svg>", "drawing"),
        (b"\x1f\x8b" + SECRET, "drawing.svgz"),
        ("<svg>é</svg>".encode("utf-16"), "drawing.svg"),
    ],
)
async def test_what_says_it_is_a_picture_and_cannot_be_cleaned_is_not_kept(
    tmp_path: Path, content: bytes, name: str
) -> None:
    with pytest.raises(Unclean):
        await store(tmp_path, content, name)
    assert kept(tmp_path) == []


async def test_a_zip_is_a_zip(tmp_path: Path) -> None:
    written = io.BytesIO()
    with zipfile.ZipFile(written, "w") as archive:
        archive.writestr("index.html", "<script>")
    assert (await store(tmp_path, written.getvalue())).media_type == "application/zip"


async def test_text_is_recognised_across_the_pieces_it_is_read_in(tmp_path: Path) -> None:
    assert (await store(tmp_path, ("x" + "é" * 100_000).encode())).media_type == "text/plain"
    assert (await store(tmp_path, b"x" * 200_000 + b"\0")).media_type == "application/octet-stream"


# Pictures


def transposed(image: Image.Image) -> Image.Image:
    turned = ImageOps.exif_transpose(image)
    assert turned is not None
    return turned.convert("RGB")


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
async def test_a_picture_keeps_its_pixels_and_orientation_and_tells_nothing_else(
    tmp_path: Path, kind: str, orientation: int
) -> None:
    content = talkative(kind, orientation)
    assert SECRET in content
    file = await store(tmp_path, content, "holiday")
    cleaned = stored(tmp_path, file)
    assert SECRET not in cleaned
    assert file.media_type == f"image/{kind.lower()}"
    assert file.size == len(cleaned) < len(content)
    with Image.open(io.BytesIO(content)) as before, Image.open(io.BytesIO(cleaned)) as after:
        assert after.tobytes() == before.tobytes()
        assert dict(after.getexif()) == ({} if orientation == 1 else {0x0112: orientation})
        assert not after.getexif().get_ifd(0x8825)
        needed = {"jfif", "jfif_version", "jfif_unit", "jfif_density", "icc_profile", "exif", "dpi"}
        assert set(after.info) <= needed | {"loop", "background", "timestamp", "duration"}
        assert after.info["icc_profile"] == before.info["icc_profile"]
        assert (file.width, file.height) == transposed(before).size
        with Image.open(preview_of(tmp_path, file.key)) as preview:
            assert preview.size == transposed(before).size
            red = transposed(before)
            for place in ((5, 5), (preview.width - 5, 5), (5, preview.height - 5)):
                shown, meant = preview.convert("RGB").getpixel(place), red.getpixel(place)
                assert isinstance(shown, tuple)
                assert isinstance(meant, tuple)
                assert all(abs(a - b) < 40 for a, b in zip(shown, meant, strict=True)), place
    assert kept(tmp_path) == [file.key, f"{file.key}.webp"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
async def test_a_preview_has_no_metadata(tmp_path: Path, kind: str) -> None:
    content = encoded(drawing(), "GIF", comment=SECRET) if kind == "GIF" else talkative(kind, 6)
    file = await store(tmp_path, content)
    preview = preview_of(tmp_path, file.key).read_bytes()
    assert file.preview
    assert SECRET not in preview
    assert not {name for name in (b"EXIF", b"XMP ", b"ICCP") if name in preview}


async def test_a_clean_picture_is_stored_as_it_is(tmp_path: Path) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "GIF"):
        content = encoded(drawing(), kind)
        assert stored(tmp_path, await store(tmp_path, content)) == content, kind


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "CMYK"])
async def test_pictures_of_all_modes_have_a_preview(tmp_path: Path, mode: str) -> None:
    if mode == "I;16":
        image = Image.new(mode, (60, 40), 65535 // 2)
    else:
        image = drawing(mode=mode) if mode != "LA" else drawing().convert("L").convert("LA")
    file = await store(tmp_path, encoded(image, "JPEG" if mode == "CMYK" else "PNG"))
    with Image.open(preview_of(tmp_path, file.key)) as preview:
        assert (preview.format, preview.size) == ("WEBP", (60, 40))
        if mode == "I;16":
            assert preview.convert("RGB").getpixel((1, 1)) in {(grey, grey, grey) for grey in range(124, 131)}


async def test_transparency_stays_in_the_preview(tmp_path: Path) -> None:
    image = Image.new("RGBA", (20, 20), (255, 0, 0, 0))
    for content in (encoded(image, "PNG"), encoded(image, "GIF", transparency=0)):
        file = await store(tmp_path, content)
        with Image.open(preview_of(tmp_path, file.key)) as preview:
            assert preview.convert("RGBA").getpixel((3, 3))[3] == 0  # type: ignore[index]


@pytest.mark.parametrize(
    ("size", "expected"), [((3000, 1500), (1280, 640)), ((100, 5000), (26, 1280)), ((5, 7), (5, 7))]
)
async def test_a_preview_fits_in_a_square(tmp_path: Path, size: tuple[int, int], expected: tuple[int, int]) -> None:
    for kind in ("JPEG", "PNG"):
        file = await store(tmp_path, encoded(drawing(*size), kind, exif=exif(6)))
        assert (file.width, file.height) == (size[1], size[0])
        with Image.open(preview_of(tmp_path, file.key)) as preview:
            assert preview.size == (expected[1], expected[0])


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG"])
async def test_an_animation_stays_one_and_its_preview_is_the_first_frame(tmp_path: Path, kind: str) -> None:
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "lime", "blue")]
    content = encoded(frames[0], kind, save_all=True, append_images=frames[1:], duration=100)
    file = await store(tmp_path, content)
    with Image.open(path_of(tmp_path, file.key)) as original, Image.open(preview_of(tmp_path, file.key)) as preview:
        assert getattr(original, "n_frames", 1) == 3
        assert getattr(preview, "n_frames", 1) == 1
        red, green, blue = preview.convert("RGB").getpixel((15, 10))  # type: ignore[misc]
        assert red > 200 > 50 > max(green, blue)


async def test_an_animated_webp_loses_its_metadata_too(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "lime")]
    content = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:], exif=exif(1), xmp=SECRET)
    file = await store(tmp_path, content)
    cleaned = stored(tmp_path, file)
    assert SECRET in content
    assert SECRET not in cleaned
    flags = cleaned[20]
    assert flags & 0x02, "is not animated any more"
    assert not flags & 0x0C, "says that it has metadata"
    assert struct.unpack("<I", cleaned[4:8])[0] == len(cleaned) - 8


async def test_a_gif_loses_comments_and_notes_of_programs_and_keeps_its_repetition(tmp_path: Path) -> None:
    frames = [Image.new("P", (30, 20), colour) for colour in (1, 2, 3)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100, loop=3)
    packet = b"!\xff\x0bXMP DataXMP" + bytes([len(SECRET)]) + SECRET + b"\0"
    comment = b"!\xfe" + bytes([len(SECRET)]) + SECRET + b"\0" + b"!\xfe\0"
    first = content.index(b"!\xff\x0bNETSCAPE")
    for end in (content[first:], content[first:-1]):  # with its last byte, and without
        file = await store(tmp_path, content[:first] + packet + comment + end)
        assert stored(tmp_path, file) == content
        assert file.media_type == "image/gif"


@pytest.mark.parametrize(
    ("brand", "media_type"),
    [("heic", "image/heic"), ("heix", "image/heic"), ("mif1", "image/heif"), ("avif", "image/avif")],
)
def test_a_picture_in_boxes_is_of_the_type_that_its_brand_says(tmp_path: Path, brand: str, media_type: str) -> None:
    path = tmp_path / "photo"
    path.write_bytes(b"\0\0\0\x18ftyp" + brand.encode() + b"\0\0\0\0mif1" + brand.encode())
    assert media_type_of(path) == media_type


async def test_a_gif_hides_nothing_behind_its_repetition_and_times(tmp_path: Path) -> None:
    frames = [Image.new("P", (30, 20), colour) for colour in (1, 2, 3)]
    content = encoded(frames[0], "GIF", save_all=True, append_images=frames[1:], duration=100, loop=3)
    hidden = bytes([len(SECRET)]) + SECRET
    repetition = b"!\xff\x0bNETSCAPE2.0\x03\x01\x03\x00"
    assert repetition in content
    fuller = content.replace(repetition, repetition + hidden + b"\x03\x01\x09\x09")
    times = content.index(b"!\xf9\x04")
    fuller = fuller.replace(content[times : times + 7], content[times : times + 7] + hidden)
    assert SECRET in fuller
    assert stored(tmp_path, await store(tmp_path, fuller)) == content


@pytest.mark.parametrize(
    "before",
    [
        b"<!-- a > b -->",
        b"<?xml version='1.0'?><?style a > b?>",
        b"<!DOCTYPE svg [ <!ELEMENT svg (a > b)> ]>",
        b"<!-- a --> <!-- b > --><?xml?>",
    ],
)
async def test_a_drawing_that_holds_a_photograph_is_not_kept_under_any_name(tmp_path: Path, before: bytes) -> None:
    content = before + b'\n<svg><image href="data:image/jpeg;base64,AAAA"/></svg>'
    for name in ("drawing.svg", "words.txt"):
        with pytest.raises(Unclean):
            await store(tmp_path, content, name)


async def test_a_png_can_hide_nothing_in_its_end(tmp_path: Path) -> None:
    content = encoded(drawing(), "PNG")[:-12] + struct.pack(">I4s", len(SECRET), b"IEND") + SECRET + b"\0\0\0\0"
    with pytest.raises(Unclean):
        await store(tmp_path, content)


async def test_a_jpeg_hides_nothing_in_segments_without_a_meaning(tmp_path: Path) -> None:
    content = encoded(drawing(), "JPEG")
    hidden = b"".join(
        b"\xff" + bytes([marker]) + struct.pack(">H", len(SECRET) + 2) + SECRET for marker in (0x02, 0xBF, 0xF0, 0xFD)
    )
    adobe = b"\xff\xee" + struct.pack(">H", len(SECRET) + 14) + b"Adobe\0d\0\0\0\0\1" + SECRET
    assert SECRET not in stored(tmp_path, await store(tmp_path, content[:2] + hidden + adobe + content[2:]))


async def test_a_frame_of_a_webp_hides_nothing(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (30, 20), colour) for colour in ("red", "lime")]
    content = encoded(frames[0], "WEBP", save_all=True, append_images=frames[1:])
    at = content.index(b"ANMF")
    end = at + 8 + struct.unpack("<I", content[at + 4 : at + 8])[0]
    hidden = b"EXIF" + struct.pack("<I", len(SECRET)) + SECRET
    frame = content[at + 8 : end] + hidden
    talking = content[: at + 4] + struct.pack("<I", len(frame)) + frame + content[end:]
    file = await store(tmp_path, talking[:4] + struct.pack("<I", len(talking) - 8) + talking[8:])
    assert stored(tmp_path, file) == content


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
async def test_what_is_hidden_behind_a_picture_is_not_kept(tmp_path: Path, kind: str) -> None:
    content = encoded(drawing(), kind)
    file = await store(tmp_path, content + b"<script>alert(1)</script>" + SECRET)
    assert stored(tmp_path, file) == content
    assert file.preview


async def test_the_second_picture_of_a_phone_and_its_thumbnail_are_not_kept(tmp_path: Path) -> None:
    content = encoded(drawing(), "MPO", save_all=True, append_images=[drawing()], exif=exif(1))
    thumbnail = b"JFIF\0\1\1\0\0\1\0\1\1\1" + b"THU"
    content = content[:2] + b"\xff\xe0" + struct.pack(">H", len(thumbnail) + 2) + thumbnail + content[2:]
    file = await store(tmp_path, content)
    cleaned = stored(tmp_path, file)
    assert file.media_type == "image/jpeg"
    assert b"MPF" not in cleaned
    assert b"THU" not in cleaned
    assert cleaned.count(b"\xff\xd9") == 1
    with Image.open(io.BytesIO(cleaned)) as image:
        assert image.format == "JPEG"


async def test_a_progressive_jpeg_with_restarts_keeps_its_pixels(tmp_path: Path) -> None:
    image = Image.effect_noise((700, 500), 80)
    for options in ({"progressive": True}, {"restart_marker_blocks": 1}):
        content = encoded(image, "JPEG", quality=95, **options)
        assert len(content) > 2 * picture_walking.METADATA_CHUNK
        assert stored(tmp_path, await store(tmp_path, content)) == content


@pytest.mark.parametrize("before", range(6))
async def test_the_end_of_a_jpeg_is_found_where_it_lies_across_pieces(before: int) -> None:
    scan = b"\xff\0" * 10 + b"\1" * (picture_walking.METADATA_CHUNK - 23 + before)
    source, target = io.BytesIO(scan + b"\xff\xff\xd9"), io.BytesIO()
    picture_metadata.copy_scan(source, target)
    assert target.getvalue() == scan + b"\xff"
    assert source.read() == b"\xff\xd9"


def png_of(width: int, height: int, *chunks: bytes) -> bytes:
    header = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(chunk) - 4) + chunk + struct.pack(">I", zlib.crc32(chunk))
        for chunk in (header, *chunks, b"IEND")
    )


@pytest.mark.parametrize("side", [7_100, 10_000, 13_000, 60_000, 2**31 - 1])
async def test_a_picture_with_too_many_pixels_is_a_download_without_its_metadata(tmp_path: Path, side: int) -> None:
    pixels = b"IDAT" + zlib.compress(bytes(1000))
    file = await store(tmp_path, png_of(side, side, b"tEXtAuthor\0" + SECRET, pixels), "bomb.png")
    assert (file.media_type, file.width, file.preview) == ("application/octet-stream", None, False)
    assert stored(tmp_path, file) == png_of(side, side, pixels)
    assert kept(tmp_path) == [file.key]


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF"])
async def test_a_truncated_picture_is_not_kept(tmp_path: Path, kind: str) -> None:
    content = encoded(Image.effect_noise((200, 200), 80).convert("RGB"), kind)
    for length in (13, 40, len(content) // 2, len(content) - 20):
        with pytest.raises(Unclean):
            await store(tmp_path, content[:length])
    if kind in ("JPEG", "PNG"):  # without their end alone
        with pytest.raises(Unclean):
            await store(tmp_path, talkative(kind)[:-12])
    assert kept(tmp_path) == []


@settings(max_examples=60, deadline=None)
@given(data=st.data(), kind=st.sampled_from(["JPEG", "PNG", "WEBP", "GIF"]))
async def test_whatever_damage_a_picture_has_it_is_kept_clean_or_not_at_all(data: st.DataObject, kind: str) -> None:
    content = bytearray(encoded(drawing(), "GIF") if kind == "GIF" else talkative(kind, 6))
    # Behind its first bytes: without them it is no picture.
    for position in data.draw(st.lists(st.integers(12, len(content) - 1), min_size=1, max_size=8)):
        content[position] = data.draw(st.integers(0, 255))
    content = content[: data.draw(st.integers(12, len(content)))]
    with tempfile.TemporaryDirectory() as folder:
        try:
            file = await store(Path(folder), bytes(content))
        except Unclean:
            assert kept(Path(folder)) == []
            return
        cleaned = stored(Path(folder), file)
        assert file.size == len(cleaned)
        assert SECRET not in cleaned
        assert kept(Path(folder)) == [file.key, f"{file.key}.webp"][: 1 + file.preview]
        assert file.preview == file.media_type.startswith("image/")


async def test_a_small_file_with_endless_work_in_it_is_not_kept(tmp_path: Path) -> None:
    many_chunks = png_of(2, 2, *([b"IDAT"] * (picture_walking.MOST_SEGMENTS + 1)))
    jpeg = encoded(drawing(), "JPEG", progressive=True)
    scan = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    assert (await store(tmp_path, jpeg[:-2] + scan * 5 + b"\xff\xd9")).media_type == "image/jpeg"
    many_scans = jpeg[:-2] + scan * picture_metadata.MOST_SCANS + b"\xff\xd9"
    gif = encoded(drawing(), "GIF")
    many_blocks = gif[:-1] + b"!\xfe" + b"\1x" * (picture_metadata.MOST_GIF_BLOCKS + 1) + b"\0;"
    for content in (many_chunks, many_scans, many_blocks):
        with pytest.raises(Unclean):
            await store(tmp_path, content)


# Names


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("report.pdf", "report.pdf"),
        ("../../etc/passwd", "passwd"),
        ("C:\\Users\\ana\\Relatório final.docx", "Relatório final.docx"),
        ("a/b\\", "file"),
        ("..", "file"),
        (".htaccess", "htaccess"),
        ("", "file"),
        (" \t\r\n ", "file"),
        ("\0", "file"),
        ("\u200d\u0301\u200d", "file"),
        ("evil\0.pdf\r\nX: y", "evil.pdf X: y"),
        ("photo\u202egnp.exe", "photognp.exe"),
        ("\u2066a\u2069.\ufefft\u00adxt", "a.txt"),
        ("two\u2028lines\x85more", "two lines more"),
        ("e\u0301tude.txt", "étude.txt"),
        ("e\u200b\u0301tude.txt", "étude.txt"),
        ("\ud800lone.txt", "lone.txt"),
        ("👩\u200d💻 plans 🎉.png", "👩\u200d💻 plans 🎉.png"),
        ("trailing. . ", "trailing"),
        ("x" * 300 + ".tar.gz", "x" * 117 + ".gz"),
        ("x" * 300, "x" * 120),
        ("a." + "x" * 300, "a." + "x" * 118),
    ],
)
def test_a_name_is_cleaned(name: str, expected: str) -> None:
    assert clean_name(name) == expected


@given(
    st.text() | st.text(alphabet="a./\\ \u202e\u200d\u0301e\0\n😀", max_size=300) | st.text(min_size=115, max_size=140)
)
def test_a_cleaned_name_is_short_visible_and_one_line(name: str) -> None:
    cleaned = clean_name(name)
    assert 1 <= len(cleaned) <= 120
    assert not set(cleaned) & set("/\\")
    assert not [character for character in cleaned if unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp")]
    assert not set(cleaned) & set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
    assert cleaned not in (".", "..")
    assert cleaned == unicodedata.normalize("NFC", cleaned)
    assert clean_name(cleaned) == cleaned


@given(st.text())
def test_a_disposition_is_one_ascii_line_that_reads_back(name: str) -> None:
    header = content_disposition(name, inline=False)
    assert header.isascii()
    assert header.isprintable()
    kind, options = parse_options_header(header)
    assert kind == "attachment"
    assert header.count('"') == 2
    assert not set(options["filename"]) & set('"\\%/')


def test_a_disposition_has_the_name_for_old_and_new_clients() -> None:
    assert content_disposition('Relatório 100% "final" 🎉;.pdf', inline=True) == (
        'inline; filename="Relatorio 100_ _final_ _;.pdf"; '
        "filename*=UTF-8''Relat%C3%B3rio%20100%25%20%22final%22%20%F0%9F%8E%89%3B.pdf"
    )
    assert content_disposition("x\r\nSet-Cookie: a=b", inline=False).startswith(
        'attachment; filename="x Set-Cookie: a=b";'
    )


# Forms


async def read(directory: Path, body: bytes, size: int = 1000, limit: int = MEGABYTE) -> Any:
    return await read_multipart(pieces(body, size), FORM, directory=directory, limit=limit)


@pytest.mark.parametrize("size", [1, 7, 1000, 10**6])
async def test_a_form_gives_its_texts_and_files(tmp_path: Path, size: int) -> None:
    picture = encoded(drawing(), "PNG")
    body = form(
        form_part("text", "Olá\r\n--x"),
        form_part("file", b"first \0" + b"\r\n" * 500, "C:\\a\\first.bin"),
        form_part("reply", "1\0"),
        form_part("reply", "2"),
        form_part("file", picture, "página.png"),
        form_part("file", b"", "empty.txt"),
    )
    texts, files = await read(tmp_path, body, size)
    assert texts == {"text": "Olá\r\n--x", "reply": "2"}
    assert [file.name for file in files] == ["first.bin", "página.png", "empty.txt"]
    assert [file.media_type for file in files] == ["application/octet-stream", "image/png", "application/octet-stream"]
    assert stored(tmp_path, files[0]) == b"first \0" + b"\r\n" * 500
    assert stored(tmp_path, files[1]) == picture
    assert len(kept(tmp_path)) == 4


FIRST = form_part("file", b"\0" * 300_000, "first.bin")


@pytest.mark.parametrize(
    ("body", "error"),
    [
        (form(FIRST, form_part("file", b"\0" * (MEGABYTE + 1), "second.bin")), TooLarge),
        (form(FIRST, form_part("text", "x" * 65_536)), TooLarge),
        (form(FIRST, *[form_part("t" * 1000, "")] * 70), TooLarge),
        (form(FIRST, *[form_part("t", "")] * 500), TooLarge),
        (form(FIRST, *[form_part("file", b"", "x")] * 10), TooLarge),
        (b"\r\n" * 8 * MEGABYTE + form(FIRST), TooLarge),
        (form(FIRST) + b"\0" * 15 * MEGABYTE, TooLarge),
        (form(FIRST, form_part("other", b"x", "second.bin")), Unreadable),
        (form(FIRST, form_part("text", b"\xff")), Unreadable),
        (form(FIRST, form_part("file", b"second", "second.bin"))[:-30], Unreadable),
        (FIRST + form_part("file", b"\0" * 300_000, "second.bin")[:-2], Unreadable),
        (FIRST + f"--{BOUNDARY}\r\nno header\r\n\r\n".encode(), Unreadable),
        (FIRST + f"--{BOUNDARY}x".encode(), Unreadable),
    ],
    ids=[
        "a file too large", "too much text", "too long names", "too many texts", "too many files",
        "too long a preamble", "too long an epilogue", "a file elsewhere", "no UTF-8", "no expiry",
        "no end of a file", "no header", "no boundary",
    ],
)  # fmt: skip
async def test_a_form_that_fails_keeps_none_of_its_files(tmp_path: Path, body: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        await read(tmp_path, body, 50_000)
    assert kept(tmp_path) == []


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b"", FORM),
        (form(), FORM),
        (form(form_part("text", "words")), FORM),
        (form(form_part("file", b"", "")), FORM),
        (b"a=b", "application/x-www-form-urlencoded"),
        (form(FIRST), "multipart/form-data"),
        (form(FIRST), "multipart/mixed; boundary=" + BOUNDARY),
        (form(FIRST), "multipart/form-data; boundary=" + "x" * 201),
        (form(FIRST), "multipart/form-data; boundary=other"),
        (form(FIRST), ""),
    ],
    ids=range(10),
)
async def test_what_is_no_form_with_a_file_is_unreadable(tmp_path: Path, body: bytes, content_type: str) -> None:
    with pytest.raises(Unreadable):
        await read_multipart(pieces(body), content_type, directory=tmp_path, limit=MEGABYTE)
    assert kept(tmp_path) == []


async def test_an_empty_choice_beside_a_file_is_no_file(tmp_path: Path) -> None:
    _, files = await read(tmp_path, form(form_part("other", b"", ""), form_part("file", b"", ""), FIRST))
    assert [file.name for file in files] == ["first.bin"]


async def test_ten_files_and_64_kilobytes_of_text_are_not_too_much(tmp_path: Path) -> None:
    parts = [form_part("file", b"\0" * 1000, f"{number}.bin") for number in range(10)]
    texts, files = await read(tmp_path, form(form_part("text", "x" * 65_532), *parts[1:], parts[0]), limit=1000)
    assert len(texts["text"]) == 65_532
    assert len(files) == 10


async def test_a_cancelled_form_keeps_none_of_its_files(tmp_path: Path) -> None:
    waiting = asyncio.Event()

    async def stuck() -> AsyncIterator[bytes]:
        yield FIRST
        yield form_part("file", b"\0" * 300_000, "second.bin")[:-2]
        waiting.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(read_multipart(stuck(), FORM, directory=tmp_path, limit=MEGABYTE))
    await waiting.wait()
    assert len(kept(tmp_path)) == 2
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert kept(tmp_path) == []


@settings(max_examples=50, deadline=None)
@given(body=st.binary(max_size=500), cut=st.integers(0, 300))
async def test_any_body_is_read_or_refused(body: bytes, cut: int) -> None:
    with tempfile.TemporaryDirectory() as folder:
        try:
            _, files = await read(Path(folder), form(form_part("file", body, "x"))[:cut] + body)
        except (TooLarge, Unclean, Unreadable):
            files = []
        assert len(kept(Path(folder))) == len(files)


def test_what_a_killed_upload_left_is_deleted_a_day_later(tmp_path: Path) -> None:
    key = "0123456789abcdef" * 2
    folder = tmp_path / key[:2]
    folder.mkdir()
    fresh, old, stored = folder / f".{key}.part", folder / f".{key}.stripped", folder / key
    for path in (fresh, old, stored):
        path.write_bytes(b"x")
    for path in (old, stored):
        os.utime(path, (0, 0))
    delete_abandoned(tmp_path)
    assert (fresh.exists(), old.exists(), stored.exists()) == (True, False, True)


@pytest.mark.parametrize("hidden", [b"DATA:", b"<Metadata", b"<x:metadata", b"xpacket", b"rdf:", b"<!entity", b"&#"])
@pytest.mark.parametrize("shift", range(0, 12, 3))
def test_what_a_drawing_hides_is_found_across_the_pieces_that_are_looked_at(
    tmp_path: Path, hidden: bytes, shift: int
) -> None:
    path = tmp_path / "drawing.svg"
    start = b'<svg xmlns="http://www.w3.org/2000/svg">'
    before = start + b" " * (2 * TYPE_CHUNK - len(start) - shift)
    path.write_bytes(before + b"<g/>" * 10)
    assert is_plain_drawing(path)
    path.write_bytes(before + hidden + b"<g/>" * 10)
    assert not is_plain_drawing(path)


def test_no_more_of_a_drawing_is_looked_at_at_once_than_a_piece(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "drawing.svg"
    path.write_bytes(b"<svg>" + b"<" * 20 * TYPE_CHUNK)
    monkeypatch.setattr(Path, "read_bytes", lambda self: pytest.fail("a search in all of it would hold all threads"))
    assert is_plain_drawing(path)
