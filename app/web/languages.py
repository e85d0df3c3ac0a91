"""Which language a page is in: the workspace's, or where there is none, one that the browser asks for."""

from __future__ import annotations

import contextlib
from collections import OrderedDict
from typing import Any

from litestar import Request
from sqlalchemy import bindparam, select

from app.database import Database, PreparedSelect, Tenant
from app.web.cookies import CookieError, read_cookie
from app.web.texts import LANGUAGES

# The cookie with the language that somebody has chosen on the central host.
LANGUAGE_COOKIE = "language"


def browser_language(request: Request[Any, Any, Any]) -> str:
    """The language that was chosen in this browser, on the central host; else the first that it asks for and the
    program speaks. Whoever plants another cookie changes no more than the language of a page."""
    with contextlib.suppress(CookieError):
        chosen = read_cookie(request.scope["headers"], LANGUAGE_COOKIE)
        if chosen in LANGUAGES:
            return chosen
    return accepted_language(",".join(request.headers.getall("accept-language", [])))


def read_language(text: str) -> str:
    """A language by its code; English for one that the program does not speak."""
    return text if text in LANGUAGES else "en"


def accepted_language(header: str) -> str:
    """The first language of an `Accept-Language` header that the program speaks; English for none."""
    parts = [part.partition(";") for part in header.split(",")[:10]]
    for name, _, weight in sorted(parts, key=lambda part: -weigh(part[2])):
        if weigh(weight) == 0:  # not this one
            continue
        wanted = name.strip().replace("-", "_").lower()
        for language in LANGUAGES:
            if wanted and (language.lower() == wanted or language.lower().startswith(wanted.partition("_")[0] + "_")):
                return language
        if wanted.startswith("en"):
            return "en"
    return "en"


def weigh(text: str) -> float:
    """How much a language is wanted, from 0 to 1, as `q=0.5` (RFC 9110, 12.4.2)."""
    name, _, value = text.strip().partition("=")
    try:
        weight = float(value) if name.strip().lower() == "q" else 1.0
    except ValueError:
        return 0.0
    return min(1.0, max(0.0, weight)) if weight == weight else 0.0


FIND_LANGUAGE = PreparedSelect(
    lambda: select(Tenant.language, Tenant.name, Tenant.color).where(Tenant.slug == bindparam("slug"))
)


class Languages:
    """The languages of workspaces, their names and colors, for pages before a transaction, such as those of errors.

    Every transaction of a page puts its workspace's into `known`, as (language, name, color), so it is asked for once
    at most, and what is not there only once too: anybody can ask for any address.
    """

    MOST_ABSENT = 10_000

    def __init__(self, database: Database) -> None:
        self.database = database
        self.known: dict[str, tuple[str, str, str]] = {}
        self.absent: OrderedDict[str, None] = OrderedDict()

    async def find(self, slug: str) -> str | None:
        """The language of a workspace; None where there is no such workspace."""
        if slug not in self.known and slug not in self.absent:
            async with self.database.read() as transaction:
                found = await transaction.rows(FIND_LANGUAGE, slug=slug)
            if found:
                self.known[slug] = found[0]
            else:
                self.absent[slug] = None
                if len(self.absent) > self.MOST_ABSENT:
                    self.absent.popitem(last=False)
        return self.known[slug][0] if slug in self.known else None
