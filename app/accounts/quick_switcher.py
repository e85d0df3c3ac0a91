"""The quick switcher: to anything there is by some letters of its name, and what one can do from anywhere.

Features add where it leads: `leads_to` a page or an act that is always there, `switches_to` what is found by its name.
"""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Iterable
from typing import Any, Literal, get_args

from litestar import MediaType, Response, get
from msgspec import Struct
from msgspec.structs import replace

from app.accounts.access import AnyRequest
from app.accounts.choosing import ChoosingLimit
from app.accounts.members import Member
from app.accounts.rights import may
from app.accounts.shell import render_page
from app.accounts.tabs import TABS, ShellArea, tabs_of
from app.database import Transaction
from app.folding import fold_searched
from app.web.calls import is_call
from app.web.templates import render
from app.web.texts import Text, _l, _ln

# Of a kind of thing that is found, so many are shown; of what was open last; and so much of a text is looked for.
LIMIT = 6
RECENTLY_OPEN_SHOWN = 6
LONGEST_SOUGHT = 100
# What browsers remember of pages: the subject of one, or its address.
REMEMBERED_KEY = re.compile(r"[a-z]+-[0-9]{1,18}|/[a-z0-9/-]{0,80}")
MOST_KEYS = 12

DestinationGroup = Literal["rooms", "collections", "people", "acts", "pages", "settings", "account", "records", "help"]
# In the order in which they are shown where each has something as near to what is typed.
DESTINATION_GROUPS: dict[str, Text] = {
    "rooms": _l("Rooms"),
    "collections": _l("Collections"),
    "people": _l("People"),
    "acts": _l("Actions"),
    "pages": _l("Pages"),
    "settings": _l("Settings"),
    "account": _l("Your account"),
    "records": _l("Records"),
    "help": _l("Help"),
}
RECENT = _l("Recent")
# What is offered before anything is typed.
OFFERED_FIRST = ("acts", "pages", "collections", "rooms")


class Destination(Struct, frozen=True):
    """Somewhere to go, or something to do: by a link, or by posting `fields` to the address.

    `key` is by what a browser remembers it: the subject of its page, such as `room-3`, or else its address. `note`
    tells it from others of that name. `rank` says how near its name is to what is typed, the nearest is 0. Of
    `attributes` scripts take it otherwise than other links and forms.
    """

    group: DestinationGroup
    title: str
    address: str
    icon: str
    key: str = ""
    note: str = ""
    rank: int = 0
    order: int = 0
    fields: tuple[tuple[str, str], ...] | None = None
    attributes: tuple[str, ...] = ()


class Sought(Struct, frozen=True):
    """What is looked for: a folded text, empty before one is typed, and what was open last."""

    text: str
    recent: tuple[str, ...] = ()
    language: str = "en"

    def rank(self, name: str) -> int | None:
        """How near a name is: it is what is typed, it begins so, a word of it does, it has it; None when it has not."""
        folded = fold_searched(name)
        if folded == self.text:
            return 0
        if folded.startswith(self.text):
            return 1
        if f" {self.text}" in folded:
            return 2
        return 3 if self.text in folded else None

    def pick(self, found: Iterable[Destination], *, most: int = LIMIT) -> list[Destination]:
        """Of all that there is of a kind the nearest, and what was open last where nothing is typed."""
        ranked = [(self.rank(each.title), each) for each in found]
        near = sorted(
            (replace(each, rank=rank) for rank, each in ranked if rank is not None),
            key=lambda each: (each.rank, self.age(each) if self.text else 0, each.order),
        )
        late = [] if self.text else [each for each in near[most:] if each.key in self.recent]
        return near[:most] + late

    def age(self, place: Destination) -> int:
        """How many were open after it."""
        return self.recent.index(place.key) if place.key in self.recent else len(self.recent)

    def ids(self, kind: str) -> list[int]:
        """The ids of things of a kind that were open last."""
        return [int(each.partition("-")[2]) for each in self.recent if each.startswith(f"{kind}-")]


Source = Callable[[Transaction, Member, Sought], Awaitable[list[Destination]]]
SOURCES: list[Source] = []


def switches_to(source: Source) -> Source:
    """Register a function that finds destinations; of a kind it gives at most `LIMIT`, and what was open last."""
    SOURCES.append(source)
    return source


