"""Pictures of people and the workspace's logo, as browsers ask for them; their addresses change with the picture."""

from __future__ import annotations

import hashlib
from pathlib import Path

from litestar import Response, get
from litestar.exceptions import NotFoundException
from litestar.response import File

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.database import Transaction
from app.files.small_pictures import pictures_of
from app.files.uploads import path_of
from app.settings import Settings
from app.tenants.members import find_by_id
from app.tenants.pictures import list_bots, list_pictures
from app.web.colors import USUAL_COLOR, WORKSPACE_COLORS
from app.web.templates import render

CACHE_HEADERS = {"cache-control": "private, max-age=31536000, immutable"}


def send_picture(directory: Path, key: str | None, version: str) -> File:
    """A stored picture, which a browser keeps under the address that names it by its key, and under no other.

    Raises NotFoundException when there is none.
    """
    if key is None or not path_of(directory, key).exists():
        raise NotFoundException
    headers = CACHE_HEADERS if version == key else None
    return File(path_of(directory, key), media_type="image/webp", content_disposition_type="inline", headers=headers)


@get("/pictures/{member_id:int}")
async def show_picture(
    request: AnyRequest, transaction: Transaction, member: Member, settings: Settings, member_id: int
) -> File:
    """The picture of somebody in the workspace."""
    person = await find_by_id(transaction, member, member_id)
    key = person.picture if person else None
    return send_picture(pictures_of(settings, transaction.tenant), key, request.query_params.get("v", ""))


@get("/pictures.css")
async def show_picture_styles(request: AnyRequest, transaction: Transaction, member: Member) -> Response[str | None]:
    """The workspace's color; and which picture stands for whom: avatars in pages and in what is pushed need to know
    nothing of pictures.

    The address is everybody's, and what it says is for who is signed in: a browser asks each time whether it holds.
    """
    styles = render(
        transaction.tenant.language,
        "tenants/pictures.css",
        color=None if transaction.tenant.color == USUAL_COLOR else WORKSPACE_COLORS[transaction.tenant.color],
        pictures=await list_pictures(transaction, member),
        bots=await list_bots(transaction, member),
    )
    headers = {"cache-control": "private, no-cache", "etag": f'"{hashlib.sha256(styles.encode()).hexdigest()[:24]}"'}
    if request.headers.get("if-none-match") == headers["etag"]:
        return Response(None, status_code=304, headers=headers)
    return Response(styles, media_type="text/css", headers=headers)


@get("/logo")
async def send_logo(request: AnyRequest, transaction: Transaction, settings: Settings) -> File:
    """The workspace's logo, for everybody who finds the sign-in page."""
    directory = pictures_of(settings, transaction.tenant)
    return send_picture(directory, transaction.tenant.logo, request.query_params.get("v", ""))


handlers = [show_picture, show_picture_styles, send_logo]
