"""Pictures of people, and the logo of a workspace: small, square or flat, and without what cameras write into them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

from litestar import Response
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from sqlalchemy import select

from app.accounts.access import AnyRequest, provide_signed_in, write_signed_in
from app.accounts.members import Member
from app.accounts.rights import is_entitled, require
from app.accounts.sessions import SignedIn
from app.database import Database, PreparedSelect, Tenant, Transaction
from app.files.arriving import Arriving
from app.files.decoding import DECODER, TooCostly, TooManyPixels, Undecodable, shrink
from app.files.small_pictures import pictures_of
from app.files.storing import NotStored
from app.files.upload_forms import read_multipart
from app.files.uploads import (
    PICTURES,
    TOO_COSTLY,
    StoredFile,
    TooLarge,
    Unclean,
    Unreadable,
    delete_stored,
    delete_unnamed,
    in_thread,
    path_of,
    preview_of,
)
from app.jobs.jobs import ClaimedJob, job
from app.settings import Settings
from app.tenants.facts import BotPictureChanged, LogoChanged, PictureChanged
from app.tenants.members import acting, whom_one_knows
from app.web.forms import Invalid
from app.web.texts import Text, _l

# Bytes that an uploaded picture may have, and pixels of the one that is kept.
PICTURE_LIMIT = 8_000_000
SIDE = 192
LOGO_HEIGHT, LOGO_WIDTH = 96, 384

NO_PICTURE = _l("Choose a picture: PNG, JPEG, GIF or WebP.")


# Shows the page of the form again, with what is wrong, to who sent it.
ShowRefused = Callable[[Transaction, SignedIn, Mapping[str, Text]], Awaitable[Response[Any]]]
# Names the picture of a key, which is in a directory.
KeepSmall = Callable[[Transaction, Member, str, Path], Awaitable[None]]


async def save_picture_of_form(
    request: AnyRequest,
    transaction: Transaction,
    show: ShowRefused,
    keep: KeepSmall,
    *,
    square: bool = True,
) -> Response[Any] | None:
    """Make somebody's or something's picture of the one that a form sends; None, or the page of one that is refused.
    The transaction is ended before it is read, and who asks is looked at again: an upload may last for hours."""
    settings: Settings = request.app.state.settings
    tenant = transaction.tenant
    directory = pictures_of(settings, tenant)
    try:
        key = await take_picture(request, transaction, directory, square=square)
    except Invalid as invalid:
        database: Database = request.app.state.database
        async with database.read(tenant.id) as reading:
            return await show(reading, await provide_signed_in(request, reading), invalid.errors)
    async with dropped_unless_kept(directory, key), write_signed_in(request) as (writing, member):
        await keep(writing, member, key, directory)
    return None


async def take_picture(request: AnyRequest, transaction: Transaction, directory: Path, *, square: bool) -> str:
    """Store the picture that a form sends; its key. The transaction is ended before it is read. Raises Invalid."""
    arriving: Arriving = request.app.state.arriving
    try:
        chunks = await arriving.take(request, transaction, quota=None)
    except NotStored as error:
        raise refuse_picture(error.text) from error
    return await receive_picture(chunks, request.headers.get("content-type", ""), directory, square=square)


async def receive_picture(chunks: AsyncIterator[bytes], content_type: str, directory: Path, *, square: bool) -> str:
    """Store the picture that a form sends; its key.

    Raises Invalid for what is too large, or no picture; then nothing is kept.
    """
    try:
        _, files = await read_multipart(chunks, content_type, directory=directory, limit=PICTURE_LIMIT, field="picture")
    except (TooLarge, RequestEntityTooLarge) as error:
        raise refuse_picture(_l("A picture can be up to %(limit)d MB.", limit=PICTURE_LIMIT // 1_000_000)) from error
    except (Unclean, Unreadable) as error:
        raise refuse_picture(NO_PICTURE) from error
    for file in files[1:]:
        await asyncio.to_thread(delete_stored, directory, file.key)
    await make_small(directory, files[0], square=square)
    return files[0].key


async def make_small(directory: Path, file: StoredFile, *, square: bool) -> None:
    """Leave of a stored picture a small one. Raises Invalid for what is no picture; then nothing is kept."""
    if not file.preview:
        await asyncio.to_thread(delete_stored, directory, file.key)
        raise refuse_picture(file.problem or NO_PICTURE)
    try:
        await in_thread(
            keep_small, directory, file.key, square, executor=PICTURES, stop=lambda: DECODER.abandon(file.key)
        )
    except BaseException as error:  # such as a full disk
        await asyncio.to_thread(delete_stored, directory, file.key)
        if isinstance(error, TooCostly | TooManyPixels | Undecodable):
            raise refuse_picture(TOO_COSTLY) from error
        raise


async def store_picture(content: bytes, directory: Path) -> str:
    """Store a picture of somebody, likewise, which is there already."""

    async def send() -> AsyncIterator[bytes]:
        yield b'--picture\r\nContent-Disposition: form-data; name="picture"; filename="picture"\r\n\r\n'
        yield content
        yield b"\r\n--picture--\r\n"

    return await receive_picture(send(), "multipart/form-data; boundary=picture", directory, square=True)


def refuse_picture(text: Text) -> Invalid:
    """What a picture is refused with."""
    return Invalid(picture=text)


def keep_small(directory: Path, key: str, square: bool) -> None:
    """Leave of an uploaded picture a small WebP under its key, made from its preview, which says nothing else."""
    width, height = (SIDE, SIDE) if square else (LOGO_WIDTH, LOGO_HEIGHT)
    shrink(preview_of(directory, key), path_of(directory, key), width, height, crop=square, owner=key)
    preview_of(directory, key).unlink()


@asynccontextmanager
async def dropped_unless_kept(directory: Path, key: str) -> AsyncIterator[None]:
    """A picture that was received is deleted when what shall name it fails, whatever it is."""
    try:
        yield
    except BaseException:
        await asyncio.to_thread(delete_stored, directory, key)
        raise


@job("unnamed pictures", every=timedelta(days=1), seconds=600)
async def delete_unnamed_pictures(work: ClaimedJob) -> None:
    """Delete the files of pictures that nobody has: what is left of an upload that the program's end has cut off."""
    async with work.database.read() as transaction:
        tenants = list(await transaction.scalars(select(Tenant.id)))
    for tenant_id in tenants:
        async with work.database.read(tenant_id) as transaction:
            directory = pictures_of(work.settings, transaction.tenant)
            named = await transaction.scalars(select(Member.picture).where(Member.picture.is_not(None)))
            kept = {key for key in (*named, transaction.tenant.logo) if key}
        await asyncio.to_thread(delete_unnamed, directory, kept)


