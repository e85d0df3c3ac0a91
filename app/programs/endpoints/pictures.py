"""Pictures of members, and those of bots, which others bring."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from litestar import Response
from litestar.exceptions import NotFoundException
from msgspec import Struct

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.rights import require
from app.database import Transaction
from app.files.small_pictures import pictures_of
from app.files.uploads import StoredFile
from app.programs.endpoints.people import PERSON, find_one
from app.programs.people_shapes import MemberShape, shape_member
from app.programs.routes import SENT_IN_PART, brings, reads, removes
from app.programs.transfers import IfNoneMatch, IfRange, Range, send_file, store_picture_once
from app.settings import Settings
from app.tenants.pictures import change_bot_picture

PICTURE_OF = PERSON + "/picture"


class SmallPicture(Struct, frozen=True):
    """The picture of a key, as a file that is sent."""

    key: str
    name: str = "picture.webp"
    media_type: str = "image/webp"
    preview: bool = False


@reads(PICTURE_OF, scope="people:read", answers=(416,), also=SENT_IN_PART)
async def show_picture_to_program(
    transaction: Transaction,
    member: Member,
    settings: Settings,
    member_id: int,
    range: Range = None,
    if_range: IfRange = None,
    if_none_match: IfNoneMatch = None,
) -> Response[Any]:
    """The picture of a member, small and square, as WebP; 404 for who has none. It may be kept, and asked for anew by
    its tag, which is another one with each picture."""
    person = await find_one(transaction, member, member_id)
    if person.picture is None:
        raise NotFoundException
    directory = pictures_of(settings, transaction.tenant)
    answer = await send_file(directory, SmallPicture(person.picture), range, if_range, if_none_match)
    answer.headers["cache-control"] = "private, no-cache"
    return answer


@brings(PICTURE_OF, scope="admin", status_code=200)
async def bring_bot_picture(
    request: AnyRequest, transaction: Transaction, member: Member, settings: Settings, member_id: int
) -> Response[MemberShape]:
    """Show a picture for a bot, which is the body of the request: PNG, JPEG, GIF or WebP, up to 8 MB. People choose
    their own."""
    require(member, "picture", await find_one(transaction, member, member_id))

    async def keep(writing: Transaction, admin: Member, stored: StoredFile, directory: Path) -> MemberShape:
        bot = await find_one(writing, admin, member_id)
        await change_bot_picture(writing, admin, bot, stored.key, directory)
        return shape_member(bot)

    return await store_picture_once(request, transaction, settings, keep, square=True)


@removes(PICTURE_OF, scope="admin")
async def take_off_bot_picture(transaction: Transaction, member: Member, settings: Settings, member_id: int) -> None:
    """Show initials for a bot again."""
    bot = await find_one(transaction, member, member_id)
    require(member, "picture", bot)
    if bot.picture is not None:
        await change_bot_picture(transaction, member, bot, None, pictures_of(settings, transaction.tenant))


endpoints: list[Any] = [show_picture_to_program, bring_bot_picture, take_off_bot_picture]
