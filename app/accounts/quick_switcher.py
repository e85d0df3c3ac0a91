"""The quick switcher: to a room, a person or a record by some letters of its name. Features add where it leads."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from litestar import Response, get

from app.accounts.access import AnyRequest
from app.accounts.choosing import ChoosingLimit
from app.accounts.members import Member
from app.accounts.shell import render_page
from app.database import Transaction
from app.web.texts import Text, fold_searched

LIMIT = 6


@dataclass(frozen=True, slots=True)
class Destination:
    """Somewhere to go: by a link, or by posting a field of a form (`person`, '3') to the address."""

    title: str
    kind: Text
    icon: str
    address: str
    field: tuple[str, str] | None = None


Source = Callable[[Transaction, Member, str], Awaitable[list[Destination]]]
SOURCES: list[Source] = []


def switches_to(source: Source) -> Source:
    """Register a function that finds destinations for folded text; it gives at most `LIMIT`."""
    SOURCES.append(source)
    return source


@get("/quick-switcher")
async def show_quick_switcher(
    request: AnyRequest, transaction: Transaction, member: Member, choosing: ChoosingLimit, q: str = ""
) -> Response[Any]:
    """Where some letters may lead; js/quick-switcher.js shows it over any page."""
    await choosing.check(member)
    found = [place for source in SOURCES for place in await source(transaction, member, fold_searched(q[:100]))]
    return await render_page(request, transaction, member, "accounts/quick_switcher.html", query=q[:100], found=found)