async def change_picture(transaction: Transaction, member: Member, key: str | None, directory: Path) -> None:
    """Give a member a picture, or none, as they do themselves."""
    name_picture(transaction, member, key, directory)
    transaction.note(PictureChanged(by=transaction.acting(member.id), member_id=member.id))


async def change_bot_picture(
    transaction: Transaction, actor: Member | None, bot: Member, key: str | None, directory: Path
) -> None:
    """Give a bot a picture, or none. Raises a 403 page, also of people: they choose their own."""
    require(actor, "picture", bot)
    name_picture(transaction, bot, key, directory)
    by, removed = acting(transaction, actor), key is None
    transaction.note(BotPictureChanged(by=by, member_id=bot.id, name=bot.name, removed=removed))


def name_picture(transaction: Transaction, member: Member, key: str | None, directory: Path) -> None:
    """Name a member's picture by its key; the one before is deleted. Changes of pictures are counted, so that pages ask
    for the style sheet of pictures anew."""
    drop_later(transaction, directory, member.picture)
    member.picture = key
    transaction.tenant.pictures += 1


async def change_logo(transaction: Transaction, actor: Member, key: str | None, directory: Path) -> None:
    """Give the workspace a logo, or the program's own again. The audit log tells logos apart by their fingerprints."""
    require(actor, "change", "settings")
    before = transaction.tenant.logo
    if key == before:
        return
    drop_later(transaction, directory, before)
    transaction.tenant.logo = key
    by = transaction.acting(actor.id)
    transaction.note(LogoChanged(by=by, before=fingerprint_picture(before), after=fingerprint_picture(key)))


def fingerprint_picture(key: str | None) -> str:
    """What names a picture in the audit log; '' for none."""
    return key[:8] if key else ""


def drop_later(transaction: Transaction, directory: Path, key: str | None) -> None:
    """Delete a picture when the transaction has committed."""
    if key is not None:

        async def drop() -> None:
            await asyncio.to_thread(delete_stored, directory, key)

        transaction.after_commit.append(drop)


@cache
def select_pictures(*, insider: bool) -> PreparedSelect[int, str | None]:
    """The select of pictures, by their members."""
    return PreparedSelect(
        lambda: (
            select(Member.id, Member.picture)
            .where(Member.picture.is_not(None), *whom_one_knows(insider=insider))
            .order_by(Member.id)
        )
    )


async def list_pictures(transaction: Transaction, member: Member) -> list[tuple[int, str]]:
    """Members with a picture, and its key, of those whom a member gets to know of."""
    listed = select_pictures(insider=is_entitled(member, "see", "everybody"))
    return [(member_id, key) for member_id, key in await transaction.rows(listed, member_id=member.id) if key]


@cache
def select_bots(*, insider: bool) -> PreparedSelect[int]:
    """The select of bots."""
    return PreparedSelect(lambda: select(Member.id).where(Member.bot, *whom_one_knows(insider=insider)))


async def list_bots(transaction: Transaction, member: Member) -> list[int]:
    """The ids of bots, of those whom a member gets to know of: wherever they are shown, they are marked."""
    listed = select_bots(insider=is_entitled(member, "see", "everybody"))
    return sorted(await transaction.column(listed, member_id=member.id))
