"""Forms of tokens: what is said of one, and what it can be narrowed to, as the features that have that say."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Collection, Mapping
from datetime import timedelta

from msgspec import Struct

from app.accounts.members import Member
from app.accounts.program_tokens import LONGEST_TOKEN_NAME, WantedToken
from app.database import Transaction, now
from app.web.forms import Form, Invalid, number_of
from app.web.texts import Text, _l

MOST_PLACES = 50
ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]{1,5})?")
MOST_ORIGINS = 20
MOST_DAYS = 3650

# The ids of places by what they are called in addresses, as far as a member may see them; and their names, by the ids.
FindPlaces = Callable[[Transaction, Member, Collection[str]], Awaitable[Mapping[str, int]]]
NamePlaces = Callable[[Transaction, Collection[int]], Awaitable[Mapping[int, str]]]


class Narrowing(Struct, frozen=True):
    """A kind of place that a token can be narrowed to, such as rooms: what its field is called, how it is asked, and
    what stands for one that somebody may not see."""

    label: Text
    help: Text
    find: FindPlaces
    name: NamePlaces
    unseen: Text


NARROWINGS: dict[str, Narrowing] = {}


async def read_narrowing(
    transaction: Transaction, member: Member, kind: str, given: Collection[str]
) -> list[int] | None:
    """The ids of places of a kind, `collections` or `rooms`, which are given as addresses have them; None for none.

    Raises Invalid for one that is not there, or not the member's to see.
    """
    if not given:
        return None
    if len(given) > MOST_PLACES:
        raise Invalid(**{kind: _l("At most %(limit)d.", limit=MOST_PLACES)})
    found = await NARROWINGS[kind].find(transaction, member, given)
    missing = [each for each in given if each not in found]
    if missing:
        raise Invalid(**{kind: _l("Nothing here has the address “%(name)s”.", name=missing[0][:60])})
    return sorted(set(found.values()))


async def read_wanted_token(transaction: Transaction, member: Member, form: Form) -> WantedToken:
    """What a form says of a token. Raises Invalid."""
    name = form.text("name", limit=LONGEST_TOKEN_NAME)
    scopes = form.values.get("scopes", [])
    if not scopes:
        form.errors["scopes"] = _l("Choose what the program may do.")
    narrowed: dict[str, list[int] | None] = {}
    for kind in NARROWINGS:
        try:
            narrowed[kind] = await read_narrowing(transaction, member, kind, list_words(form[kind]))
        except Invalid as invalid:
            form.errors |= invalid.errors
    origins = [each.lower().rstrip("/") for each in list_words(form["origins"])]
    if len(origins) > MOST_ORIGINS or not all(ORIGIN.fullmatch(each) for each in origins):
        form.errors["origins"] = _l("Enter up to %(limit)d, such as https://example.org.", limit=MOST_ORIGINS)
    days = number_of(form["ends"])
    if days > MOST_DAYS:
        form.errors["ends"] = _l("Choose one from the list.")
    form.check()
    ends_at = now() + timedelta(days=days) if days else None
    return WantedToken(name, scopes, origins=origins, ends_at=ends_at, **narrowed)


def list_words(text: str) -> list[str]:
    """What was typed with commas or spaces between, each once."""
    return list(dict.fromkeys(text.replace(",", " ").split()))
