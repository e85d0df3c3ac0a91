"""Pictures of people and the workspace's logo, as browsers ask for them; their addresses change with the picture."""

from __future__ import annotations

from pathlib import Path

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.response import File

from app.accounts.members import Member
from app.database import Transaction
from app.settings import Settings
from app.tenants.members import find_by_id
from app.tenants.pictures import list_pictures, pictures_of
from app.web.templates import render
from app.web.uploads import path_of

KEPT = {"cache-control": "private, max-age=31536000, immutable"}


def send_picture(directory: Path, key: str | None) -> File:
    """A stored picture. Raises NotFoundException when there is none."""
    if key is None or not path_of(directory, key).exists():
        raise NotFoundException
    return File(path_of(directory, key), media_type="image/webp", content_disposition_type="inline", headers=KEPT)


@get("/pictures/{member_id:int}")
async def show_picture(transaction: Transaction, member: Member, settings: Settings, member_id: int) -> File:
    """The picture of somebody in the workspace."""
    person = await find_by_id(transaction, member_id)
    return send_picture(pictures_of(settings, transaction.tenant), person.picture if person else None)


@get("/pictures.css")
async def show_picture_styles(transaction: Transaction, member: Member) -> Response[str]:
    """Which picture stands for whom: avatars in pages and in what is pushed need to know nothing of pictures."""
    styles = render(transaction.tenant.language, "accounts/pictures.css", pictures=await list_pictures(transaction))
    return Response(styles, media_type="text/css", headers=KEPT)


@get("/logo")
async def show_logo(transaction: Transaction, settings: Settings) -> File:
    """The workspace's logo, for everybody who finds the sign-in page."""
    return send_picture(pictures_of(settings, transaction.tenant), transaction.tenant.logo)


handlers = [show_picture, show_picture_styles, show_logo]