class AlwaysThere(Struct, frozen=True):
    """A page, or something to do, that is there for whoever has the `right`; without one for all."""

    group: DestinationGroup
    label: Text
    address: str
    icon: str
    order: int
    right: tuple[str, Any] | None
    posts: bool
    attributes: tuple[str, ...]


ALWAYS_THERE: list[AlwaysThere] = []


def leads_to(
    group: DestinationGroup,
    label: Text,
    address: str,
    *,
    icon: str,
    order: int,
    right: tuple[str, Any] | None = None,
    posts: bool = False,
    attributes: tuple[str, ...] = (),
) -> None:
    """Add a page or an act; one that `posts` is a form without fields."""
    ALWAYS_THERE.append(AlwaysThere(group, label, address, icon, order, right, posts, attributes))


@switches_to
async def find_always_there(transaction: Transaction, member: Member, sought: Sought) -> list[Destination]:
    """Pages, tabs of settings and of the account, and acts."""
    found: dict[str, list[Destination]] = {}
    known: set[str] = set()
    for each in ALWAYS_THERE:
        if each.right is not None and not may(member, *each.right):
            continue
        known.add(each.address)
        fields: tuple[tuple[str, str], ...] | None = () if each.posts else None
        key = "" if each.posts else each.address
        title = each.label.translate(sought.language)
        place = Destination(each.group, title, each.address, each.icon, key, order=each.order)
        place = replace(place, fields=fields, attributes=each.attributes)
        found.setdefault(each.group, []).append(place)
    areas: tuple[ShellArea, ...] = get_args(ShellArea)
    for area in areas:
        for tab, _ in tabs_of(area, member, "") if area in TABS else ():
            if tab.address not in known:
                title = tab.label.translate(sought.language)
                found.setdefault(area, []).append(Destination(area, title, tab.address, tab.icon, tab.address))
    return [each for group in found.values() for each in sought.pick(group, most=len(group))]


def name_area(place: Destination, language: str) -> Destination:
    """A place beside others that are of no area: a tab has its area's name with it, as two are called the same."""
    if place.group not in get_args(ShellArea):
        return place
    return replace(place, note=DESTINATION_GROUPS[place.group].translate(language))


def arrange(found: Iterable[Destination], sought: Sought) -> list[tuple[Text, list[Destination]]]:
    """What was found in groups, each with its heading: before anything is typed first what was open last, then the
    group with what is nearest."""
    places = {(each.group, each.address, each.fields): each for each in found}.values()
    shown: list[tuple[Text, list[Destination]]] = []
    groups = [name for name in DESTINATION_GROUPS if any(each.group == name for each in places)]
    near = sorted(places, key=lambda each: (each.rank if sought.text else 0, each.order))
    own = {name: [each for each in near if each.group == name] for name in groups}
    if sought.text:
        groups.sort(key=lambda name: min(each.rank for each in own[name]))
    else:
        recent = sorted((each for each in places if each.key in sought.recent), key=sought.age)[:RECENTLY_OPEN_SHOWN]
        if recent:
            shown.append((RECENT, [name_area(each, sought.language) for each in recent]))
        groups = [name for name in OFFERED_FIRST if name in own]
        own = {name: [each for each in own[name] if each not in recent] for name in groups}
    return shown + [(DESTINATION_GROUPS[name], own[name]) for name in groups if own[name]]


@get("/quick-switcher")
async def show_quick_switcher(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    choosing: ChoosingLimit,
    q: str = "",
    recent: list[str] | None = None,
) -> Response[Any]:
    """Where some letters may lead: a page of its own, or what js/quick-switcher.js shows over any page."""
    await choosing.check(member)
    keys = [each for each in (recent or [])[:MOST_KEYS] if REMEMBERED_KEY.fullmatch(each)]
    language = transaction.tenant.language
    sought = Sought(fold_searched(q[:LONGEST_SOUGHT]), tuple(dict.fromkeys(keys)), language)
    groups = arrange([place for source in SOURCES for place in await source(transaction, member, sought)], sought)
    if is_call(request):
        count = sum(len(places) for heading, places in groups)
        said = _ln("%(count)d result", "%(count)d results", count)
        html = render(language, "accounts/_destinations.html", groups=groups, said=said, member=member)
        return Response(html, media_type=MediaType.HTML)
    query = q[:LONGEST_SOUGHT]
    template = "accounts/quick_switcher.html"
    return await render_page(request, transaction, member, template, groups=groups, query=query)
