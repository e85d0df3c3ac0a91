"""Files on their way to and from programs: brought as the body of a request, and fetched whole or in part."""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import msgspec
from litestar import Response
from litestar.exceptions import NotFoundException
from litestar.openapi.spec import OpenAPIFormat, OpenAPIMediaType, OpenAPIType, Operation, RequestBody, Schema
from litestar.params import HeaderParameter, QueryParameter

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.database import Transaction
from app.files.answers import KeptFile
from app.files.arriving import Arriving
from app.files.names import content_disposition
from app.files.ranges import ByteRange, Unsatisfiable, read_part, read_range
from app.files.small_pictures import pictures_of
from app.files.storing import NotStored, delete_files, files_of
from app.files.uploads import UNCLEAN, StoredFile, TooLarge, Unclean, Upload, path_of
from app.programs.kept_answers import read_key, write_once
from app.programs.problems import Problem
from app.settings import Settings
from app.tenants.pictures import PICTURE_LIMIT, make_small
from app.web.errors import is_disk_full
from app.web.streams import Streamed

OCTETS = "application/octet-stream"
FileName = Annotated[
    str, QueryParameter(name="name", min_length=1, max_length=200, description="What the file is called.")
]
Range = Annotated[
    str | None, HeaderParameter(name="Range", description="Which bytes are asked for, such as `bytes=1000-`.")
]
IfRange = Annotated[
    str | None,
    HeaderParameter(name="If-Range", description="The tag of the part before: another file is answered whole."),
]
IfNoneMatch = Annotated[str | None, HeaderParameter(name="If-None-Match", description="The tag of what is there.")]

# Notes a file that was stored, and answers what it is.
KeepFile = Callable[[Transaction, Member, StoredFile], Awaitable[msgspec.Struct]]
# Makes the picture of a key somebody's or something's, and answers what that is.
KeepPicture = Callable[[Transaction, Member, StoredFile, Path], Awaitable[msgspec.Struct]]


@dataclass
class BringingOperation(Operation):
    """An operation whose body is a file."""

    def __post_init__(self) -> None:
        schema = Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        self.request_body = RequestBody(content={OCTETS: OpenAPIMediaType(schema=schema)}, required=True)


async def receive_file(
    request: AnyRequest, chunks: AsyncIterator[bytes], directory: Path, name: str, limit: int, field: str = ""
) -> tuple[StoredFile, str]:
    """Store the body of a request, piece by piece; the file, and a digest of what was sent. Raises a problem, of the
    whole or of a `field`, and then nothing of it is kept."""
    upload, digest = Upload(directory, limit), hashlib.sha256(request.scope["query_string"] + b"\n")
    try:
        async for chunk in chunks:
            digest.update(chunk)
            await upload.write(chunk)
        if not upload.size:
            raise Problem("invalid", errors={field: "There is nothing in it."})
        return await upload.finish(name), digest.hexdigest()
    except BaseException as error:
        await upload.discard()
        if isinstance(error, NotStored):
            raise problem_of_upload(error, field) from error
        if isinstance(error, TooLarge):
            raise Problem("too-large", f"A file may have up to {limit // 1_000_000} MB.") from error
        if isinstance(error, Unclean):
            raise Problem("invalid", errors={field: UNCLEAN}) from error
        if isinstance(error, OSError) and is_disk_full(error):
            raise Problem("disk-full") from error
        raise


def problem_of_upload(refusal: NotStored, field: str = "") -> Problem:
    """What a program is told of an upload that is not taken: too many at once, or no room for it."""
    if refusal.status == 429:
        return Problem("too-many-requests", refusal.text.translate("en"), headers={"Retry-After": "5"})
    return Problem("invalid", errors={field: refusal.text})


async def store_once(
    request: AnyRequest, transaction: Transaction, settings: Settings, name: str, keep: KeepFile
) -> Response[Any]:
    """Store the file that a request brings, once for each `Idempotency-Key`. The transaction is ended before it is
    read; `keep` gets another one, in which who asks is looked at again: an upload may last for hours."""
    directory = files_of(settings, transaction.tenant)
    read_key(request.headers)
    arriving: Arriving = request.app.state.arriving
    try:
        chunks = await arriving.take(request, transaction, quota=settings.files_quota_megabytes * 1_000_000)
    except NotStored as refusal:
        raise problem_of_upload(refusal) from refusal
    stored, sent = await receive_file(request, chunks, directory, name, settings.file_limit_megabytes * 1_000_000)
    request.scope["state"]["sent"] = sent
    used = False
    try:
        answer, used = await write_once(request, 201, lambda writing, member: keep(writing, member, stored))
    finally:
        if not used:  # whatever it is, no file stays that nothing names
            await delete_files(directory, [stored.key])
    return answer


async def store_picture_once(
    request: AnyRequest, transaction: Transaction, settings: Settings, keep: KeepPicture, *, square: bool
) -> Response[Any]:
    """Make a small picture of the one that a request brings, once for each `Idempotency-Key`; `keep` names it, in a
    transaction of its own."""
    directory = pictures_of(settings, transaction.tenant)
    read_key(request.headers)
    arriving: Arriving = request.app.state.arriving
    try:
        chunks = await arriving.take(request, transaction, quota=None)
    except NotStored as refusal:
        raise problem_of_upload(refusal, "picture") from refusal
    stored, sent = await receive_file(request, chunks, directory, "picture", PICTURE_LIMIT, "picture")
    await make_small(directory, stored, square=square)
    request.scope["state"]["sent"] = sent
    used = False
    try:
        answer, used = await write_once(request, 200, lambda writing, member: keep(writing, member, stored, directory))
    finally:
        if not used:
            await delete_files(directory, [stored.key])
    return answer


async def send_file(
    directory: Path, file: KeptFile, asked: str | None, if_range: str | None, known: str | None
) -> Response[Any]:
    """A file, or the part of it that is asked for. Raises NotFoundException where it is not there any more, and a 416
    problem for a part that it has not."""
    path, tag = path_of(directory, file.key), f'"{file.key}"'
    if not path.exists():
        raise NotFoundException
    if known is not None and (known.strip() == "*" or tag in [each.strip() for each in known.split(",")]):
        return Response(None, status_code=304, headers={"ETag": tag})
    whole = path.stat().st_size
    try:
        part = read_range(asked, whole) if if_range in (None, tag) else None
    except Unsatisfiable as error:
        raise Problem("range-not-satisfiable", headers={"Content-Range": f"bytes */{whole}"}) from error
    headers = {
        "accept-ranges": "bytes",
        "content-disposition": content_disposition(file.name, inline=False),
        "content-length": str(part.size if part else whole),
        "content-security-policy": "sandbox; default-src 'none'",
        "etag": tag,
    }
    if part:
        headers["content-range"] = part.content_range
    pieces: AsyncGenerator[bytes] = read_part(path, part or ByteRange(0, whole, whole))
    return Streamed(pieces, media_type=file.media_type, headers=headers, status=206 if part else 200)
