"""The guide for people, in the language of the workspace; the quick switcher leads to its parts."""

from __future__ import annotations

from litestar import Response, get
from litestar.exceptions import NotFoundException

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.quick_switcher import LIMIT, Destination, Sought, leads_to, switches_to
from app.accounts.shell import render_page
from app.database import Transaction
from app.guide.guide import GUIDE, GUIDE_PAGES, HELP, find_help, picture_names, read_guide
from app.web.texts import _l

# A part of a page is named only for words of so many letters: what is looked for by one letter is no help.
SHORTEST_HELP = 3
# The rank of a part that has the words in its text alone: behind all that is called so.
NOT_BY_NAME = 4


leads_to("pages", _l("Help"), HELP, icon="info", order=95)


@switches_to
async def find_help_destinations(transaction: Transaction, member: Member, sought: Sought) -> list[Destination]:
    """Parts of the guide that have all of the words."""
    if len(sought.text) < SHORTEST_HELP:
        return []
    found = find_help(transaction.tenant.language, sought.text, LIMIT)
    return [
        Destination(
            "help",
            place.title,
            place.address,
            "info",
            note="" if place.page == place.title else place.page,
            rank=NOT_BY_NAME if (rank := sought.rank(place.title)) is None else rank,
        )
        for place in found
    ]


@get("/help")
async def show_guide(request: AnyRequest, transaction: Transaction, member: Member) -> Response[str]:
    """Where the guide begins."""
    return await render_guide_page(request, transaction, member, GUIDE_PAGES[0])


@get("/help/{topic:str}")
async def show_guide_page(request: AnyRequest, transaction: Transaction, member: Member, topic: str) -> Response[str]:
    """A page of it."""
    if topic not in GUIDE_PAGES[1:]:
        raise NotFoundException
    return await render_guide_page(request, transaction, member, topic)


async def render_guide_page(request: AnyRequest, transaction: Transaction, member: Member, name: str) -> Response[str]:
    """A page of the guide, with the names of all at its side."""
    guide = read_guide(transaction.tenant.language)
    return await render_page(
        request, transaction, member, "guide/help.html", shown=guide[name], pages=list(guide.values())
    )


@get("/help/pictures/{picture:str}", sync_to_thread=False)
def show_guide_picture(member: Member, picture: str) -> Response[bytes]:
    """A picture of the guide. It shows the demo alone, so a browser may keep it."""
    if picture not in picture_names():
        raise NotFoundException
    content = (GUIDE / "pictures" / picture).read_bytes()
    return Response(content, media_type="image/webp", headers={"cache-control": "private, max-age=3600"})


handlers = [show_guide, show_guide_page, show_guide_picture]
